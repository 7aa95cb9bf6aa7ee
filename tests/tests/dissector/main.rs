//! Wireshark's dissector, `korinet.lua`, says the same of the same bytes as the decoder does.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a failed unwrap is a failed test, and so is what nobody expects"
)]

mod capture;
mod expected;
mod recorded;
mod tshark;

use std::collections::BTreeMap;

use korinet_tests::vectors::{self, Vector};
use korinet_wire::v3::{self, Code, Frame, PREFACE, Reject};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use capture::{Capture, From};
use expected::{Fields, Lines, v2_lines, v3_lines};
use recorded::Recorder;
use tshark::{Said, Tshark, tshark};

/// What one end says in one line a frame, and what is wrong.
const LINES: [&str; 2] = ["korinet.summary", "korinet.error"];

/// All fields of frames, as the dissector names them.
const FIELDS: [&str; 41] = [
    "frame",
    "seq",
    "kind",
    "kind.role",
    "kind.redelivered",
    "kind.raw",
    "kind.own",
    "payload",
    "re",
    "digest",
    "next",
    "oldest",
    "end",
    "nonce",
    "code",
    "text",
    "deadline",
    "retry-after",
    "address",
    "how",
    "versions.min",
    "versions.max",
    "minor",
    "offered",
    "required",
    "features",
    "agent",
    "keep-alive",
    "attach",
    "open.nonce",
    "limits.messages",
    "limits.bytes",
    "limits.message",
    "expiry",
    "level",
    "session",
    "instance",
    "key",
    "mechanism",
    "authentication",
    "proof",
];

fn max_frame(limit: u32) -> String {
    format!("-okorinet.max_frame:{limit}")
}

#[track_caller]
fn check_lines(said: &Said, direction: (usize, From), expected: &Lines, what: &str) {
    let nothing = vec![Vec::new(); LINES.len()];
    let found = said.get(&direction).unwrap_or(&nothing);
    let [frames, errors] = &found[..] else {
        unreachable!()
    };
    let found = Lines {
        frames: frames.clone(),
        errors: errors.clone(),
    };
    assert_eq!(&found, expected, "{what}: {direction:?}");
}

/// Each of these on a connection of its own, after a preface: all is said as it is expected.
fn check_streams(tshark: &Tshark, streams: &[(String, Vec<u8>)], limit: u32) {
    let mut capture = Capture::new();
    for (_, bytes) in streams {
        let number = capture.open();
        capture.send(number, From::Client, &PREFACE);
        capture.send(number, From::Client, bytes);
    }
    let said = tshark.read(&capture, &[&max_frame(limit)], &LINES);
    for (number, (name, bytes)) in streams.iter().enumerate() {
        let whole = [&PREFACE[..], bytes].concat();
        check_lines(
            &said,
            (number, From::Client),
            &v3_lines(&whole, limit),
            name,
        );
    }
}

/// The vectors that are frames, by what their receiver takes.
fn frames() -> BTreeMap<u32, Vec<Vector>> {
    let mut frames: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for vector in vectors::all() {
        if vector.file != "preface" {
            frames.entry(vector.limit).or_default().push(vector);
        }
    }
    frames
}

#[test]
fn every_vector_is_shown_as_the_decoder_shows_it() {
    let Some(tshark) = tshark() else { return };
    for (limit, vectors) in frames() {
        let streams: Vec<_> = vectors
            .into_iter()
            .map(|vector| (vector.name, vector.bytes))
            .collect();
        check_streams(&tshark, &streams, limit);
    }
}

#[test]
fn every_preface_is_shown_as_the_decoder_shows_it() {
    let Some(tshark) = tshark() else { return };
    let mut capture = Capture::new();
    let mut prefaces = vectors::all();
    // What does not begin as a preface does, the dissector does not look at.
    prefaces.retain(|vector| vector.file == "preface" && vector.bytes.starts_with(&PREFACE[..4]));
    assert!(prefaces.len() >= 4);
    for vector in &prefaces {
        let number = capture.open();
        capture.send(number, From::Client, &vector.bytes);
    }
    let said = tshark.read(&capture, &[], &LINES);
    for (number, vector) in prefaces.iter().enumerate() {
        let lines = v3_lines(&vector.bytes, u32::MAX);
        check_lines(&said, (number, From::Client), &lines, &vector.name);
    }
}

