use super::*;
use crate::cbor::CborType;
use crate::{DecodeErrorKind, EncodeError};

#[test]
fn limits_of_frames_are_exact() {
    assert_eq!(max_frame(1), MAX_HANDSHAKE_FRAME);
    assert_eq!(max_frame(16_320), MAX_HANDSHAKE_FRAME);
    assert_eq!(max_frame(16_321), MAX_HANDSHAKE_FRAME + 1);
    assert_eq!(max_frame(u32::MAX), u32::MAX);
    let bytes = framed(b"\x82\x06\x00");
    assert!(decode(&bytes, 3).is_ok());
    let error = decode(&bytes, 2).unwrap_err();
    assert_eq!(error.to_string(), "frame length 3 exceeds limit 2");
    assert_eq!(error.kind.code(), Code::FRAME_TOO_LARGE);
    let empty = decode(b"\0\0\0\0", 2).unwrap_err();
    assert_eq!(empty.kind, DecodeErrorKind::EmptyFrame);
    assert_eq!(empty.kind.code(), Code::FRAME_MALFORMED);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let field = |kind| DecodeErrorKind::Field(kind);
    for (body, kind, at) in [
        (
            &b"\x80"[..],
            field(FieldError::Missing { field: "type" }),
            1,
        ),
        (b"\x82\x0b\x00", DecodeErrorKind::UnknownType(11), 1),
        (
            b"\xa1\x06\x00",
            DecodeErrorKind::WrongType {
                field: "frame",
                found: CborType::Map,
                expected: CborType::Array,
            },
            0,
        ),
        (
            b"\x82\x06\x18\x17",
            DecodeErrorKind::NotShortest { field: "nonce" },
            2,
        ),
        (
            b"\x9f\x06\x00\xff",
            DecodeErrorKind::IndefiniteLength { field: "frame" },
            0,
        ),
        (
            b"\x82\x06\x00\x00",
            DecodeErrorKind::TrailingBytes { len: 1 },
            3,
        ),
        (b"\x83\x06\x00\x61", DecodeErrorKind::UnexpectedEnd, 4),
    ] {
        let error = Frame::decode_body(body).unwrap_err();
        assert_eq!((error.kind, error.at), (kind, at), "{body:02x?}");
        let error = decode(&framed(body), 100).unwrap_err();
        assert_eq!(error.at, at + PREFIX_LEN);
    }
}

#[test]
fn unknown_frames_are_skipped_unseen() {
    for (body, ty) in [
        (&b"\x81\x18\x80"[..], 128),
        (b"\x82\x19\x01\x00\xff\x1c\x00", 256),
        (b"\x97\x1b\xff\xff\xff\xff\xff\xff\xff\xff", u64::MAX),
    ] {
        let frame = Frame::Skipped { ty };
        assert_eq!(Frame::decode_body(body), Ok(frame));
        assert_eq!(frame.encoded_len(), 0);
        let mut none = [0; 4];
        assert!(matches!(
            frame.encode(&mut none[..]),
            Err(EncodeError::Skipped { ty: found }) if found == ty
        ));
    }
}

#[test]
fn nothing_illegal_is_written() {
    let long = "x".repeat(257);
    let many = [""; 17];
    let long_address = [&*long];
    let data = Data {
        seq: Seq::FIRST,
        kind: Kind::MESSAGE,
        payload: b"",
        re: None,
        digest: None,
    };
    let own = Kind {
        own: true,
        ..Kind::of(Role::Request)
    };
    let mut versions = hello(OPEN, None);
    versions.versions.min = 2;
    let mut required = hello(OPEN, None);
    required.required = Features::from_bits(2);
    let mut agent = hello(OPEN, None);
    agent.agent = &long[..129];
    let close = |text| Close {
        code: Code::DONE,
        text,
        how: How::End,
        next: Seq::FIRST,
        digest: None,
    };
    let go_away = |addresses| GoAway {
        code: Code::DONE,
        text: "",
        deadline: Duration::ZERO,
        retry_after: None,
        addresses,
    };
    let response = Kind::of(Role::Response);
    let frames: [(Frame<'_>, &str); 11] = [
        (
            Data {
                seq: Seq::END,
                ..data
            }
            .into(),
            "seq is 18446744073709551615, expected 1 to 18446744073709551614",
        ),
        (
            Data {
                kind: response,
                ..data
            }
            .into(),
            "re is missing",
        ),
        (
            Data {
                re: Some(Seq::FIRST),
                ..data
            }
            .into(),
            "re is not allowed with message",
        ),
        (
            Data { kind: own, ..data }.into(),
            "own is not allowed with request",
        ),
        (
            hello(OPEN, Some(PROOF)).into(),
            "proof is not allowed with open",
        ),
        (versions.into(), "lowest version 2 is above the highest, 1"),
        (required.into(), "features 0x2 are required but not offered"),
        (agent.into(), "agent has 129 bytes, expected at most 128"),
        (
            close(&long).into(),
            "text has 257 bytes, expected at most 256",
        ),
        (
            go_away(Addresses::new(&many)).into(),
            "number of addresses is 17, expected 1 to 16",
        ),
        (
            go_away(Addresses::new(&long_address)).into(),
            "address has 257 bytes, expected at most 256",
        ),
    ];
    for (frame, expect) in frames {
        let mut bytes = [0xff; 1024];
        let error = frame.encode(&mut bytes[..]).unwrap_err();
        assert_eq!(error.to_string(), expect);
        assert_eq!(bytes, [0xff; 1024], "something was written");
        assert_eq!(frame.encoded_len(), 0);
    }
}

#[test]
fn secrets_are_not_shown() {
    let secret = Hello {
        authentication: Some(Authentication {
            mechanism: "token",
            bytes: &[222; 8],
        }),
        ..hello(OPEN, Some(Proof::from_bytes([222; 32])))
    };
    let opened = Answer::Opened(Opened {
        limits: LIMITS,
        expiry: Duration::ZERO,
        level: Level::Received,
        key: Some(KeyBytes::from_bytes([222; 32])),
    });
    let data = Data {
        seq: Seq::FIRST,
        kind: Kind::MESSAGE,
        payload: &[222; 8],
        re: None,
        digest: None,
    };
    let volatile = Volatile {
        raw: true,
        payload: &[222; 8],
    };
    for frame in [
        Frame::from(secret),
        welcome(opened, None).into(),
        data.into(),
        volatile.into(),
    ] {
        for text in [format!("{frame}"), format!("{frame:?}")] {
            assert!(!text.contains("222") && !text.contains("dede"), "{text}");
        }
    }
}
