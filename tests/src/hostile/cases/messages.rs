//! Messages that are not as the window, the numbers or the digests want them.

use korinet_proto::v3::Violation;
use korinet_wire::DecodeErrorKind::Field;
use korinet_wire::v3::{Ack, Code, Digest, Features, FieldError, Frame, Kind, Limits, Seq};

use super::sessions::{MESSAGE, harmless, malformed, strike, strike_as, violation};
use crate::hostile::hello::{Wish, head};
use crate::hostile::raw::{Raw, ack, data, encoded, seq, volatile};
use crate::hostile::{Arena, Case, Told};

pub(super) fn cases() -> Vec<Case> {
    let mut all = numbers();
    all.extend(digests());
    all.extend(sizes());
    all.extend(windows());
    all
}

fn numbers() -> Vec<Case> {
    let gap = |name, found: Seq| {
        let case = strike(name, move |_| data(found.get(), b"x"));
        let expected = seq(2);
        violation(case, Violation::SequenceGap { expected, found })
    };
    let above_last = [&b"\x84\x04"[..], &head(0, u64::MAX), b"\x10\x40"].concat();
    vec![
        violation(
            strike("ACK of what was not sent", |_| ack(3)),
            Violation::AckBeyondSent {
                next: seq(3),
                sent: seq(2),
            },
        ),
        violation(
            strike("ACK of everything there can be", |_| ack(u64::MAX)),
            Violation::AckBeyondSent {
                next: Seq::END,
                sent: seq(2),
            },
        ),
        gap("number after the next", seq(3)),
        gap("last number there is", Seq::LAST),
        malformed(
            "number above the last",
            &above_last,
            Field(FieldError::OutOfRange {
                field: "seq",
                found: u64::MAX,
                min: 1,
                max: u64::MAX - 1,
            }),
        ),
        malformed(
            "number zero",
            b"\x84\x04\x00\x10\x40",
            Field(FieldError::OutOfRange {
                field: "seq",
                found: 0,
                min: 1,
                max: u64::MAX - 1,
            }),
        ),
        harmless("number that was there already", |_| {
            data(1, b"something else")
        }),
    ]
}

fn digests() -> Vec<Case> {
    let with_digest = |number, digest| {
        encoded(
            &korinet_wire::v3::Data {
                seq: seq(number),
                kind: Kind::RAW,
                payload: b"x",
                re: None,
                digest,
            }
            .into(),
        )
    };
    let wrong_at = move |number| with_digest(number, Some(Digest::from_u32(0xbad)));
    let wrong = move || wrong_at(2);
    let none = move || with_digest(2, None);
    // The messages wait for one, the session goes on.
    let no_digest = async move |arena: &Arena| {
        let strike = async || {
            let wish = Wish {
                offered: Features::CHECKSUM,
                ..Wish::open()
            };
            let mut raw = arena.raw_as("listen", &wish).await;
            raw.peer.send(&none()).await;
            raw.is_there(7).await
        };
        arena.repeat(strike).await
    };
    let wrong_ack = async |arena: &Arena| {
        let strike = async || {
            let wish = Wish {
                offered: Features::CHECKSUM,
                ..Wish::open()
            };
            let opened = Raw::open(arena.peer().await, &wish).await;
            let mut raw = opened.unwrap_or_else(|told| panic!("{told} instead of a session"));
            let role = raw.data(b"listen");
            raw.peer.send(&role).await;
            // The answer is not acknowledged as it has to be.
            let answer = raw.data_frame().await;
            let Frame::Data(data) = answer.as_wire().unwrap() else {
                unreachable!("it is DATA");
            };
            let ack = Ack {
                next: data.seq.next().unwrap(),
                digest: Some(Digest::from_u32(0xbad)),
            };
            raw.peer.send(&encoded(&ack.into())).await;
            raw.peer.told().await
        };
        arena.repeat(strike).await
    };
    vec![
        violation(
            strike_as("wrong digest", "listen", Features::CHECKSUM, move |_| {
                wrong()
            }),
            Violation::DigestMismatch { next: seq(2) },
        ),
        Case::new("no digest where one is agreed on", no_digest)
            .server("tls")
            .told(Told::GoesOn),
        violation(
            strike_as(
                "wrong digest of a group",
                "listen",
                Features::CHECKSUM,
                move |_| [none(), wrong_at(3)].concat(),
            ),
            Violation::DigestMismatch { next: seq(3) },
        ),
        violation(
            strike("digest where none is agreed on", move |_| wrong()),
            Violation::DigestPresence { asked: false },
        ),
        violation(
            Case::new("ACK with a wrong digest", wrong_ack).server("tls"),
            Violation::DigestMismatch { next: seq(2) },
        ),
    ]
}

fn sizes() -> Vec<Case> {
    let (len, max) = (MESSAGE + 1, u32::try_from(MESSAGE).unwrap());
    let too_large = || Violation::MessageTooLarge { len, max };
    vec![
        harmless("message of the greatest size", |raw| {
            raw.data(&vec![0; MESSAGE])
        }),
        violation(
            strike("message above the greatest size", move |_| {
                data(2, &vec![0; len])
            }),
            too_large(),
        ),
        violation(
            strike("VOLATILE above the greatest size", move |_| {
                volatile(&vec![0; len])
            }),
            too_large(),
        ),
    ]
}

/// Sessions whose application reads nothing; what they hold goes soon after them.
fn windows() -> Vec<Case> {
    let exceeded = |name, payload: usize, limits: Limits| {
        let many = move |raw: &mut Raw| {
            let data = (0..20).map(|_| raw.data(&vec![0; payload]));
            data.collect::<Vec<_>>().concat()
        };
        let len = u64::try_from(data(2, &vec![0; payload]).len()).unwrap();
        let violated = Violation::WindowExceeded {
            messages: 9,
            bytes: 9 * len,
            limits,
        };
        violation(strike_as(name, "mute", Features::NONE, many), violated)
    };
    let message = u32::try_from(MESSAGE).unwrap();
    let by_messages = Limits {
        messages: 8,
        bytes: 65_536,
        message,
    };
    let by_bytes = Limits {
        messages: 4096,
        bytes: 65_536,
        message,
    };
    let endless = |raw: &mut Raw| {
        let data = (0..20_000).map(|_| raw.data(b""));
        data.collect::<Vec<_>>().concat()
    };
    vec![
        exceeded("more messages than the window", 10, by_messages)
            .server("window=8/65536 session_expiry=50"),
        exceeded("more bytes than the window", 8000, by_bytes)
            .server("window=4096/65536 session_expiry=50"),
        // What they leave unread is more than the budget, if it stays.
        strike_as("endless empty messages", "mute", Features::NONE, endless)
            .server("session_expiry=10")
            .like("detached", "Violation(WindowExceeded { messages: 4097, ")
            .told(Told::Close(Code::WINDOW_EXCEEDED)),
    ]
}
