//! The proxy does what it is told: a test that relies on a fault relies on this.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use korinet_tests::proxy::{Counts, Cut, Direction, Place, Plan, Proxy};
use korinet_tests::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Frames of 5, 4 and 6 bytes.
const FRAMES: &[u8] = b"\0\0\0\x01a\0\0\0\0\0\0\0\x02bc";

struct Setup {
    listener: TcpListener,
    proxy: Proxy,
}

impl Setup {
    async fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await;
        proxy.plan(plans);
        Self { listener, proxy }
    }

    /// A client and the server's end of its connection.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.proxy.addr()).await.unwrap();
        let (server, _) = within("the proxy to connect", self.listener.accept())
            .await
            .unwrap();
        (client, server)
    }
}

/// Everything up to the end of the stream, and how it ended.
async fn read_all(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let ended = within("the end of a stream", stream.read_to_end(&mut bytes)).await;
    (bytes, ended.map(drop))
}

async fn check_cut(direction: Direction, place: Place, cut: Cut, expect: &[u8]) {
    let setup = Setup::new([Plan::cut(direction, place, cut)]).await;
    let (mut client, mut server) = setup.connect().await;
    let (sender, receiver) = match direction {
        Direction::ToServer => (&mut client, &mut server),
        Direction::ToClient => (&mut server, &mut client),
    };
    // With a cut at the very start the connection can be gone already.
    let _ = sender.write_all(FRAMES).await;
    let counts = setup
        .proxy
        .wait_for("the cut", |counts| counts.cuts() == 1)
        .await;
    let none = Counts {
        connections: 1,
        ..Counts::default()
    };
    let (kind, expected) = match cut {
        Cut::Fin => (None, Counts { fin: 1, ..none }),
        Cut::Reset => (
            Some(io::ErrorKind::ConnectionReset),
            Counts { reset: 1, ..none },
        ),
        Cut::Silence => (None, Counts { silence: 1, ..none }),
    };
    assert_eq!(counts, expected);
    if cut == Cut::Silence {
        let mut bytes = vec![0; expect.len()];
        within("what came before", receiver.read_exact(&mut bytes))
            .await
            .unwrap();
        assert_eq!(bytes, expect);
        for stream in [sender, receiver] {
            let mut byte = [0];
            let silent =
                tokio::time::timeout(Duration::from_millis(5), stream.read(&mut byte)).await;
            assert!(silent.is_err(), "{place:?}: {silent:?}");
        }
        return;
    }
    let (bytes, ended) = read_all(receiver).await;
    assert_eq!(
        (&bytes[..], ended.err().map(|error| error.kind())),
        (expect, kind),
        "{place:?} {cut:?}"
    );
    let (bytes, ended) = read_all(sender).await;
    assert_eq!(
        (&bytes[..], ended.err().map(|error| error.kind())),
        (&b""[..], kind),
        "{place:?} {cut:?}"
    );
}

#[tokio::test]
async fn a_cut_lets_pass_exactly_what_comes_before_it() {
    for cut in [Cut::Fin, Cut::Reset, Cut::Silence] {
        for direction in [Direction::ToServer, Direction::ToClient] {
            for byte in 0..=FRAMES.len() {
                check_cut(direction, Place::Byte(byte as u64), cut, &FRAMES[..byte]).await;
            }
            for (frame, start, end) in [(1, 0, 5), (2, 5, 9), (3, 9, 15)] {
                check_cut(direction, Place::BeforeFrame(frame), cut, &FRAMES[..start]).await;
                check_cut(direction, Place::AfterFrame(frame), cut, &FRAMES[..end]).await;
            }
        }
    }
}

#[tokio::test]
async fn without_a_plan_both_directions_and_their_ends_pass() {
    let setup = Setup::new([]).await;
    let (mut client, mut server) = setup.connect().await;
    client.write_all(FRAMES).await.unwrap();
    client.shutdown().await.unwrap();
    let (bytes, ended) = read_all(&mut server).await;
    ended.unwrap();
    assert_eq!(bytes, FRAMES);
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let (bytes, ended) = read_all(&mut client).await;
    ended.unwrap();
    assert_eq!(bytes, b"answer");
    assert_eq!(
        setup.proxy.counts(),
        Counts {
            connections: 1,
            ..Counts::default()
        }
    );
}

#[tokio::test]
async fn bytes_are_written_one_by_one() {
    let setup = Setup::new([Plan::default().in_single_bytes()]).await;
    let (mut client, mut server) = setup.connect().await;
    client.write_all(FRAMES).await.unwrap();
    let mut bytes = [0; FRAMES.len()];
    within("all bytes", server.read_exact(&mut bytes))
        .await
        .unwrap();
    assert_eq!(bytes, FRAMES);
    let all = FRAMES.len() as u64;
    setup
        .proxy
        .wait_for("the count", |counts| counts.single_bytes == all)
        .await;
}

#[tokio::test]
async fn connections_are_refused_in_three_ways() {
    let setup = Setup::new([Plan::refuse()]).await;
    let mut client = TcpStream::connect(setup.proxy.addr()).await.unwrap();
    let (bytes, ended) = read_all(&mut client).await;
    assert_eq!(
        (bytes, ended.unwrap_err().kind()),
        (vec![], io::ErrorKind::ConnectionReset)
    );
    assert_eq!(setup.proxy.counts().refused, 1);

    setup.proxy.close_port().await;
    let refused = TcpStream::connect(setup.proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    setup.proxy.open_port().await;
    let (_client, _server) = setup.connect().await;
    assert_eq!(setup.proxy.counts().closed_port, 1);

    let Setup { listener, proxy } = setup;
    drop(listener);
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    assert!(read_all(&mut client).await.1.is_err());
    assert_eq!(proxy.counts().unreachable, 1);
}

#[tokio::test]
async fn connections_go_to_the_target_of_the_moment_and_end_with_the_proxy() {
    let setup = Setup::new([]).await;
    let (mut old, mut old_server) = setup.connect().await;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    setup.proxy.set_target(other.local_addr().unwrap());
    let _new = TcpStream::connect(setup.proxy.addr()).await.unwrap();
    within("the new target's connection", other.accept())
        .await
        .unwrap();
    old.write_all(b"x").await.unwrap();
    assert_eq!(
        within("the old connection", old_server.read_u8())
            .await
            .unwrap(),
        b'x'
    );
    drop(setup.proxy);
    let (bytes, _) = read_all(&mut old).await;
    assert!(bytes.is_empty());
}