#[test]
fn every_field_of_every_vector_is_there_by_its_name() {
    let Some(tshark) = tshark() else { return };
    let names = FIELDS.map(|field| format!("korinet.{field}"));
    let names = names.each_ref().map(|name| &**name);
    let mut filled = [0; FIELDS.len()];
    for (limit, vectors) in frames() {
        let mut capture = Capture::new();
        for vector in &vectors {
            let number = capture.open();
            capture.send(number, From::Client, &PREFACE);
            capture.send(number, From::Client, &vector.bytes);
        }
        let said = tshark.read(&capture, &[&max_frame(limit)], &names);
        for (number, vector) in vectors.iter().enumerate() {
            let Some(frame) = expected::frame(&vector.bytes, limit) else {
                continue;
            };
            let expected = Fields::of(&frame);
            let found = &said[&(number, From::Client)];
            for ((field, found), filled) in FIELDS.iter().zip(found).zip(&mut filled) {
                let mut found: Vec<_> = found.iter().map(|value| plain(field, value)).collect();
                // The second stands for no bytes.
                found.retain(|value| value != "PREFACE" && value != "<MISSING>");
                assert_eq!(found, expected.values(field), "{}: {field}", vector.name);
                *filled += found.len();
            }
        }
    }
    let empty: Vec<_> = FIELDS
        .iter()
        .zip(filled)
        .filter(|(_, count)| *count == 0)
        .collect();
    assert!(empty.is_empty(), "never seen: {empty:?}");
}

/// A value of Wireshark's as it is meant, whatever its version makes of it.
fn plain(field: &str, value: &str) -> String {
    match value {
        "True" => return "1".to_owned(),
        "False" => return "0".to_owned(),
        _ => {}
    }
    if let Some(digits) = value.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).unwrap().to_string();
    }
    match field {
        // Wireshark escapes what would end the line.
        "agent" | "address" | "text" | "mechanism" => value.replace("\\n", "\n"),
        _ => value.replace(':', ""),
    }
}

#[test]
fn every_code_and_kind_has_its_name() {
    let Some(tshark) = tshark() else { return };
    let unknown = [417, 999, u16::MAX].map(Code::from_u16);
    let mut streams = Vec::new();
    for code in Code::ALL.iter().chain(&unknown) {
        let frame = Frame::Reject(Reject {
            code: *code,
            text: "",
            retry_after: None,
            versions: None,
            attach: None,
            next: None,
            digest: None,
            proof: None,
        });
        let mut bytes = vec![0; frame.encoded_len()];
        frame.encode(&mut bytes[..]).unwrap();
        streams.push((code.to_string(), bytes));
    }
    for kind in 0..=u8::MAX {
        let kind_bytes = match kind {
            0..24 => vec![kind],
            _ => vec![0x18, kind],
        };
        // With and without `re`, and a VOLATILE.
        for (head, tail) in [
            (&b"\x84\x04\x01"[..], &b"\x41\xa0"[..]),
            (b"\x85\x04\x01", b"\x41\xa0\x01"),
            (b"\x83\x0a", b"\x41\xa0"),
        ] {
            let body = [head, &kind_bytes, tail].concat();
            let len = u32::try_from(body.len()).unwrap();
            streams.push((
                format!("kind {kind}"),
                [&len.to_be_bytes()[..], &body].concat(),
            ));
        }
    }
    check_streams(&tshark, &streams, v3::MAX_HANDSHAKE_FRAME);
}

/// Frames with a few bytes changed: what is malformed, and why, is what the decoder says.
#[test]
fn rubbish_is_told_as_the_decoder_tells_it() {
    const SEED: u64 = 0x6b6f_7269;
    const ROUNDS: usize = 6;
    let Some(tshark) = tshark() else { return };
    let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
    let limit = v3::MAX_HANDSHAKE_FRAME;
    let mut streams = Vec::new();
    for _ in 0..ROUNDS {
        for vector in frames().remove(&limit).unwrap() {
            let mut bytes = vector.bytes;
            // Of long payloads there is little to be learnt.
            if !(5..400).contains(&bytes.len()) {
                continue;
            }
            for _ in 0..1 + random.next_u64() % 3 {
                let place = 3 + usize::try_from(random.next_u64()).unwrap() % (bytes.len() - 3);
                bytes[place] = random.next_u64().to_le_bytes()[0];
            }
            let name = format!("seed {SEED:#x}, {} {bytes:02x?}", vector.name);
            streams.push((name, bytes));
        }
    }
    let errors = streams
        .iter()
        .filter(|(_, bytes)| !v3_lines(bytes, limit).errors.is_empty());
    assert!(errors.count() > streams.len() / 4);
    check_streams(&tshark, &streams, limit);
}

