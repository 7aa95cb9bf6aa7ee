//! The test vectors of protocol v3: each verdict holds, and nothing that can happen lacks a vector.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeSet;

use korinet_wire::DecodeErrorKind;
use korinet_wire::v3::{self, Code, Decoded, Frame, PREFIX_LEN, Preface, PrefaceError};

use korinet_tests::vectors::{self, Vector, Verdict};

const PROTOCOL: &str = include_str!("../../../crates/korinet-wire/PROTOCOL.md");

#[test]
fn every_vector_has_a_name_and_a_rule_of_its_own_protocol() {
    let vectors = vectors::all();
    assert!(vectors.len() >= 120, "{}", vectors.len());
    let names: BTreeSet<_> = vectors.iter().map(|vector| &vector.name).collect();
    assert_eq!(names.len(), vectors.len(), "two vectors have the same name");
    for Vector { name, rule, .. } in &vectors {
        assert!(rule.starts_with("V3-"), "{name}");
        let rule = format!("- **{rule}** ");
        assert!(PROTOCOL.contains(&rule), "{name}: no {rule}");
    }
}

/// V3-3.
#[test]
fn every_preface_gets_its_verdict() {
    for Vector {
        name,
        bytes,
        verdict,
        ..
    } in prefaces()
    {
        let found = v3::preface(&bytes);
        match verdict {
            Verdict::Accept { .. } => assert_eq!(found, Ok(Preface::Complete), "{name}"),
            Verdict::Partial { needed } => {
                assert_eq!(found, Ok(Preface::Partial { needed }), "{name}");
            }
            Verdict::Reject { code, error } => {
                let found = found.unwrap_err();
                assert_eq!(found.to_string(), error, "{name}");
                let other = matches!(found, PrefaceError::OtherVersion { .. });
                let answer = if other { "version-unsupported" } else { "none" };
                assert_eq!(code, answer, "{name}");
            }
        }
    }
}

/// V3-4, V3-5, V3-6, V3-7, V3-8: which of them it is about, each vector says.
#[test]
fn every_frame_gets_its_verdict() {
    for Vector {
        name,
        bytes,
        limit,
        verdict,
        ..
    } in frames()
    {
        let found = v3::decode(&bytes, limit);
        match verdict {
            Verdict::Accept { shows, unknown } => {
                let Ok(Decoded::Complete { frame, len }) = found else {
                    panic!("{name}: {found:?}");
                };
                assert_eq!(frame.to_string(), shows, "{name}");
                check_encoding(&name, frame, &bytes[..len], unknown);
                check_prefixes(&name, &bytes[..len], limit);
            }
            Verdict::Partial { needed } => {
                assert_eq!(found, Ok(Decoded::Partial { needed }), "{name}");
            }
            Verdict::Reject { code, error } => {
                let found = found.expect_err(&name);
                assert_eq!(found.kind.to_string(), error, "{name}");
                assert_eq!(found.kind.code().to_string(), code, "{name}");
                assert!(found.at <= bytes.len(), "{name}");
            }
        }
    }
}

/// V3-5: there is one encoding of what this version knows.
#[track_caller]
fn check_encoding(name: &str, frame: Frame<'_>, bytes: &[u8], unknown: bool) {
    if matches!(frame, Frame::Skipped { .. }) {
        assert_eq!(frame.encoded_len(), 0, "{name}");
        return;
    }
    let mut encoded = vec![0; frame.encoded_len()];
    frame.encode(&mut encoded[..]).unwrap();
    if unknown {
        assert!(encoded.len() < bytes.len(), "{name}");
        let len = encoded.len();
        let again = v3::decode(&encoded, u32::MAX);
        assert_eq!(again, Ok(Decoded::Complete { frame, len }), "{name}");
    } else {
        assert_eq!(encoded, bytes, "{name}");
    }
}

/// V3-8: what is merely not complete is no error, at any byte.
#[track_caller]
fn check_prefixes(name: &str, bytes: &[u8], limit: u32) {
    for cut in 0..bytes.len() {
        let end = if cut < PREFIX_LEN {
            PREFIX_LEN
        } else {
            bytes.len()
        };
        let needed = end - cut;
        let found = v3::decode(&bytes[..cut], limit);
        assert_eq!(found, Ok(Decoded::Partial { needed }), "{name}: {cut}");
    }
}

