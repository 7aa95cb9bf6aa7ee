//! What peers send that is no frame, and what they are told.

/// A frame with this body.
fn frame(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap();
    [&length.to_be_bytes()[..], body].concat()
}

/// A frame with this content of `data`.
pub(crate) fn frame_of(data: &[u8]) -> Vec<u8> {
    frame(&[b"\xa2\x64data", data, b"\x62id\x611"].concat())
}

/// `opening` and `closing` 100,000 times around nothing, in a message.
fn bomb(opening: &[u8], closing: &[u8]) -> Vec<u8> {
    const LEVELS: usize = 100_000;
    let inner = [
        opening.repeat(LEVELS),
        b"\xf6".to_vec(),
        closing.repeat(LEVELS),
    ]
    .concat();
    frame_of(&[b"\xa1\x61x", &inner[..]].concat())
}

const TLS_CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\
    0123456789abcdef0123456789abcdef\x00\x00\x04\x13\x01\x13\x02\x01\x00";

/// Bytes, after which the connection is half-closed, and what they are told to be.
pub(crate) fn cases() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    vec![
        (
            "a length above the limit",
            vec![0, 8, 0, 1],
            "frame length 524289 exceeds limit 524288",
        ),
        (
            "the greatest length",
            vec![0xff; 4],
            "frame length 4294967295 exceeds limit 524288",
        ),
        (
            "the length zero",
            vec![0; 4],
            "frame length 0, expected at least 1",
        ),
        (
            "an end inside of the length",
            vec![0; 3],
            "connection ended inside of a frame: 1 more bytes expected",
        ),
        (
            "an end inside of the body",
            frame_of(b"\xa0")[..10].to_vec(),
            "connection ended inside of a frame: 6 more bytes expected",
        ),
        (
            "the largest frame without its body",
            vec![0, 8, 0, 0],
            "connection ended inside of a frame: 524288 more bytes expected",
        ),
        (
            "an array",
            frame(b"\x83\x01\x02\x03"),
            "frame holds an array, expected a map at byte 4 of the frame",
        ),
        (
            "text",
            frame(b"\x65hello"),
            "frame holds a text string, expected a map at byte 4 of the frame",
        ),
        (
            "no data",
            frame(b"\xa1\x62id\x611"),
            "missing key \"data\" at byte 10 of the frame",
        ),
        (
            "no id",
            frame(b"\xa1\x64data\xa0"),
            "missing key \"id\" at byte 11 of the frame",
        ),
        (
            "data that is an array",
            frame_of(b"\x81\x01"),
            "data is an array, expected a map at byte 10 of the frame",
        ),
        (
            "data that is null",
            frame_of(b"\xf6"),
            "data is a float or simple value, expected a map at byte 10 of the frame",
        ),
        (
            "arrays",
            bomb(b"\x81", b""),
            "nesting exceeds limit 64 at byte 76 of the frame",
        ),
        (
            "maps",
            bomb(b"\xa1\x00", b""),
            "nesting exceeds limit 64 at byte 139 of the frame",
        ),
        (
            "tags",
            bomb(b"\xc1", b""),
            "nesting exceeds limit 64 at byte 76 of the frame",
        ),
        (
            "indefinite arrays",
            bomb(b"\x9f", b"\xff"),
            "nesting exceeds limit 64 at byte 76 of the frame",
        ),
        (
            "indefinite maps",
            bomb(b"\xbf\x00", b"\xff"),
            "nesting exceeds limit 64 at byte 139 of the frame",
        ),
        (
            "an unknown key with arrays",
            frame(
                &[
                    b"\xa3\x61x",
                    &b"\x81".repeat(100_000)[..],
                    b"\x00\x64data\xa0\x62id\x611",
                ]
                .concat(),
            ),
            "nesting exceeds limit 64 at byte 71 of the frame",
        ),
        (
            "text that is not UTF-8",
            frame_of(b"\xa1\x61t\x62\xc3\x28"),
            "text string is not UTF-8 at byte 14 of the frame",
        ),
        (
            "a key that is not UTF-8",
            frame_of(b"\xa1\x61\xff\x00"),
            "text string is not UTF-8 at byte 12 of the frame",
        ),
        (
            "a reserved byte",
            frame_of(b"\xa1\x61t\x1c"),
            "reserved initial byte 0x1c at byte 13 of the frame",
        ),
        (
            "an array of absurd length",
            frame_of(b"\xa1\x61t\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
            "frame ends inside of an item at byte 27 of the frame",
        ),
        (
            "a text of absurd length",
            frame_of(b"\xa1\x61t\x7b\xff\xff\xff\xff\xff\xff\xff\xff"),
            "frame ends inside of an item at byte 27 of the frame",
        ),
        (
            "zeros",
            frame(&[0; 100]),
            "frame holds an unsigned integer, expected a map at byte 4 of the frame",
        ),
        (
            "TLS",
            TLS_CLIENT_HELLO.to_vec(),
            "frame length 369295616 exceeds limit 524288: the peer seems to speak TLS",
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec(),
            "frame length 1195725856 exceeds limit 524288: the peer seems to speak HTTP",
        ),
        (
            "SSH",
            b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
            "frame length 1397966893 exceeds limit 524288: the peer seems to speak SSH",
        ),
        (
            "v3",
            b"\xcbKNT\x03\0\0\0".to_vec(),
            "frame length 3410710100 exceeds limit 524288: the peer seems to speak KoriNet protocol v3",
        ),
    ]
}
