use core::time::Duration;
use std::format;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

use super::*;

mod parts;
mod refused;

const NONCE: OpenNonce = OpenNonce::from_bytes([0xaa; 16]);
const SESSION: SessionId = SessionId::from_bytes([0xbb; 16]);
const INSTANCE: InstanceId = InstanceId::from_bytes([0xcc; 16]);
const PROOF: Proof = Proof::from_bytes([0xdd; 32]);
const DIGEST: Option<Digest> = Some(Digest::from_u32(0x0bad_cafe));
const LIMITS: Limits = Limits {
    messages: 256,
    bytes: 1 << 20,
    message: 1 << 16,
};

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn millis(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn framed(body: &[u8]) -> Vec<u8> {
    let prefix = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&prefix[..], body].concat()
}

/// The frame and the body, which is written as pieces, are the same; a prefix of it is partial.
#[track_caller]
fn agree<'a>(frame: impl Into<Frame<'a>>, body: &[&[u8]]) {
    let frame = frame.into();
    let bytes = framed(&body.concat());
    let mut encoded = vec![0; frame.encoded_len()];
    frame.encode(&mut encoded[..]).unwrap();
    assert_eq!(format!("{encoded:02x?}"), format!("{bytes:02x?}"));
    let len = bytes.len();
    let max = MAX_HANDSHAKE_FRAME;
    assert_eq!(decode(&bytes, max), Ok(Decoded::Complete { frame, len }));
    for cut in 0..len {
        let end = if cut < PREFIX_LEN { PREFIX_LEN } else { len };
        let needed = end - cut;
        assert_eq!(decode(&bytes[..cut], max), Ok(Decoded::Partial { needed }));
    }
    assert!(frame.to_string().starts_with(frame.name()));
}

fn hello(intent: Intent, proof: Option<Proof>) -> Hello<'static> {
    Hello {
        versions: Versions { min: 0, max: 1 },
        offered: Features::CHECKSUM,
        required: Features::NONE,
        agent: "me",
        keep_alive: millis(20_000),
        attach: AttachNumber::FIRST,
        intent,
        authentication: None,
        application: None,
        proof,
    }
}

const OPEN: Intent = Intent::Open(Open {
    nonce: NONCE,
    limits: LIMITS,
    expiry: Duration::from_secs(60),
    level: Level::Processed,
});

#[test]
fn a_hello_that_opens() {
    let before = b"\x00\x82\x00\x01\x01\x01\x02\x00\x03\x62me\x04\x19\x4e\x20\x05\x01";
    let open = b"\x06\xa4\x00\x50\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\
        \x01\x83\x19\x01\x00\x1a\0\x10\0\0\x1a\0\x01\0\0\x02\x19\xea\x60\x03\x01";
    agree(hello(OPEN, None), &[b"\x82\x01\xa7", before, open]);
    let more = Hello {
        authentication: Some(Authentication {
            mechanism: "token",
            bytes: b"\x01\x02",
        }),
        application: Some(Application {
            name: "a",
            version: "1",
        }),
        ..hello(OPEN, None)
    };
    let rest = b"\x08\xa2\x00\x65token\x01\x42\x01\x02\x09\xa2\x00\x61a\x01\x611";
    agree(more, &[b"\x82\x01\xa9", before, open, rest]);
}

#[test]
fn a_hello_that_resumes() {
    let resume = Intent::Resume(Resume {
        session: SESSION,
        positions: Positions {
            next: seq(5),
            oldest: seq(2),
            end: seq(9),
            digest: DIGEST,
        },
    });
    agree(
        hello(resume, Some(PROOF)),
        &[
            b"\x83\x01\xa7\x00\x82\x00\x01\x01\x01\x02\x00\x03\x62me\x04\x19\x4e\x20\x05\x01",
            b"\x07\xa5\x00\x50",
            SESSION.as_bytes(),
            b"\x01\x05\x02\x02\x03\x09\x04\x44\x0b\xad\xca\xfe\x58\x20",
            PROOF.as_bytes(),
        ],
    );
}

fn welcome(answer: Answer, proof: Option<Proof>) -> Welcome<'static> {
    Welcome {
        version: 1,
        features: Features::CHECKSUM,
        agent: "you",
        keep_alive: Duration::ZERO,
        instance: INSTANCE,
        session: SESSION,
        answer,
        proof,
    }
}

