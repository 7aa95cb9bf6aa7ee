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
    let with_digest = |digest| {
        encoded(
            &korinet_wire::v3::Data {
                seq: seq(2),
                kind: Kind::RAW,
                payload: b"x",
                re: None,
                digest,
            }
            .into(),
        )
    };
    let wrong = move || with_digest(Some(Digest::from_u32(0xbad)));
    let none = move || with_digest(None);
    let presence = |asked| Violation::DigestPresence { asked };
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
        violation(
            strike_as(
                "no digest where one is agreed on",
                "listen",
                Features::CHECKSUM,
                move |_| none(),
            ),
            presence(true),
        ),
        violation(
            strike("digest where none is agreed on", move |_| wrong()),
            presence(false),
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
