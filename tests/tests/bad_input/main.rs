//! Peers that send what is no frame, over real sockets. Each gets a clear error and loses its own session; the
//! server goes on, and a healthy session beside it loses nothing.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod cases;

use std::net::Ipv4Addr;

use korinet::raw::Raw;
use korinet::{CodecError, ConnectionError, Server, Session, SessionError, State};
use korinet_tests::numbered::{message, number_of};
use korinet_tests::{chain, v2_client, v2_server, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use cases::{cases, frame_of};

/// The good message in front of each bad one. Each has its own number: the same message on one short connection
/// after the other would be taken for one that came again.
fn good(number: u64) -> Vec<u8> {
    frame_of(&message(number).to_cbor())
}

/// Whether the error is one of the types that stand for the peer's bytes.
fn is_about_bytes(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::Decode(_) | ConnectionError::Truncated { .. }
    )
}

/// A session that is to lose nothing, whatever happens beside it.
struct Healthy {
    client: Session,
    server: Session,
    number: u64,
}

impl Healthy {
    async fn connect(server: &Server) -> Self {
        let client = v2_client()
            .connect(server.local_addr().unwrap().to_string())
            .await
            .unwrap();
        let server = within("the healthy connection", server.accept())
            .await
            .unwrap();
        Self {
            client,
            server,
            number: 0,
        }
    }

    /// A message in each direction, numbered on.
    async fn exchange(&mut self) {
        self.number += 1;
        let message = message(self.number);
        let exchange = async {
            self.client.send(&message).await.unwrap();
            assert_eq!(
                number_of(&self.server.recv().await.unwrap().unwrap()),
                self.number
            );
            self.server.send(&message).await.unwrap();
            assert_eq!(
                number_of(&self.client.recv().await.unwrap().unwrap()),
                self.number
            );
        };
        within("the healthy session", exchange).await;
    }
}

/// Whatever the other side sends, up to the end of the connection.
async fn read_to_end(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // It may be an error: what the other side did not read makes the end a reset.
    let _ = within(
        "the end of the bad connection",
        stream.read_to_end(&mut rest),
    )
    .await;
}

#[tokio::test]
async fn a_server_survives_and_names_what_it_got() {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut healthy = Healthy::connect(&server).await;
    for (number, (name, bytes, expect)) in (1..).zip(cases()) {
        let mut peer = TcpStream::connect(server.local_addr().unwrap())
            .await
            .unwrap();
        let mut session = within("the bad connection", server.accept()).await.unwrap();
        assert_eq!(session.peer_addr(), Some(peer.local_addr().unwrap()));
        healthy.exchange().await;
        peer.write_all(&good(number)).await.unwrap();
        // The session may be gone before it has read all of it.
        let _ = peer.write_all(&bytes).await;
        let _ = peer.shutdown().await;
        let good = within(name, session.recv()).await.unwrap().unwrap();
        assert_eq!(number_of(&good), number, "{name}");
        let error = within(name, session.recv()).await.unwrap_err();
        assert_eq!(
            chain(&error),
            format!("connection lost: {expect}"),
            "{name}"
        );
        assert!(
            matches!(&error, SessionError::ConnectionLost(error) if is_about_bytes(error)),
            "{name}: {error:?}"
        );
        let State::Closed {
            error: Some(told), ..
        } = session.state().borrow().clone()
        else {
            panic!("{name}: not closed");
        };
        assert_eq!(told, error, "{name}");
        assert!(session.send(&message(8)).await.is_err(), "{name}");
        read_to_end(&mut peer).await;
        healthy.exchange().await;
    }
    assert_eq!(healthy.number, 2 * cases().len() as u64);
}

/// The session is not touched by what a peer sends while nobody reads it, and all bad peers at once are no more than one.
#[tokio::test]
async fn many_bad_peers_at_once_and_halves_of_frames_stop_nobody() {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut healthy = Healthy::connect(&server).await;
    let mut open = Vec::new();
    for (_, bytes, _) in cases() {
        let mut peer = TcpStream::connect(server.local_addr().unwrap())
            .await
            .unwrap();
        let session = within("the bad connection", server.accept()).await.unwrap();
        let _ = peer.write_all(&bytes[..bytes.len() / 2]).await;
        healthy.exchange().await;
        open.push((peer, session));
    }
    for ((peer, _), (_, bytes, _)) in open.iter_mut().zip(cases()) {
        let _ = peer.write_all(&bytes[bytes.len() / 2..]).await;
        let _ = peer.shutdown().await;
        healthy.exchange().await;
    }
    for ((_, mut session), (name, _, expect)) in open.into_iter().zip(cases()) {
        let error = within(name, session.recv()).await.unwrap_err();
        assert_eq!(
            chain(&error),
            format!("connection lost: {expect}"),
            "{name}"
        );
    }
    healthy.exchange().await;
}

#[tokio::test]
async fn a_raw_receiver_names_what_it_got() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for (number, (name, bytes, expect)) in (1..).zip(cases()) {
        let mut peer = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let mut raw = Raw::new(listener.accept().await.unwrap().0);
        let bytes = [good(number), bytes].concat();
        let receive = async {
            let good = raw.recv().await.unwrap().unwrap();
            assert_eq!(number_of(&good), number, "{name}");
            let error = raw.recv().await.unwrap_err();
            assert_eq!(chain(&error), expect, "{name}");
            assert!(
                matches!(error, CodecError::Decode(_) | CodecError::Truncated { .. }),
                "{name}"
            );
        };
        let send = async {
            let _ = peer.write_all(&bytes).await;
            let _ = peer.shutdown().await;
        };
        within(name, async { tokio::join!(receive, send) }).await;
    }
}

/// A client does not go on dialling a peer of another protocol, and says which that seems to be.
#[tokio::test]
async fn a_client_names_a_server_of_another_protocol() {
    for (answer, expect) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "HTTP"),
        (b"SSH-2.0-OpenSSH_9.9\r\n", "SSH"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "TLS"),
    ] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let client = v2_client();
        let (session, accepted) = tokio::join!(client.connect(addr), listener.accept());
        let mut session = session.unwrap();
        accepted.unwrap().0.write_all(answer).await.unwrap();
        let error = within("the error", session.recv()).await.unwrap_err();
        let text = chain(&error);
        assert!(matches!(error, SessionError::Incompatible(_)), "{error:?}");
        assert!(
            text.ends_with(&format!("the peer seems to speak {expect}")),
            "{text}"
        );
    }
}
