use std::vec::Vec;

use super::*;
use DecodeErrorKind as Kind;

const HEX: &str = "0123456789abcdef0123456789abcdef";

fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(body);
    bytes
}

#[track_caller]
fn accepts(body: &[u8], id: Id<'_>, data: &[u8]) {
    let bytes = frame(body);
    let expect = Decoded::Complete {
        frame: Frame { id, data },
        len: bytes.len(),
    };
    assert_eq!(
        decode(&bytes, &Limits::default()),
        Ok(expect),
        "{body:02x?}"
    );
    for len in 0..bytes.len() {
        let Ok(Decoded::Partial { needed }) = decode(&bytes[..len], &Limits::default()) else {
            panic!("a prefix of {len} bytes of {body:02x?} is no partial frame");
        };
        let target = if len < PREFIX_LEN {
            PREFIX_LEN
        } else {
            bytes.len()
        };
        assert_eq!(len + needed, target);
    }
}

#[track_caller]
fn refuses(body: &[u8], kind: Kind, at: usize) {
    assert_eq!(
        decode(&frame(body), &Limits::default()),
        Err(DecodeError { kind, at }),
        "{body:02x?}"
    );
}

// V2-2
#[test]
fn the_ping_of_the_python_package() {
    let mut bytes = b"\0\0\0\x36\xa2\x64data\xa1\x64type\x64ping\x62id\x78\x20".to_vec();
    bytes.extend(HEX.bytes());
    let ping = Frame {
        id: Id::Text(HEX),
        data: b"\xa1\x64type\x64ping",
    };
    let mut encoded = [0; 58];
    ping.encode(&Limits::default(), &mut encoded[..]).unwrap();
    assert_eq!(encoded[..], bytes[..]);
    assert_eq!(ping.encoded_len(), bytes.len());
    accepts(&bytes[4..], ping.id, ping.data);
}

// V2-3, V2-4
#[test]
fn all_that_a_receiver_takes() {
    let empty = b"\xa0";
    // Keys in the other order; more keys of other types; twice the same key.
    accepts(b"\xa2\x62id\x611\x64data\xa0", Id::Text("1"), empty);
    accepts(
        b"\xa4\x01\x02\x62id\x611\x64data\xa0\x81\xf6\xbf\xff",
        Id::Text("1"),
        empty,
    );
    accepts(
        b"\xa3\x64data\x01\x62id\x611\x64data\xa0",
        Id::Text("1"),
        empty,
    );
    // Indefinite lengths: the map, the keys, the data, the id.
    accepts(b"\xbf\x64data\xa0\x62id\x611\xff", Id::Text("1"), empty);
    accepts(
        b"\xa2\x7f\x62da\x62ta\xff\xa0\x7f\x62id\xff\x611",
        Id::Text("1"),
        empty,
    );
    accepts(
        b"\xa2\x64data\xbf\xff\x62id\x611",
        Id::Text("1"),
        b"\xbf\xff",
    );
    accepts(
        b"\xa2\x64data\xa0\x62id\x7f\x611\xff",
        Id::Cbor(b"\x7f\x611\xff"),
        empty,
    );
    // Ids of other types, a long text, an empty one.
    accepts(
        b"\xa2\x64data\xa0\x62id\x18\x2a",
        Id::Cbor(b"\x18\x2a"),
        empty,
    );
    accepts(b"\xa2\x64data\xa0\x62id\xf6", Id::Cbor(b"\xf6"), empty);
    accepts(b"\xa2\x64data\xa0\x62id\x60", Id::Text(""), empty);
    // Longer heads than needed; bytes after the item, even ones that are no CBOR.
    accepts(
        b"\xb8\x02\x78\x04data\xa0\x62id\x59\x00\x01x",
        Id::Cbor(b"\x59\x00\x01x"),
        empty,
    );
    accepts(b"\xa2\x64data\xa0\x62id\x611\xff\x1c", Id::Text("1"), empty);
    // What data can hold: big integer, tag, NaN, null, bytes, a key that is no text.
    let data = b"\xa3\x01\xc2\x49\x01\0\0\0\0\0\0\0\0\xf6\xf9\x7e\x00\x42\x01\x02\x5f\xff";
    let mut body = b"\xa2\x64data".to_vec();
    body.extend(data);
    body.extend(b"\x62id\x611");
    accepts(&body, Id::Text("1"), data);
}