#[test]
fn every_frame_has_vectors() {
    // Fails to compile when a frame is added, so that it is added below, too.
    let place = |frame: &Frame<'_>| match frame {
        Frame::Hello(_) => 0,
        Frame::Welcome(_) => 1,
        Frame::Reject(_) => 2,
        Frame::Data(_) => 3,
        Frame::Ack(_) => 4,
        Frame::Ping(_) => 5,
        Frame::Pong(_) => 6,
        Frame::GoAway(_) => 7,
        Frame::Close(_) => 8,
        Frame::Volatile(_) => 9,
        Frame::Skipped { .. } => 10,
    };
    let vectors = frames();
    let decoded =
        vectors
            .iter()
            .filter_map(|vector| match v3::decode(&vector.bytes, vector.limit) {
                Ok(Decoded::Complete { frame, .. }) => Some(place(&frame)),
                _ => None,
            });
    let seen: BTreeSet<_> = decoded.collect();
    assert_eq!(seen, (0..11).collect());
}

#[test]
fn everything_that_can_be_wrong_has_a_vector() {
    /// Of v2 only; and what is told by the errors inside of it.
    const ELSEWHERE: [&str; 4] = ["DataNotMap", "Field", "MissingKey", "NotMap"];
    let errors: Vec<String> = frames()
        .iter()
        .filter_map(|vector| v3::decode(&vector.bytes, vector.limit).err())
        .map(|error| {
            if let DecodeErrorKind::Field(error) = error.kind {
                return format!("{error:?}");
            }
            format!("{:?}", error.kind)
        })
        .chain(prefaces().iter().filter_map(|vector| {
            let error = v3::preface(&vector.bytes).err()?;
            Some(format!("{error:?}"))
        }))
        .collect();
    let kinds = variants(
        include_str!("../../../crates/korinet-wire/src/error.rs"),
        "DecodeErrorKind",
    )
    .into_iter()
    .chain(variants(
        include_str!("../../../crates/korinet-wire/src/v3/field_error.rs"),
        "FieldError",
    ))
    .chain(variants(
        include_str!("../../../crates/korinet-wire/src/v3/preface.rs"),
        "PrefaceError",
    ));
    for kind in kinds.filter(|kind| !ELSEWHERE.contains(&&**kind)) {
        let is_kind = |error: &String| {
            error
                .strip_prefix(&*kind)
                .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        assert!(errors.iter().any(is_kind), "no vector for {kind}");
    }
}

#[test]
fn every_code_of_a_frame_error_has_a_vector() {
    let vectors = vectors::all();
    for code in [
        Code::FRAME_MALFORMED,
        Code::FRAME_TOO_LARGE,
        Code::FRAME_UNKNOWN,
        Code::VERSION_UNSUPPORTED,
    ] {
        let name = code.to_string();
        let is_for = |vector: &Vector| matches!(&vector.verdict, Verdict::Reject { code, .. } if *code == name);
        assert!(vectors.iter().any(is_for), "{name}");
    }
}

/// The names of an enum's variants, from the source: nothing else lists them.
fn variants(source: &str, name: &str) -> Vec<String> {
    let start = format!("pub enum {name} {{\n");
    let body = source.split(&start).nth(1).expect(name);
    let body = body.split("\n}\n").next().unwrap_or_default();
    let named = body.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?;
        line.starts_with(char::is_uppercase)
            .then(|| line.split(|c: char| !c.is_alphanumeric()).next())?
    });
    let names: Vec<String> = named.map(str::to_owned).collect();
    assert!(names.len() >= 3, "{names:?}");
    names
}

fn prefaces() -> Vec<Vector> {
    let mut vectors = vectors::all();
    vectors.retain(|vector| vector.file == "preface");
    vectors
}

fn frames() -> Vec<Vector> {
    let mut vectors = vectors::all();
    vectors.retain(|vector| vector.file != "preface");
    vectors
}