#[tokio::test]
async fn a_conversation_is_shown_frame_by_frame() {
    let Some(tshark) = tshark() else { return };
    let recorder = recorded::v3().await;
    let names = recorder.names();
    for name in [
        "HELLO", "WELCOME", "REJECT", "DATA", "ACK", "PING", "PONG", "GOAWAY", "CLOSE", "VOLATILE",
    ] {
        assert!(names.contains(name), "no {name} in {names:?}");
    }
    // As it was read, and in pieces in which hardly a frame is whole.
    for most in [usize::MAX, 11] {
        check_recorded(&tshark, &recorder, most, |bytes| v3_lines(bytes, u32::MAX));
    }
}

#[tokio::test]
async fn a_conversation_of_v2_is_shown_frame_by_frame() {
    let Some(tshark) = tshark() else { return };
    let recorder = recorded::v2().await;
    check_recorded(&tshark, &recorder, usize::MAX, v2_lines);
}

fn check_recorded(
    tshark: &Tshark,
    recorder: &Recorder,
    most: usize,
    lines: impl Fn(&[u8]) -> Lines,
) {
    let (capture, connections) = recorder.capture(most);
    let said = tshark.read(&capture, &[], &LINES);
    assert!(!connections.is_empty());
    for (number, sent) in connections.iter().enumerate() {
        for (bytes, end) in sent.iter().zip([From::Client, From::Server]) {
            check_lines(&said, (number, end), &lines(bytes), "recorded");
        }
    }
}

#[test]
fn a_capture_may_begin_in_the_middle() {
    let Some(tshark) = tshark() else { return };
    let bytes = b"\0\0\0\x09\x84\x04\x18\x2a\0\x43\xa1\x01\x02\0\0\0\x03\x82\x05\x08";
    let mut capture = Capture::new();
    let number = capture.join();
    capture.send(number, From::Server, bytes);
    let said = tshark.read(&capture, &[], &LINES);
    let lines = v3_lines(bytes, u32::MAX);
    assert_eq!(lines.frames.len(), 2);
    check_lines(&said, (number, From::Server), &lines, "joined");
}

#[test]
fn payloads_are_shown_in_diagnostic_notation() {
    let Some(tshark) = tshark() else { return };
    let deep = [0x81].repeat(60);
    let cases: [(&[u8], &str); 16] = [
        (b"\xa1\x64type\x64ping", r#"{"type": "ping"}"#),
        (
            b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
            "-18446744073709551616",
        ),
        (b"\x38\x63", "-100"),
        (b"\x83\xf4\xf5\xf6", "[false, true, null]"),
        (b"\xf9\x3e\x00", "1.5"),
        (b"\xfa\x47\xc3\x50\x00", "100000.0"),
        (b"\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"),
        (b"\xf9\x7e\x00", "NaN"),
        (b"\xc1\x1a\x51\x4b\x67\xb0", "1(1363896240)"),
        (b"\x9f\x01\x41\xff\xff", "[_ 1, h'ff']"),
        (b"\x7f\x61a\x61b\xff", r#"(_ "a", "b")"#),
        (b"\xf8\x20", "simple(32)"),
        (b"\x63a\x1b\n", r#""a\u{1b}\n""#),
        (b"\x01\x02", "1 (and 1 bytes more)"),
        (b"\x82\x01", "[1,  (no CBOR: frame ends inside of an item)"),
        (&deep, "[[[[[[[[[[[[[[[[[…"),
    ];
    let mut capture = Capture::new();
    for (payload, _) in &cases {
        let number = capture.open();
        capture.send(number, From::Client, &PREFACE);
        let head = match u8::try_from(payload.len()).unwrap() {
            len @ 0..24 => vec![0x40 + len],
            len => vec![0x58, len],
        };
        let body = [b"\x84\x04\x01\0", &head[..], payload].concat();
        let len = u32::try_from(body.len()).unwrap();
        capture.send(
            number,
            From::Client,
            &[&len.to_be_bytes()[..], &body].concat(),
        );
    }
    let said = tshark.read(&capture, &[], &["korinet.payload.cbor"]);
    for (number, (payload, expected)) in cases.iter().enumerate() {
        let shown = said[&(number, From::Client)][0].join("|");
        // Wireshark escapes once more what it prints.
        let shown = shown.replace("\\\\", "\\").replace("\\\"", "\"");
        assert_eq!(shown, *expected, "{payload:02x?}");
    }
}