// V2-1, V2-5
#[test]
fn what_is_wrong_is_named() {
    assert_eq!(
        decode(b"\0\0\0\0", &Limits::default()),
        Err(DecodeError {
            kind: Kind::EmptyFrame,
            at: 0
        })
    );
    refuses(
        b"\x80",
        Kind::NotMap {
            found: CborType::Array,
        },
        4,
    );
    refuses(
        b"\xff",
        Kind::NotMap {
            found: CborType::Simple,
        },
        4,
    );
    refuses(b"\xa0", Kind::MissingKey("data"), 5);
    refuses(b"\xa1\x62id\x611", Kind::MissingKey("data"), 10);
    refuses(b"\xa1\x64data\xa0", Kind::MissingKey("id"), 11);
    refuses(
        b"\xa2\x64data\x80\x62id\x611",
        Kind::DataNotMap {
            found: CborType::Array,
        },
        10,
    );
    refuses(
        b"\xa2\x64data\xc1\xa0\x62id\x611",
        Kind::DataNotMap {
            found: CborType::Tag,
        },
        10,
    );
    refuses(b"\xa2\x64data\xa0\x62id", Kind::UnexpectedEnd, 14);
    refuses(b"\xa2\x64data\xa1\x01\x62id\x611", Kind::UnexpectedEnd, 17);
    refuses(b"\xbf\x64data\xff", Kind::OddMap, 10);
    refuses(
        b"\xa2\x64data\xa1\x61k\x61\xff\x62id\x611",
        Kind::InvalidUtf8,
        14,
    );
}

// V2-5
#[test]
fn the_frame_limit_is_exact() {
    let limits = Limits {
        max_frame: 12,
        ..Limits::default()
    };
    for (id, fits) in [("", true), ("1", true), ("12", false)] {
        let frame = Frame {
            id: Id::Text(id),
            data: b"\xa0",
        };
        let mut encoded = [0; 32];
        let result = frame.encode(&limits, &mut encoded[..]);
        let len = frame.encoded_len() - PREFIX_LEN;
        if fits {
            result.unwrap();
            assert!(matches!(
                decode(&encoded, &limits),
                Ok(Decoded::Complete { .. })
            ));
            continue;
        }
        assert!(
            matches!(result, Err(EncodeError::FrameTooLarge { len: found, max: 12 }) if found == len)
        );
        assert_eq!(encoded, [0; 32], "nothing is written");
        frame.encode(&Limits::default(), &mut encoded[..]).unwrap();
        let error = decode(&encoded[..PREFIX_LEN], &limits).unwrap_err();
        let kind = Kind::FrameTooLarge {
            len: 13,
            max: 12,
            looks_like: None,
        };
        assert_eq!(error, DecodeError { kind, at: 0 });
    }
}

#[test]
fn other_protocols_are_named() {
    use std::string::ToString;
    let text = |bytes| decode(bytes, &Limits::default()).unwrap_err().to_string();
    assert_eq!(
        text(&b"\x16\x03\x01\x02\x00\x01"[..]),
        "frame length 369295618 exceeds limit 524288: the peer seems to speak TLS"
    );
    assert_eq!(
        text(b"GET / HTTP/1.1\r\n"),
        "frame length 1195725856 exceeds limit 524288: the peer seems to speak HTTP"
    );
}

// V2-6
#[test]
fn nesting_counts_from_data_on() {
    for (levels, max_depth, fits) in [(1, 1, true), (2, 1, false), (64, 64, true), (65, 64, false)]
    {
        let mut body = b"\xa2\x64data".to_vec();
        body.extend(b"\xa1\x00".repeat(levels));
        body.extend(b"\x00\x62id\x611");
        let result = Frame::decode_body(&body, max_depth);
        if fits {
            result.unwrap();
        } else {
            assert_eq!(result.unwrap_err().kind, Kind::TooDeep { max: max_depth });
        }
    }
}

// V2-8
#[test]
fn acknowledgements_are_known_by_all_of_their_content() {
    let is_ack = |data| {
        Frame {
            id: Id::Text(""),
            data,
        }
        .is_acknowledgement()
    };
    assert!(is_ack(ACKNOWLEDGEMENT));
    assert!(is_ack(b"\xbf\x67statusP\xf5\xff"));
    assert!(is_ack(b"\xa1\x7f\x66status\x61P\xff\xf5"));
    for data in [
        &b"\xa1\x67statusP\xf4"[..],
        b"\xa0",
        b"\xa2\x67statusP\xf5\x61x\x01",
        b"\xa1\x66status\xf5",
        b"\xa1\x67statusP\x01",
    ] {
        assert!(!is_ack(data), "{data:02x?}");
    }
}

#[test]
fn ids_of_every_length_survive() {
    for len in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
        let text: std::string::String = core::iter::repeat_n('x', len).collect();
        let sent = Frame {
            id: Id::Text(&text),
            data: b"\xa0",
        };
        let mut bytes = Vec::new();
        sent.encode(&Limits::default(), Sink(&mut bytes)).unwrap();
        assert_eq!(bytes.len(), sent.encoded_len());
        let Ok(Decoded::Complete { frame, .. }) = decode(&bytes, &Limits::default()) else {
            panic!("not decoded: {len}");
        };
        assert_eq!(frame, sent);
    }
    let id = MessageId::from_bytes([
        0x01, 0xab, 0xcd, 0xef, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0xff, 0x10,
    ]);
    assert_eq!(
        id.as_str(),
        "01abcdef090807060504030201 00ff10".replace(' ', "")
    );
}

/// minicbor writes to a `Vec` only with its `alloc` feature, which this crate does not use.
struct Sink<'a>(&'a mut Vec<u8>);

impl Write for Sink<'_> {
    type Error = core::convert::Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
        self.0.extend(bytes);
        Ok(())
    }
}
