//! Messages that come again on another connection while the server's application still has them in hand.
//!
//! The peer here is hand-made and does as the Python package's client: it sends again what was not acknowledged, under
//! a new id. Unlike that, it can be told when.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;

use korinet::wire::v2::ACKNOWLEDGEMENT;
use korinet::{AckLevel, Server, Session};
use korinet_tests::numbered::{message, number_of};
use korinet_tests::{v2_server, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How a peer leaves a connection.
#[derive(Debug, Clone, Copy)]
enum Leave {
    Fin,
    Reset,
}

const BOTH: [Leave; 2] = [Leave::Fin, Leave::Reset];

struct Peer {
    stream: TcpStream,
    ids: std::ops::RangeFrom<u32>,
}

impl Peer {
    /// A connection and the server's session on it. No two connections may have the same `serial`.
    async fn connect(server: &Server, serial: u32) -> (Self, Session) {
        let stream = TcpStream::connect(server.local_addr().unwrap())
            .await
            .unwrap();
        let session = within("the connection", server.accept()).await.unwrap();
        (
            Self {
                stream,
                ids: serial * 1000..,
            },
            session,
        )
    }

    async fn write(&mut self, data: &[u8]) {
        let id = format!("{:032x}", self.ids.next().unwrap());
        let body = [b"\xa2\x64data", data, b"\x62id\x78\x20", id.as_bytes()].concat();
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        self.stream
            .write_all(&[&length[..], &body].concat())
            .await
            .unwrap();
    }

    async fn write_number(&mut self, number: u64) {
        self.write(&message(number).to_cbor()).await;
    }

    async fn read(&mut self) -> Vec<u8> {
        let length = within("a frame", self.stream.read_u32()).await.unwrap();
        let mut body = vec![0; usize::try_from(length).unwrap()];
        within("a frame", self.stream.read_exact(&mut body))
            .await
            .unwrap();
        body
    }

    async fn read_acknowledgement(&mut self) {
        let body = self.read().await;
        assert!(
            body.windows(ACKNOWLEDGEMENT.len())
                .any(|part| part == ACKNOWLEDGEMENT),
            "{body:x?}"
        );
    }

    async fn send_number(&mut self, number: u64) {
        self.write_number(number).await;
        self.read_acknowledgement().await;
    }

    /// Resolves when the session has seen all that was written: it sends a message, and the acknowledgement of that
    /// comes after everything else. The package's client never does that while it waits for an acknowledgement, so the
    /// message before must not be expected to come again after this.
    async fn catch_up(&mut self, session: &Session) {
        let answer = async {
            self.read().await;
            self.write(ACKNOWLEDGEMENT).await;
        };
        let message = message(0);
        let (sent, ()) = tokio::join!(within("the catching up", session.send(&message)), answer);
        sent.unwrap();
    }

    /// Ends the connection and waits until the session has noticed.
    async fn leave(mut self, how: Leave, session: &Session) {
        match how {
            Leave::Fin => self.stream.shutdown().await.unwrap(),
            Leave::Reset => self.stream.set_zero_linger().unwrap(),
        }
        if let Leave::Reset = how {
            drop(self);
        }
        // What is in hand keeps a session from its end, but nothing can be sent any more.
        within("the end to be noticed", session.send(&message(0)))
            .await
            .unwrap_err();
    }
}

async fn bind(level: AckLevel) -> Server {
    let builder = v2_server().ack_level(level);
    builder.bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

async fn expect_number(session: &mut Session, number: u64) -> korinet::Message {
    let message = within("a message", session.recv())
        .await
        .unwrap()
        .expect("a message and not the end");
    assert_eq!(number_of(&message), number);
    message
}

/// The application has the message in hand when its connection ends; on as many further connections as there are
/// times, it comes again, and each but the last of these ends too. Then the application is done with it.
async fn comes_again(times: u32, how: Leave) {
    let server = bind(AckLevel::Processed).await;
    let (mut peer, mut first) = Peer::connect(&server, 0).await;
    peer.write_number(1).await;
    let in_hand = expect_number(&mut first, 1).await;
    peer.leave(how, &first).await;
    let mut unfinished = Vec::new();
    for serial in 1..times {
        let (mut peer, session) = Peer::connect(&server, serial).await;
        peer.write_number(1).await;
        peer.leave(how, &session).await;
        unfinished.push(session);
    }
    let (mut peer, mut last) = Peer::connect(&server, times).await;
    peer.write_number(1).await;
    peer.catch_up(&last).await;
    first.done(&in_hand);
    tokio::select! {
        message = last.recv() => panic!("1 came again: {message:?}"),
        () = peer.read_acknowledgement() => {}
    }
    peer.write_number(2).await;
    let next = expect_number(&mut last, 2).await;
    last.done(&next);
    peer.read_acknowledgement().await;
    for mut session in unfinished {
        assert!(
            !matches!(within("the end", session.recv()).await, Ok(Some(_))),
            "1 came again"
        );
    }
}

#[tokio::test]
async fn a_message_in_hand_is_not_delivered_beside_itself() {
    for how in BOTH {
        comes_again(1, how).await;
    }
}

#[tokio::test]
async fn a_message_in_hand_is_not_delivered_however_often_it_comes() {
    for how in BOTH {
        comes_again(3, how).await;
    }
}

#[tokio::test]
async fn a_message_that_the_application_gives_up_is_delivered_again() {
    for how in BOTH {
        let server = bind(AckLevel::Processed).await;
        let (mut peer, mut first) = Peer::connect(&server, 0).await;
        peer.write_number(1).await;
        let given_up = expect_number(&mut first, 1).await;
        assert!(!given_up.is_redelivered());
        peer.leave(how, &first).await;
        let (mut peer, mut second) = Peer::connect(&server, 1).await;
        peer.write_number(1).await;
        peer.catch_up(&second).await;
        drop(first);
        let again = expect_number(&mut second, 1).await;
        assert!(again.is_redelivered());
        second.done(&again);
        peer.read_acknowledgement().await;
    }
}

/// The application reads nothing; the message that found no room in the queue comes again. Not by a reset, which can
/// destroy that message before it is read.
#[tokio::test]
async fn a_message_that_waits_for_room_is_not_delivered_twice() {
    const QUEUE: u64 = 16;
    let server = bind(AckLevel::Received).await;
    let (mut peer, mut first) = Peer::connect(&server, 0).await;
    for number in 1..=QUEUE {
        peer.send_number(number).await;
    }
    peer.write_number(QUEUE + 1).await;
    peer.leave(Leave::Fin, &first).await;
    let (mut peer, mut second) = Peer::connect(&server, 1).await;
    peer.write_number(QUEUE + 1).await;
    peer.catch_up(&second).await;
    for number in 1..=QUEUE + 1 {
        expect_number(&mut first, number).await;
    }
    peer.read_acknowledgement().await;
    peer.send_number(QUEUE + 2).await;
    expect_number(&mut second, QUEUE + 2).await;
}
