use std::time::Duration;

use bytes::BytesMut;
use korinet_wire::v3::{self as wire, AttachNumber, Code, Frame, PREFACE, Reject};

use super::pair::Pair;
use crate::v3::{Channel, ClientConfig, Ending, Event, Greeted, Greeter, ServerConfig, Settings};
use crate::{ConnectionError, SessionError};

/// A client that waits for the answer to its HELLO.
fn greeting() -> Pair {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    pair.client.poll_action();
    pair.client
        .handle_connected(pair.now, AttachNumber::FIRST, Channel::Plain, None);
    pair.collect();
    pair
}

fn answer(pair: &mut Pair, frame: Frame<'_>) {
    let mut bytes = PREFACE.to_vec();
    frame.encode(&mut bytes).unwrap();
    answer_bytes(pair, &bytes);
}

fn answer_bytes(pair: &mut Pair, bytes: &[u8]) {
    let attach = last_attach(pair);
    let mut input = BytesMut::from(bytes);
    pair.client.handle_bytes(pair.now, attach, &mut input);
    pair.collect();
}

fn last_attach(pair: &Pair) -> AttachNumber {
    let connecting = pair
        .client_events
        .iter()
        .rev()
        .find_map(|event| match event {
            Event::Connecting(attach) => Some(*attach),
            _ => None,
        });
    connecting.unwrap_or(AttachNumber::FIRST)
}

fn reject(code: Code) -> Frame<'static> {
    Frame::Reject(Reject {
        code,
        text: "because",
        retry_after: Some(Duration::from_secs(30)),
        versions: None,
        attach: AttachNumber::new(1000),
        next: None,
        digest: None,
        proof: None,
    })
}

/// The wait that the client announces.
fn wait(pair: &Pair) -> Duration {
    match pair.last_event() {
        Event::Detached { wait, .. } => *wait,
        other => panic!("{other:?}"),
    }
}

// V3-33 of a REJECT: the class is heeded, proven or not.
#[test]
fn the_class_of_a_code_says_what_to_do() {
    for code in [Code::INTERNAL, Code::FRAME_MALFORMED, Code::from_u16(199)] {
        let mut pair = greeting();
        answer(&mut pair, reject(code));
        assert!(wait(&pair) <= Duration::from_millis(100), "{code}");
    }
    for code in [Code::OVERLOADED, Code::from_u16(299)] {
        let mut pair = greeting();
        answer(&mut pair, reject(code));
        assert_eq!(wait(&pair), Duration::from_secs(30), "{code}");
    }
    for code in [
        Code::NOT_AUTHORIZED,
        Code::from_u16(599),
        Code::from_u16(700),
    ] {
        let mut pair = greeting();
        answer(&mut pair, reject(code));
        assert!(matches!(
            pair.last_event(),
            Event::Closed {
                why: Ending::Error(SessionError::Refused(_)),
                ..
            }
        ));
    }
}

#[test]
fn a_wait_that_is_imposed_is_limited() {
    let mut pair = greeting();
    let mut frame = reject(Code::STARTING);
    if let Frame::Reject(reject) = &mut frame {
        reject.retry_after = Some(Duration::from_secs(1 << 40));
    }
    answer(&mut pair, frame);
    assert_eq!(wait(&pair), Duration::from_secs(60));
}

#[test]
fn credentials_that_are_refused_twice_are_not_tried_again() {
    let mut pair = greeting();
    answer(&mut pair, reject(Code::AUTHENTICATION_FAILED));
    let waited = wait(&pair);
    pair.now += waited;
    pair.client.handle_timeout(pair.now);
    pair.collect();
    let attach = last_attach(&pair);
    pair.client
        .handle_connected(pair.now, attach, Channel::Plain, None);
    answer(&mut pair, reject(Code::AUTHENTICATION_FAILED));
    assert!(pair.client.is_over());
}

// V3-33: without a proof nothing but the class counts.
#[test]
fn positions_without_a_proof_are_not_believed() {
    let mut pair = Pair::attached();
    pair.send(b"precious");
    pair.cut();
    pair.now += Duration::from_millis(100);
    pair.client.handle_timeout(pair.now);
    pair.collect();
    let attach = last_attach(&pair);
    pair.client
        .handle_connected(pair.now, attach, Channel::Plain, None);
    let mut frame = reject(Code::SESSION_ENDED);
    if let Frame::Reject(reject) = &mut frame {
        reject.next = wire::Seq::new(2);
        reject.proof = Some(wire::Proof::from_bytes([0; 32]));
    }
    answer(&mut pair, frame);
    assert_eq!(pair.client.acknowledged().0, 0);
    assert!(
        pair.client_events
            .iter()
            .any(|event| matches!(event, Event::Lost { resent: 1, .. }))
    );
    pair.run();
    pair.wait(Duration::from_secs(1));
    assert_eq!(
        last_attach(&pair).get(),
        attach.get() + 1,
        "nor the attach number"
    );
}

