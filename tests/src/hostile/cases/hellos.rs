//! HELLOs that are none, or ask for what there is not.

use korinet::ConnectionError;
use korinet_wire::DecodeErrorKind::{self, Field};
use korinet_wire::cbor::CborType;
use korinet_wire::v3::{Code, Features, FieldError};

use super::{shot, shots};
use crate::hostile::hello::{frame, head, of_map, of_parts, parts, with, with_preface};
use crate::hostile::{Case, Told};

/// Malformed in this way.
fn malformed(name: &'static str, bytes: Vec<u8>, kind: DecodeErrorKind) -> Case {
    shot(name, bytes)
        .refused_frame(kind)
        .told(Told::Reject(Code::FRAME_MALFORMED))
}

pub(super) fn cases() -> Vec<Case> {
    let mut all = depths();
    all.extend(shapes());
    all.extend(values());
    all.extend(wishes());
    all
}

/// So many arrays inside each other.
pub(super) fn nested(levels: usize) -> Vec<u8> {
    [&vec![0x81; levels - 1][..], b"\x80"].concat()
}

fn depths() -> Vec<Case> {
    let too_deep = DecodeErrorKind::TooDeep { max: 16 };
    vec![
        shots("as deep as is allowed in an unknown key", || {
            with(30, &nested(16))
        })
        .told(Told::Welcome),
        malformed(
            "one level too deep in an unknown key",
            with(30, &nested(17)),
            too_deep,
        ),
        malformed(
            "nesting bomb in an unknown key",
            with(30, &nested(16_000)),
            too_deep,
        ),
        malformed(
            "nesting bomb of maps and tags",
            with(30, &[&b"\xa1\x00\xc1".repeat(5_000)[..], b"\x00"].concat()),
            too_deep,
        ),
        malformed(
            "nesting bomb behind the HELLO map",
            with_preface(&frame(
                &[&b"\x83\x01"[..], &map_of(&parts()), &nested(16_000)].concat(),
            )),
            DecodeErrorKind::WrongType {
                field: "proof",
                found: CborType::Array,
                expected: CborType::Bytes,
            },
        ),
    ]
}

fn map_of(parts: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let frame = of_parts(parts);
    // Preface, length, array, type.
    frame[8 + 4 + 2..].to_vec()
}

fn shapes() -> Vec<Case> {
    let mut twice = parts();
    twice.insert(4, (3, b"\x68attacker".to_vec()));
    let mut back = parts();
    back.swap(3, 4);
    let many = || {
        let mut many = parts();
        many.extend((100..1000).map(|key| (key, vec![0])));
        of_parts(&many)
    };
    let indefinite = [&b"\xbf"[..], &map_of(&parts())[1..], b"\xff"].concat();
    let trailing = [&b"\x82\x01"[..], &map_of(&parts()), b"\x00"].concat();
    let indefinite_frame = [&b"\x9f\x01"[..], &map_of(&parts()), b"\xff"].concat();
    let huge_map = [head(5, u64::MAX), map_of(&parts())[1..].to_vec()].concat();
    let long_head = [&b"\xb8\x07"[..], &map_of(&parts())[1..]].concat();
    vec![
        malformed(
            "a key twice",
            of_parts(&twice),
            DecodeErrorKind::KeysNotRising {
                previous: 3,
                found: 3,
            },
        ),
        malformed(
            "keys that fall",
            of_parts(&back),
            DecodeErrorKind::KeysNotRising {
                previous: 4,
                found: 3,
            },
        ),
        shots("a map of 907 keys", many).told(Told::Welcome),
        malformed(
            "a map of indefinite length",
            of_map(&indefinite),
            DecodeErrorKind::IndefiniteLength { field: "HELLO map" },
        ),
        malformed(
            "a frame of indefinite length",
            with_preface(&frame(&indefinite_frame)),
            DecodeErrorKind::IndefiniteLength { field: "frame" },
        ),
        malformed(
            "bytes behind the frame's array",
            with_preface(&frame(&trailing)),
            DecodeErrorKind::TrailingBytes { len: 1 },
        ),
        malformed(
            "a map that says it has 2^64 - 1 keys",
            of_map(&huge_map),
            DecodeErrorKind::UnexpectedEnd,
        ),
        malformed(
            "a frame that says it has 2^64 - 1 elements",
            with_preface(&frame(&head(4, u64::MAX))),
            DecodeErrorKind::TooManyElements {
                found: u64::MAX,
                max: 23,
            },
        ),
        malformed(
            "a head that is longer than it has to be",
            of_map(&long_head),
            DecodeErrorKind::NotShortest { field: "HELLO map" },
        ),
        malformed(
            "a frame that is a map",
            with_preface(&frame(&map_of(&parts()))),
            DecodeErrorKind::WrongType {
                field: "frame",
                found: CborType::Map,
                expected: CborType::Array,
            },
        ),
    ]
}

