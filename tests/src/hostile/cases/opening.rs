//! What comes first on a connection and is no HELLO.

use korinet::ConnectionError;
use korinet_proto::v3::Violation;
use korinet_wire::v3::{
    Close, Code, Frame, How, InstanceId, MAX_HANDSHAKE_FRAME, Nonce, PREFACE, PrefaceError, Reject,
    SessionId, Welcome,
};
use korinet_wire::{DecodeErrorKind, Opening};

use super::{shot, shots};
use crate::hostile::hello::{Wish, frame, head, hello, of_parts, parts, with_preface};
use crate::hostile::raw::{ack, data, encoded, seq, volatile};
use crate::hostile::{Case, Told};

/// A hello of TLS 1.2, as a client of then says it: it names no other version.
pub(super) const TLS_1_2: &[u8] = b"\x16\x03\x01\x00\x5f\x01\x00\x00\x5b\x03\x03\
    0123456789abcdef0123456789abcdef\x00\x00\x04\xc0\x2f\xc0\x30\x01\x00\x00\x2e\
    \x00\x0a\x00\x06\x00\x04\x00\x1d\x00\x17\
    \x00\x0b\x00\x02\x01\x00\
    \x00\x0d\x00\x06\x00\x04\x04\x03\x08\x04\
    \x00\x10\x00\x0c\x00\x0a\x09korinet/3\
    \x00\x17\x00\x00";

pub(super) fn cases() -> Vec<Case> {
    let mut all = lengths();
    all.extend(frames());
    all.extend(other_protocols());
    all
}

fn lengths() -> Vec<Case> {
    let max = MAX_HANDSHAKE_FRAME;
    let too_large = |len| DecodeErrorKind::FrameTooLarge {
        len,
        max,
        looks_like: None,
    };
    let length = |len: u32| with_preface(&len.to_be_bytes());
    vec![
        shots("HELLO one byte below the limit", move || padded(max - 1)).told(Told::Welcome),
        shots("HELLO at the limit", move || padded(max)).told(Told::Welcome),
        shot("length above the limit before WELCOME", length(max + 1))
            .refused_frame(too_large(max + 1))
            .told(Told::Reject(Code::FRAME_TOO_LARGE)),
        shot("greatest length before WELCOME", length(u32::MAX))
            .refused_frame(too_large(u32::MAX))
            .told(Told::Reject(Code::FRAME_TOO_LARGE)),
        shot("length zero before WELCOME", length(0))
            .refused_frame(DecodeErrorKind::EmptyFrame)
            .told(Told::Reject(Code::FRAME_MALFORMED)),
    ]
}

/// A HELLO whose body has this length: an unknown key takes what is left.
fn padded(len: u32) -> Vec<u8> {
    let mut parts = parts();
    let len = usize::try_from(len).unwrap();
    let overhead = PREFACE.len() + 4;
    // The key and the head of its bytes.
    let padding = len + overhead - of_parts(&parts).len() - 2 - 3;
    let value = [head(2, padding as u64), vec![0; padding]].concat();
    parts.push((30, value));
    let bytes = of_parts(&parts);
    assert_eq!(bytes.len(), len + overhead);
    bytes
}

