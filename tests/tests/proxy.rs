//! The proxy does what it is told: a test that relies on a fault relies on this.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;
use std::net::Ipv4Addr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::{Duration, Instant};

use korinet_chaos::{Chunks, Counts, Cut, Direction, Faults, Place, Plan, Proxy, What};
use korinet_tests::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Frames of 5, 4 and 6 bytes.
const FRAMES: &[u8] = b"\0\0\0\x01a\0\0\0\0\0\0\0\x02bc";

struct Setup {
    listener: TcpListener,
    proxy: Proxy,
}

impl Setup {
    async fn with(faults: Faults) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        let proxy = Proxy::bind("127.0.0.1:0", target, faults).await.unwrap();
        Self { listener, proxy }
    }

    async fn new(plans: impl IntoIterator<Item = Plan>) -> Self {
        let setup = Self::with(Faults::default()).await;
        setup.proxy.plan(plans);
        setup
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
    let counts = within("the cut", setup.proxy.wait_for(|counts| counts.cuts() == 1)).await;
    let (bytes_to_server, bytes_to_client) = match direction {
        Direction::ToServer => (expect.len() as u64, 0),
        Direction::ToClient => (0, expect.len() as u64),
    };
    let none = Counts {
        connections: 1,
        bytes_to_server,
        bytes_to_client,
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
    let expect = Counts {
        connections: 1,
        bytes_to_server: FRAMES.len() as u64,
        bytes_to_client: b"answer".len() as u64,
        ..Counts::default()
    };
    within(
        "the counts",
        setup.proxy.wait_for(|counts| *counts == expect),
    )
    .await;
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
    within(
        "the count",
        setup.proxy.wait_for(|counts| counts.chunks == all),
    )
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
    setup.proxy.open_port().await.unwrap();
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

#[tokio::test]
async fn a_silence_lasts_until_one_side_closes_or_for_good() {
    let silent = Plan::cut(Direction::ToServer, Place::Byte(1), Cut::Silence);
    let setup = Setup::new([silent.clone(), silent.clone(), silent.for_good()]).await;
    for client_closes in [true, false] {
        let (mut client, mut server) = setup.connect().await;
        client.write_all(b"xy").await.unwrap();
        assert_eq!(within("a byte", server.read_u8()).await.unwrap(), b'x');
        // Nobody reads that, and yet the other side is told.
        let _ = server.write_all(b"z").await;
        let mut left = if client_closes {
            drop(client);
            server
        } else {
            drop(server);
            client
        };
        assert_eq!(read_all(&mut left).await.0, b"");
    }
    let (mut client, mut server) = setup.connect().await;
    client.write_all(b"xy").await.unwrap();
    assert_eq!(within("a byte", server.read_u8()).await.unwrap(), b'x');
    within(
        "the cut",
        setup.proxy.wait_for(|counts| counts.silence == 3),
    )
    .await;
    drop(client);
    // Another connection comes and goes, so this one has had the time to be closed.
    let (client, mut other) = setup.connect().await;
    drop(client);
    read_all(&mut other).await.1.unwrap();
    let mut byte = [0];
    let kind = server.try_read(&mut byte).unwrap_err().kind();
    assert_eq!(kind, io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_delay_stops_nobody_from_sending() {
    const LEN: usize = 8 * 1024 * 1024;
    let setup = Setup::new([Plan::default().delayed(Duration::from_secs(24 * 60 * 60))]).await;
    let (mut client, mut server) = setup.connect().await;
    // Far more than the system itself takes from the senders, and none of it arrives today.
    let bytes = vec![7; LEN];
    within("all to be on its way", async {
        tokio::try_join!(client.write_all(&bytes), server.write_all(&bytes)).unwrap();
    })
    .await;
    assert_eq!(setup.proxy.counts().bytes(), 0);
}

#[tokio::test]
async fn a_delay_is_applied_in_both_directions() {
    const DELAY: Duration = Duration::from_millis(20);
    let setup = Setup::new([Plan::default().delayed(DELAY)]).await;
    let (mut client, mut server) = setup.connect().await;
    let start = Instant::now();
    client.write_all(FRAMES).await.unwrap();
    client.shutdown().await.unwrap();
    let (bytes, ended) = read_all(&mut server).await;
    ended.unwrap();
    assert_eq!(bytes, FRAMES);
    assert!(start.elapsed() >= DELAY);
    server.write_all(FRAMES).await.unwrap();
    drop(server);
    let (bytes, ended) = read_all(&mut client).await;
    ended.unwrap();
    assert_eq!(bytes, FRAMES);
    assert!(start.elapsed() >= 2 * DELAY);
}

/// How much is forwarded to the server on each of the connections, whose clients send more than that.
async fn carried(faults: Faults, connections: usize) -> (Vec<u64>, Counts) {
    let setup = Setup::with(faults).await;
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(50_000).collect();
    let mut lens = Vec::new();
    let mut before = Counts::default();
    for number in 1..=connections {
        let (mut client, mut server) = setup.connect().await;
        let cut = setup
            .proxy
            .wait_for(|counts| counts.cuts() == number as u64);
        // The connection ends while this is written, and not because it is.
        let send = async {
            let _ = client.write_all(&bytes).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = within("the cut", cut) => {}
            () = send => {}
        }
        drop(client);
        let (found, _) = read_all(&mut server).await;
        assert!(bytes.starts_with(&found));
        let now = setup.proxy.counts();
        let len = now.bytes_to_server - before.bytes_to_server;
        // A reset overtakes what the system has not sent yet.
        let is_reset = now.reset > before.reset;
        assert!(found.len() as u64 == len || is_reset && len > found.len() as u64);
        lens.push(len);
        before = now;
    }
    (lens, before)
}

#[tokio::test]
async fn the_same_seed_cuts_at_the_same_places() {
    const CONNECTIONS: usize = 30;
    let faults = |seed| Faults::new(seed).cut_at_random(NonZeroU64::new(2000).unwrap());
    let (first, counts) = carried(faults(1), CONNECTIONS).await;
    assert_eq!(counts.cuts(), CONNECTIONS as u64);
    assert_eq!(counts.bytes_to_server, first.iter().sum::<u64>());
    assert!(counts.fin > 0 && counts.reset > 0 && counts.silence > 0);
    let in_chunks = faults(1).in_chunks(Chunks::Random(NonZeroUsize::new(9).unwrap()));
    let (second, again) = carried(in_chunks, CONNECTIONS).await;
    assert_eq!(first, second);
    assert_eq!(Counts { chunks: 0, ..again }, counts);
    assert!(again.chunks > again.bytes() / 9);
    assert_ne!(carried(faults(2), CONNECTIONS).await.0, first);
}

#[tokio::test]
async fn connections_are_cut_after_every_so_many_bytes() {
    let faults = Faults::new(1)
        .cut_every(NonZeroU64::new(777).unwrap())
        .cut_by(Cut::Fin);
    let (lens, counts) = carried(faults, 5).await;
    assert_eq!((lens, counts.fin), (vec![777; 5], 5));
}

#[tokio::test]
async fn connections_are_cut_when_they_have_lasted_so_long() {
    const TIME: Duration = Duration::from_millis(50);
    for cut in [Cut::Fin, Cut::Reset] {
        let setup = Setup::with(Faults::new(1).cut_by(cut).cut_after(TIME)).await;
        let start = Instant::now();
        let (mut client, mut server) = setup.connect().await;
        server.write_all(b"hello").await.unwrap();
        client.read_exact(&mut [0; 5]).await.unwrap();
        let (bytes, ended) = read_all(&mut client).await;
        assert!(start.elapsed() >= TIME);
        assert_eq!((bytes, ended.is_err()), (vec![], cut == Cut::Reset));
        let counts = setup.proxy.counts();
        assert_eq!((counts.cuts(), counts.bytes_to_client), (1, 5));
    }
    let plan = Plan::cut_after(Duration::ZERO, Cut::Reset);
    let setup = Setup::new([plan]).await;
    let (mut client, _server) = setup.connect().await;
    assert!(read_all(&mut client).await.1.is_err());
}

#[tokio::test]
async fn what_happens_is_told_in_its_order() {
    let (sender, mut events) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap();
    let tell = move |event: korinet_chaos::Event| {
        let _ = sender.send((event.to_string(), matches!(event.what, What::Came(_))));
    };
    let proxy = Proxy::bind_observed("127.0.0.1:0", target, Faults::new(1), tell)
        .await
        .unwrap();
    proxy.plan([Plan::cut(Direction::ToServer, Place::Byte(3), Cut::Fin)]);
    let mut client = TcpStream::connect(proxy.addr()).await.unwrap();
    client.write_all(b"abcd").await.unwrap();
    within("the cut", proxy.wait_for(|counts| counts.fin == 1)).await;
    drop(listener);
    assert_eq!(read_all(&mut client).await.0, b"");
    let mut refused = TcpStream::connect(proxy.addr()).await.unwrap();
    assert!(read_all(&mut refused).await.1.is_err());
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(within("an event", events.recv()).await.unwrap());
    }
    let peer = |stream: &TcpStream| stream.local_addr().unwrap();
    assert_eq!(
        lines,
        [
            (format!("connection 1 came from {}", peer(&client)), true),
            (
                "connection 1 cut by FIN, on the way to the server, \
                 after 3 bytes to the server and 0 to the client"
                    .to_owned(),
                false
            ),
            (format!("connection 2 came from {}", peer(&refused)), true),
            (lines[3].0.clone(), false),
        ]
    );
    let unreachable = "connection 2 reset, the target cannot be reached: ";
    assert!(lines[3].0.starts_with(unreachable), "{}", lines[3].0);
}