#[test]
fn welcomes() {
    let before = [
        &b"\xa7\x00\x01\x01\x01\x02\x63you\x03\x00\x04\x50"[..],
        INSTANCE.as_bytes(),
        b"\x05\x50",
        SESSION.as_bytes(),
    ]
    .concat();
    let opened = Opened {
        limits: LIMITS,
        expiry: millis(0),
        level: Level::Durable,
        key: None,
    };
    let limits = b"\xa3\x00\x83\x19\x01\x00\x1a\0\x10\0\0\x1a\0\x01\0\0\x01\x00\x02\x02";
    agree(
        welcome(Answer::Opened(opened), None),
        &[b"\x82\x02", &before, b"\x06", limits],
    );
    let with_key = Opened {
        key: Some(KeyBytes::from_bytes([0xee; 32])),
        ..opened
    };
    agree(
        welcome(Answer::Opened(with_key), None),
        &[
            b"\x82\x02",
            &before,
            b"\x06\xa4",
            &limits[1..],
            b"\x03\x58\x20",
            &[0xee; 32],
        ],
    );
    let resumed = Positions {
        next: seq(1),
        oldest: seq(3),
        end: seq(3),
        digest: None,
    };
    agree(
        welcome(Answer::Resumed(resumed), Some(PROOF)),
        &[
            b"\x83\x02",
            &before,
            b"\x07\xa3\x00\x01\x01\x03\x02\x03\x58\x20",
            PROOF.as_bytes(),
        ],
    );
}

#[test]
fn rejects() {
    let plain = Reject {
        code: Code::SESSION_UNKNOWN,
        text: "",
        retry_after: None,
        versions: None,
        attach: None,
        next: None,
        digest: None,
        proof: None,
    };
    agree(plain, &[b"\x82\x03\xa2\x00\x19\x01\x90\x01\x60"]);
    let full = Reject {
        text: "no",
        retry_after: Some(millis(100)),
        versions: Some(Versions { min: 2, max: 2 }),
        attach: AttachNumber::new(7),
        next: Some(Seq::END),
        digest: None,
        proof: Some(PROOF),
        ..plain
    };
    agree(
        full,
        &[
            b"\x83\x03\xa6\x00\x19\x01\x90\x01\x62no\x02\x18\x64\x03\x82\x02\x02\x04\x07",
            b"\x05\x1b\xff\xff\xff\xff\xff\xff\xff\xff\x58\x20",
            PROOF.as_bytes(),
        ],
    );
}

#[test]
fn messages_and_their_acknowledgements() {
    let message = Data {
        seq: Seq::FIRST,
        kind: Kind::MESSAGE,
        payload: b"\xa0",
        re: None,
        digest: None,
    };
    agree(message, &[b"\x84\x04\x01\x00\x41\xa0"]);
    let item = Data {
        seq: Seq::LAST,
        kind: Kind {
            redelivered: true,
            raw: true,
            own: true,
            ..Kind::of(Role::Item)
        },
        payload: b"",
        re: Some(seq(24)),
        digest: DIGEST,
    };
    agree(
        item,
        &[b"\x86\x04\x1b\xff\xff\xff\xff\xff\xff\xff\xfe\x18\x3c\x40\x18\x18\x44\x0b\xad\xca\xfe"],
    );
    let mut ack = Ack {
        next: seq(8),
        digest: None,
    };
    agree(ack, &[b"\x82\x05\x08"]);
    ack.digest = DIGEST;
    agree(ack, &[b"\x83\x05\x08\x44\x0b\xad\xca\xfe"]);
    let volatile = |raw| Volatile {
        raw,
        payload: b"\x01",
    };
    agree(volatile(false), &[b"\x83\x0a\x00\x41\x01"]);
    agree(volatile(true), &[b"\x83\x0a\x10\x41\x01"]);
}

#[test]
fn probes_and_endings() {
    agree(Frame::Ping(Nonce(0)), &[b"\x82\x06\x00"]);
    agree(Frame::Pong(Nonce(1000)), &[b"\x82\x07\x19\x03\xe8"]);
    let go_away = GoAway {
        code: Code::DRAINING,
        text: "bye",
        deadline: millis(5_000),
        retry_after: None,
        addresses: Addresses::NONE,
    };
    let body = b"\x00\x18\xc9\x01\x63bye\x02\x19\x13\x88";
    agree(go_away, &[b"\x82\x08\xa3", body]);
    let elsewhere = GoAway {
        retry_after: Some(millis(1)),
        addresses: Addresses::new(&["a:1", ""]),
        ..go_away
    };
    agree(
        elsewhere,
        &[b"\x82\x08\xa5", body, b"\x03\x01\x04\x82\x63a:1\x60"],
    );
    let mut close = Close {
        code: Code::DONE,
        text: "",
        how: How::End,
        next: seq(4),
        digest: None,
    };
    agree(close, &[b"\x82\x09\xa4\x00\x00\x01\x60\x02\x00\x03\x04"]);
    close.how = How::Detach;
    close.digest = DIGEST;
    agree(
        close,
        &[b"\x82\x09\xa5\x00\x00\x01\x60\x02\x01\x03\x04\x04\x44\x0b\xad\xca\xfe"],
    );
}

#[test]
fn a_text_is_cut_between_characters() {
    for (max, expect) in [
        (0, ""),
        (1, "a"),
        (2, "a"),
        (3, "a\u{e9}"),
        (4, "a\u{e9}b"),
        (9, "a\u{e9}b"),
    ] {
        assert_eq!(clipped("a\u{e9}b", max), expect, "{max}");
    }
}