fn values() -> Vec<Case> {
    let text = |len: usize| [head(3, len as u64), vec![b'a'; len]].concat();
    let token = |len: usize| {
        [
            &b"\xa2\x00\x65token\x01"[..],
            &head(2, len as u64),
            &vec![0; len],
        ]
        .concat()
    };
    let too_long = |field, found, max| Field(FieldError::TooLong { field, found, max });
    let mut both = parts();
    both.push((7, b"\xa0".to_vec()));
    let missing: Vec<_> = parts().into_iter().filter(|(key, _)| *key != 6).collect();
    vec![
        malformed(
            "an agent that is not UTF-8",
            with(3, b"\x62\xc3\x28"),
            DecodeErrorKind::InvalidUtf8,
        ),
        malformed(
            "an agent of 129 bytes",
            with(3, &text(129)),
            too_long("agent", 129, 128),
        ),
        malformed(
            "an agent that says it has 2^64 - 1 bytes",
            with(3, &head(3, u64::MAX)),
            too_long("agent", u64::MAX, 128),
        ),
        malformed(
            "an agent of indefinite length",
            with(3, b"\x7f\x61a\xff"),
            DecodeErrorKind::IndefiniteLength { field: "agent" },
        ),
        malformed(
            "a credential of 8,193 bytes",
            with(8, &token(8193)),
            too_long("authentication", 8193, 8192),
        ),
        malformed(
            "attach number zero",
            with(5, b"\x00"),
            Field(FieldError::OutOfRange {
                field: "attach",
                found: 0,
                min: 1,
                max: u64::MAX,
            }),
        ),
        malformed(
            "versions that are the wrong way round",
            with(0, b"\x82\x05\x01"),
            Field(FieldError::MinAboveMax { min: 5, max: 1 }),
        ),
        malformed(
            "features required and not offered",
            with(2, b"\x02"),
            Field(FieldError::RequiredNotOffered {
                missing: Features::from_bits(2),
            }),
        ),
        malformed(
            "neither open nor resume",
            of_parts(&missing),
            Field(FieldError::Missing {
                field: "open or resume",
            }),
        ),
        malformed(
            "a resume of nothing beside an open",
            of_parts(&both),
            Field(FieldError::Missing { field: "session" }),
        ),
    ]
}

/// Right ones, for what this server has not.
fn wishes() -> Vec<Case> {
    let refused = |name, bytes, code, text: &str| {
        shot(name, bytes)
            .refused(ConnectionError::RefusedHere {
                code,
                text: text.to_owned(),
            })
            .told(Told::Reject(code))
    };
    let mut features = parts();
    features[1].1 = b"\x1a\x00\x01\x00\x00".to_vec();
    features[2].1 = b"\x1a\x00\x01\x00\x00".to_vec();
    let mut durable = parts();
    // The level is the last byte of what is asked for.
    *durable[6].1.last_mut().unwrap() = 2;
    vec![
        refused(
            "versions that nobody speaks",
            with(0, b"\x82\x18\x63\x19\xff\xff"),
            Code::VERSION_UNSUPPORTED,
            "",
        ),
        refused(
            "a feature that does not exist",
            of_parts(&features),
            Code::FEATURE_REQUIRED,
            "features 0x10000",
        ),
        refused(
            "a level that is not kept",
            of_parts(&durable),
            Code::LEVEL_UNSUPPORTED,
            "at most level received",
        ),
    ]
}