fn frames() -> Vec<Case> {
    let unexpected = |name, bytes: Vec<u8>, what| {
        shot(name, bytes)
            .refused(ConnectionError::Violation(Violation::Unexpected(what)))
            .told(Told::Reject(Code::FRAME_UNEXPECTED))
    };
    let first = |frame: &[u8]| with_preface(frame);
    let right = || hello(&Wish::open(), &[0; 32], None);
    let behind = |bytes: &[u8]| [&right()[..], bytes].concat();
    vec![
        unexpected("DATA before HELLO", first(&data(1, b"x")), "DATA"),
        unexpected("ACK before HELLO", first(&ack(1)), "ACK"),
        unexpected(
            "PING before HELLO",
            first(&encoded(&Frame::Ping(Nonce(1)))),
            "PING",
        ),
        unexpected("VOLATILE before HELLO", first(&volatile(b"x")), "VOLATILE"),
        unexpected("CLOSE before HELLO", first(&close()), "CLOSE"),
        unexpected("WELCOME from a client", first(&welcome()), "WELCOME"),
        unexpected("REJECT from a client", first(&reject()), "REJECT"),
        unexpected(
            "frame to be skipped before HELLO",
            first(&frame(b"\x82\x18\xc8\x00")),
            "SKIPPED",
        ),
        unexpected(
            "DATA right behind HELLO",
            behind(&data(1, b"x")),
            "before the welcome",
        ),
        unexpected(
            "second HELLO right behind the first",
            behind(&right()[PREFACE.len()..]),
            "before the welcome",
        ),
        shot(
            "unknown type before HELLO",
            first(&frame(b"\x82\x18\x63\x00")),
        )
        .refused_frame(DecodeErrorKind::UnknownType(99))
        .told(Told::Reject(Code::FRAME_UNKNOWN)),
    ]
}

pub(super) fn welcome() -> Vec<u8> {
    encoded(&Frame::Welcome(Welcome {
        version: 0,
        features: korinet_wire::v3::Features::NONE,
        agent: "attacker",
        keep_alive: std::time::Duration::ZERO,
        instance: InstanceId::from_bytes([1; 16]),
        session: SessionId::from_bytes([2; 16]),
        answer: korinet_wire::v3::Answer::Opened(korinet_wire::v3::Opened {
            limits: korinet_wire::v3::Limits {
                messages: 1,
                bytes: 1,
                message: 1,
            },
            expiry: std::time::Duration::ZERO,
            level: korinet_wire::v3::Level::Received,
            key: None,
        }),
        proof: None,
    }))
}

pub(super) fn reject() -> Vec<u8> {
    encoded(&Frame::Reject(Reject {
        code: Code::OVERLOADED,
        text: "you are refused",
        retry_after: None,
        versions: None,
        attach: None,
        next: None,
        digest: None,
        proof: None,
    }))
}

fn close() -> Vec<u8> {
    encoded(&Frame::Close(Close {
        code: Code::DONE,
        text: "",
        how: How::End,
        next: seq(1),
        digest: None,
    }))
}

fn other_protocols() -> Vec<Case> {
    let looks_like = |looks_like| ConnectionError::Preface(PrefaceError::NotKorinet { looks_like });
    let v2 = b"\0\0\0\x0e\xa2\x64data\xa0\x62id\x611".to_vec();
    let http = b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec();
    vec![
        shot("another major version", b"\xcbKNT\x04\0\0\0".to_vec())
            .refused(ConnectionError::Preface(PrefaceError::OtherVersion {
                major: 4,
            }))
            .told(Told::Reject(Code::VERSION_UNSUPPORTED)),
        shot(
            "a reserved byte of the preface",
            b"\xcbKNT\x03\0\x01\0".to_vec(),
        )
        .refused(ConnectionError::Preface(PrefaceError::Reserved {
            at: 6,
            found: 1,
        }))
        .told(Told::Nothing),
        shot("v2 to a server of v3", v2)
            .refused(looks_like(None))
            .told(Told::Nothing),
        shot("HTTP", http)
            .refused(looks_like(Some(Opening::Http)))
            .told(Told::Nothing),
        shot("SSH", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())
            .refused(looks_like(Some(Opening::Ssh)))
            .told(Told::Nothing),
        shot("zeros", vec![0; 100_000])
            .refused(looks_like(None))
            .told(Told::Nothing),
        shot("TLS to a server without", TLS_1_2.to_vec())
            .refused(ConnectionError::TlsUnserved)
            .told(Told::Alert(70)),
        shot(
            "junk that begins like TLS",
            [&b"\x16\x03"[..], &[0xff; 50_000]].concat(),
        )
        .refused(ConnectionError::TlsUnserved)
        .told(Told::Alert(70)),
    ]
}