#[test]
fn other_protocols_are_named() {
    for (bytes, expect, is_over) in [
        (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP", true),
        (b"\x15\x03\x03\0\x02\x02\x46", "TLS", true),
        (b"\xcbKNT\x04\0\0\0", "4", true),
        (b"\0\0\0\x36\xa2", "", false),
    ] {
        let mut pair = greeting();
        answer_bytes(&mut pair, bytes);
        let error = match pair.last_event() {
            Event::Closed {
                why: Ending::Error(SessionError::Incompatible(error)),
                ..
            } => {
                assert!(is_over, "{bytes:?}");
                error
            }
            Event::Detached { reason, .. } => {
                assert!(!is_over, "{bytes:?}");
                reason
            }
            other => panic!("{other:?}"),
        };
        assert!(error.to_string().contains(expect), "{error}");
    }
}

// V3-14
#[test]
fn only_a_welcome_or_a_reject_answers_a_hello() {
    for frame in [
        Frame::Ping(wire::Nonce(1)),
        Frame::Ack(wire::Ack {
            next: wire::Seq::FIRST,
            digest: None,
        }),
    ] {
        let mut pair = greeting();
        answer(&mut pair, frame);
        assert!(matches!(
            pair.last_event(),
            Event::Detached {
                reason: ConnectionError::Violation(_),
                ..
            }
        ));
    }
}

/// What a server answers to these bytes.
fn greeted(bytes: &[u8]) -> Option<Result<(), (ConnectionError, Vec<u8>)>> {
    let mut greeter = Greeter::new(std::time::Instant::now(), &Settings::default());
    let answer = greeter.handle_bytes(&mut BytesMut::from(bytes))?;
    Some(match answer {
        Greeted::Hello(_) => Ok(()),
        Greeted::Refused(refused) => Err((refused.reason, refused.answer.to_vec())),
    })
}

// V3-2, V3-3, V3-9
#[test]
fn a_server_answers_only_who_speaks_its_protocol() {
    for (bytes, code) in [
        (&b"GET / HTTP/1.1\r\n"[..], None),
        (b"\0\0\0\x36\xa2", None),
        (b"\xcbKNT\x03\0\0\x01", None),
        (b"\xcbKNT\x02\0\0\0", Some(Code::VERSION_UNSUPPORTED)),
        (b"\xcbKNT\x03\0\0\0\0\0\0\0", Some(Code::FRAME_MALFORMED)),
        (
            b"\xcbKNT\x03\0\0\0\0\0\x40\x01",
            Some(Code::FRAME_TOO_LARGE),
        ),
        (
            b"\xcbKNT\x03\0\0\0\0\0\0\x03\x82\x06\x01",
            Some(Code::FRAME_UNEXPECTED),
        ),
        (
            b"\xcbKNT\x03\0\0\0\0\0\0\x03\x82\x18\x40",
            Some(Code::FRAME_UNKNOWN),
        ),
    ] {
        let Some(Err((_, answer))) = greeted(bytes) else {
            panic!("{bytes:?}");
        };
        let found = answer
            .strip_prefix(&PREFACE)
            .map(|frame| match wire::decode(frame, 16_384) {
                Ok(wire::Decoded::Complete {
                    frame: Frame::Reject(reject),
                    ..
                }) => reject.code,
                other => panic!("{other:?}"),
            });
        assert_eq!(found, code, "{bytes:?}");
    }
    for partial in [
        &b""[..],
        b"\xcb",
        b"\xcbKNT\x03\0\0\0",
        b"\xcbKNT\x03\0\0\0\0\0\0\x03\x82",
    ] {
        assert!(greeted(partial).is_none(), "{partial:?}");
    }
}

// V3-14
#[test]
fn a_client_says_nothing_more_before_it_is_welcome() {
    let mut pair = greeting();
    let mut out = korinet_proto::v3::Transmit::new();
    let attach = last_attach(&pair);
    pair.client.poll_transmit(pair.now, attach, &mut out);
    let hello = out.into_bytes();
    assert!(matches!(greeted(&hello), Some(Ok(()))));
    let more = [&hello[..], b"\0\0\0\x03\x82\x06\x01"].concat();
    let Some(Err((reason, answer))) = greeted(&more) else {
        panic!("taken");
    };
    assert_eq!(reason.to_string(), "unexpected frame before the welcome");
    assert!(!answer.is_empty());
}

// V3-15
#[test]
fn a_client_that_never_says_hello_is_let_go() {
    let settings = Settings::default();
    let now = std::time::Instant::now();
    let end = now + settings.handshake_timeout;
    for (bytes, is_answered) in [(&b""[..], false), (b"\xcbKNT\x03\0\0\0\0\0", true)] {
        let mut greeter = Greeter::new(now, &settings);
        let mut input = BytesMut::from(bytes);
        assert!(greeter.handle_bytes(&mut input).is_none());
        assert_eq!(greeter.poll_timeout(), Some(end));
        let before = greeter.handle_timeout(end - Duration::from_millis(1), &settings);
        assert_eq!(before, None);
        let refused = greeter.handle_timeout(end, &settings).unwrap();
        assert_eq!(!refused.answer.is_empty(), is_answered);
        assert_eq!(greeter.poll_timeout(), None);
    }
}

#[test]
fn sessions_are_limited() {
    let server = ServerConfig {
        max_sessions: 0,
        ..ServerConfig::default()
    };
    let mut pair = Pair::new(ClientConfig::new(1), server);
    pair.run();
    assert!(matches!(
        pair.last_event(),
        Event::Detached {
            reason: ConnectionError::Refused {
                code: Code::TOO_MANY_SESSIONS,
                ..
            },
            ..
        }
    ));
}
