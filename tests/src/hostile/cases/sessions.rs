//! What a client says that has a session, over TLS.

use korinet::{ConnectionError, Ending};
use korinet_proto::v3::Violation;
use korinet_wire::DecodeErrorKind;
use korinet_wire::v3::{Code, Features, Frame, How, Kind, PREFACE, max_frame};

use super::hellos::nested;
use super::opening::{reject, welcome};
use crate::hostile::hello::{Wish, frame, hello};
use crate::hostile::raw::{Raw, encoded, seq};
use crate::hostile::{Arena, Case, Told};

/// The largest payload that the server takes.
pub(super) const MESSAGE: usize = 1 << 20;

/// A session sends this; told is what is said then.
pub(super) fn strike(name: &'static str, make: impl Fn(&mut Raw) -> Vec<u8> + 'static) -> Case {
    strike_as(name, "listen", Features::NONE, make)
}

pub(super) fn strike_as(
    name: &'static str,
    role: &'static str,
    offered: Features,
    make: impl Fn(&mut Raw) -> Vec<u8> + 'static,
) -> Case {
    Case::new(name, async move |arena: &Arena| {
        let strike = async || {
            let wish = Wish {
                offered,
                ..Wish::open()
            };
            let mut raw = arena.raw_as(role, &wish).await;
            let bytes = make(&mut raw);
            raw.peer.send(&bytes).await;
            raw.peer.told().await
        };
        arena.repeat(strike).await
    })
    .server("tls")
}

/// A session sends this, which is no error.
pub(super) fn harmless(name: &'static str, make: impl Fn(&mut Raw) -> Vec<u8> + 'static) -> Case {
    Case::new(name, async move |arena: &Arena| {
        let strike = async || {
            let mut raw = arena.raw("listen").await;
            let bytes = make(&mut raw);
            raw.peer.send(&bytes).await;
            raw.is_there(7).await
        };
        arena.repeat(strike).await
    })
    .server("tls")
    .told(Told::GoesOn)
}

pub(super) fn violation(case: Case, violation: Violation) -> Case {
    let code = violation.code();
    case.detached(ConnectionError::Violation(violation))
        .told(Told::Close(code))
}

pub(super) fn malformed(name: &'static str, body: &[u8], kind: DecodeErrorKind) -> Case {
    let bytes = frame(body);
    strike(name, move |_| bytes.clone())
        .detached_frame(kind)
        .told(Told::Close(kind.code()))
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = lengths();
    all.extend(frames());
    all.extend(closings());
    all.push(values());
    all
}

fn lengths() -> Vec<Case> {
    let max = max_frame(u32::try_from(MESSAGE).unwrap());
    let too_large = |name, len: u32| {
        let kind = DecodeErrorKind::FrameTooLarge {
            len,
            max,
            looks_like: None,
        };
        strike(name, move |_| len.to_be_bytes().to_vec())
            .detached_frame(kind)
            .told(Told::Close(Code::FRAME_TOO_LARGE))
    };
    // Of a type that is skipped, so that its content does not matter.
    let skipped = |len: u32| {
        let mut body = b"\x82\x18\xc8".to_vec();
        body.resize(usize::try_from(len).unwrap(), 0xff);
        frame(&body)
    };
    vec![
        harmless("frame one byte below the limit", move |_| skipped(max - 1)),
        harmless("frame at the limit", move |_| skipped(max)),
        too_large("length above the limit", max + 1),
        too_large("greatest length", u32::MAX),
        strike("length zero", |_| vec![0; 4])
            .detached_frame(DecodeErrorKind::EmptyFrame)
            .told(Told::Close(Code::FRAME_MALFORMED)),
        strike("many lengths of zero", |_| vec![0; 400_000])
            .detached_frame(DecodeErrorKind::EmptyFrame)
            .told(Told::Close(Code::FRAME_MALFORMED)),
    ]
}

fn frames() -> Vec<Case> {
    let unexpected = |name, what, bytes: Vec<u8>| {
        let case = strike(name, move |_| bytes.clone());
        violation(case, Violation::Unexpected(what))
    };
    let second = hello(&Wish::open(), &[0; 32], None)[PREFACE.len()..].to_vec();
    let bomb = [&b"\x83\x06\x01"[..], &nested(100_000)].concat();
    vec![
        unexpected("second HELLO", "HELLO", second),
        unexpected("WELCOME from a client with a session", "WELCOME", welcome()),
        unexpected("REJECT from a client with a session", "REJECT", reject()),
        malformed(
            "unknown type below 128",
            b"\x82\x18\x7f\x00",
            DecodeErrorKind::UnknownType(127),
        ),
        malformed(
            "nesting bomb behind a PING",
            &bomb,
            DecodeErrorKind::TooDeep { max: 16 },
        ),
        malformed(
            "VOLATILE of a kind that does not exist",
            b"\x83\x0a\x01\x40",
            DecodeErrorKind::VolatileKind(1),
        ),
        malformed(
            "random bytes in a frame",
            &[0xff; 1000],
            DecodeErrorKind::UnexpectedBreak,
        ),
    ]
}

fn closings() -> Vec<Case> {
    let close = |how| {
        encoded(&Frame::Close(korinet_wire::v3::Close {
            code: Code::DONE,
            text: "\u{1b}[2J",
            how,
            next: seq(2),
            digest: None,
        }))
    };
    let text = "\u{1b}[2J".to_owned();
    let code = Code::DONE;
    let behind = move |how| [close(how), vec![0xff; 100_000]].concat();
    let beyond = || {
        encoded(&Frame::Close(korinet_wire::v3::Close {
            code: Code::DONE,
            text: "",
            how: How::End,
            next: seq(9),
            digest: None,
        }))
    };
    vec![
        strike("junk behind CLOSE of the connection", move |_| {
            behind(How::Detach)
        })
        .detached(ConnectionError::Closed {
            code,
            text: text.clone(),
        })
        .told(Told::Nothing),
        strike("junk behind CLOSE of the session", move |_| {
            behind(How::End)
        })
        .closed(Ending::Peer { code, text })
        .told(Told::End(Code::DONE)),
        violation(
            strike("CLOSE that takes what was not sent", move |_| beyond()),
            Violation::AckBeyondSent {
                next: seq(9),
                sent: seq(2),
            },
        ),
    ]
}

/// Payloads that are a danger for who decodes them: the application gets an error, and the session goes on.
fn values() -> Case {
    Case::new("payloads that are no values", async |arena: &Arena| {
        let strike = async || {
            let mut raw = arena.raw("decode").await;
            let bomb = nested(1_000_000);
            for (payload, expect) in [
                (&bomb[..], "nested deeper than 64 levels"),
                (&b"\xc1".repeat(1_000_000), "nested deeper than 64 levels"),
                (b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", "input ends within"),
                (b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff", "input ends within"),
                (
                    b"\xbb\x00\xff\xff\xff\xff\xff\xff\xff\x00",
                    "input ends within",
                ),
                (b"\x62\xc3\x28", "not utf-8"),
                (b"", "input ends within"),
                (b"\x1c", "malformed"),
                (b"\x00\x00", "bytes follow the item"),
                (b"\x00", "it is a value"),
            ] {
                let message = raw.data_as(Kind::MESSAGE, payload);
                raw.peer.send(&message).await;
                let answer = String::from_utf8(raw.message().await).unwrap();
                assert!(answer.contains(expect), "{answer}, not {expect}");
            }
            raw.is_there(1).await
        };
        arena.repeat(strike).await
    })
    .server("tls")
    .told(Told::GoesOn)
}
