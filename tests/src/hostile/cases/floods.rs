//! Frames that cost their sender nothing, on and on.

use bytes::Bytes;
use korinet::ConnectionError;
use korinet_proto::v3::{Connection, Violation};
use korinet_wire::v3::{Addresses, Code, Frame, GoAway, Nonce};

use crate::hostile::hello::frame;
use crate::hostile::raw::{Raw, ack, data, encoded, volatile};
use crate::hostile::{Arena, Case, Told};

/// How many at once; far more than are allowed.
const BATCH: usize = 5_000;

pub(super) fn cases() -> Vec<Case> {
    let go_away = GoAway {
        code: Code::DRAINING,
        text: "",
        deadline: std::time::Duration::ZERO,
        retry_after: None,
        addresses: Addresses::default(),
    };
    let fat = [&b"\x82\x18\xc8"[..], &[0; 1000]].concat();
    vec![
        flood("flood of PING", encoded(&Frame::Ping(Nonce(1)))),
        flood("flood of PONG", encoded(&Frame::Pong(Nonce(1)))),
        flood("flood of ACK", ack(1)),
        flood("flood of messages that were there", data(1, b"")),
        flood("flood of GOAWAY", encoded(&go_away.into())),
        flood("flood of frames to be skipped", frame(b"\x82\x18\xc8\x00")),
        flood("flood of large frames to be skipped", frame(&fat)),
        volatiles("flood of the largest VOLATILE", 1 << 20, 40, 1000),
        honest_stream(),
        volatiles("flood of empty VOLATILE", 0, 50_000, 2_000_000),
    ]
}

/// One frame, again and again, until the server has enough of it.
fn flood(name: &'static str, frame: Vec<u8>) -> Case {
    let batch = frame.repeat(BATCH);
    let violation = Violation::ControlFlood {
        limit: Connection::MAX_CONTROL_FRAMES,
    };
    let told = Told::Close(violation.code());
    let flood = async move |arena: &Arena| {
        let flood = async || {
            let mut raw = arena.raw("listen").await;
            let told = raw.peer.send_until_told(&batch).await;
            match told {
                Some(told) => told,
                None => raw.peer.told().await,
            }
        };
        arena.repeat(flood).await
    };
    Case::new(name, flood)
        .server("tls")
        .detached(ConnectionError::Violation(violation))
        .told(told)
}

/// Payloads that may be dropped, to an application that does not read them: the network is their only bound, and the
/// window that of the memory.
fn volatiles(name: &'static str, len: usize, modest: usize, full: usize) -> Case {
    let flood = async move |arena: &Arena| {
        let mut raw: Raw = arena.raw("mute").await;
        let frame = volatile(&vec![7; len]);
        let at_once = (1 << 20) / frame.len() + 1;
        let batch = frame.repeat(at_once);
        for _ in 0..arena.either(modest, full).div_ceil(at_once) {
            raw.peer.send(&batch).await;
        }
        let told = raw.is_there(1).await;
        let session = arena.figures().await.get("counted");
        assert!(session <= 4 << 20, "{session} bytes are counted");
        vec![told]
    };
    Case::new(name, flood).server("tls").told(Told::GoesOn)
}

/// No attack, but what floods are to be compared with: an honest client that sends as fast as it can.
fn honest_stream() -> Case {
    let stream = async |arena: &Arena| {
        let session = arena.client().connect(arena.host()).await.unwrap();
        let sender = session.sender();
        sender.send_raw("listen").await.unwrap();
        let message = Bytes::from(vec![7; 1 << 20]);
        for _ in 0..arena.either(20, 2000) {
            sender.feed_raw(message.clone()).await.unwrap();
        }
        sender.flush().await.unwrap();
        session.close().await.unwrap();
        vec![Told::GoesOn]
    };
    Case::new("stream of large messages by an honest client", stream)
        .server("tls")
        .told(Told::GoesOn)
}
