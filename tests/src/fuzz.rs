//! The bodies of the fuzz targets; the property tests call them too, so a crash that the fuzzer
//! finds is one line away from being a test.

mod connection;
mod script;
mod server_connection;
mod sessions;

pub use connection::connection_frames;
pub use server_connection::{Occurred, What, server_connection};
pub use sessions::session_operations;

use bytes::BytesMut;
use korinet_proto::CodecError;
use korinet_proto::v2::{Frame, FrameCodec};
use korinet_wire::v2::{self as wire, Decoded, Limits};
use korinet_wire::v3;
use korinet_wire::v3::Delimited;
use korinet_wire::{DecodeError, Detection};
use tokio_util::codec::{Decoder, Encoder};

/// Small limits, so that a fuzzer reaches them.
const LIMITS: Limits = Limits {
    max_frame: 4096,
    max_depth: 16,
};

/// Decodes arbitrary bytes and checks what the wire layer promises of the answer.
pub fn wire_decode(data: &[u8]) {
    match wire::decode(data, &LIMITS) {
        Ok(Decoded::Complete { frame, len }) => {
            assert!(len <= data.len() && len <= 4 + LIMITS.max_frame as usize);
            assert!(frame.data.len() < len);
            for cut in [0, 3, 4, len - 1] {
                let partial = wire::decode(&data[..cut], &LIMITS);
                assert!(
                    matches!(partial, Ok(Decoded::Partial { needed }) if needed >= 1 && cut + needed <= len),
                    "a prefix of a frame is a partial frame, not {partial:?}"
                );
            }
            check_round_trip(frame);
        }
        Ok(Decoded::Partial { needed }) => {
            assert!(needed >= 1);
            assert!(data.len() + needed <= 4 + LIMITS.max_frame as usize);
        }
        Err(error) => {
            assert!(error.at <= data.len(), "{error} lies outside of the input");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A decoded frame is encoded to bytes that decode to the same frame.
fn check_round_trip(frame: wire::Frame<'_>) {
    let limits = Limits {
        max_frame: u32::MAX,
        ..LIMITS
    };
    let mut encoded = vec![0; frame.encoded_len()];
    frame
        .encode(&limits, &mut encoded[..])
        .expect("it was just decoded");
    let again = wire::decode(&encoded, &limits);
    let len = encoded.len();
    assert_eq!(again, Ok(Decoded::Complete { frame, len }));
}

/// Decodes arbitrary bytes as a connection's beginning and as a frame of protocol v3, and checks what
/// the wire layer promises of the answers.
pub fn wire_v3_decode(data: &[u8]) {
    check_beginning(data);
    let max_frame = v3::MAX_HANDSHAKE_FRAME;
    match v3::decode(data, max_frame) {
        Ok(v3::Decoded::Complete { frame, len }) => {
            assert!(len <= data.len() && len <= 4 + max_frame as usize);
            for cut in [0, 3, 4, len - 1] {
                let partial = v3::decode(&data[..cut], max_frame);
                assert!(
                    matches!(partial, Ok(v3::Decoded::Partial { needed }) if needed >= 1 && cut + needed <= len),
                    "a prefix of a frame is a partial frame, not {partial:?}"
                );
            }
            check_plain(Some(frame), &data[..len]);
            if let v3::Frame::Data(message) = frame {
                check_call(message.payload);
                check_series(&message, &data[len..]);
            }
            check_v3_frame(frame, &data[..len]);
        }
        Ok(v3::Decoded::Partial { needed }) => {
            assert!(needed >= 1);
            assert!(data.len() + needed <= 4 + max_frame as usize);
        }
        Err(error) => {
            if let Ok(Delimited::Complete { len }) = v3::delimit(data, max_frame) {
                check_plain(None, &data[..len]);
            }
            check_v3_error(error, data);
        }
    }
}

/// What the payload of a request, an error or a credit says is written again as it was understood.
fn check_call(payload: &[u8]) {
    let mut again = Vec::new();
    if let Ok(request) = v3::Request::decode(payload) {
        request.encode(&mut again).expect("it was just decoded");
        assert_eq!(v3::Request::decode(&again), Ok(request));
    }
    again.clear();
    if let Ok(failure) = v3::Failure::decode(payload) {
        failure.encode(&mut again).expect("it was just decoded");
        assert_eq!(v3::Failure::decode(&again), Ok(failure));
        check_line(&failure.to_string());
    }
    if let Ok(credit) = v3::decode_credit(payload) {
        again.clear();
        v3::encode_credit(credit, &mut again).expect("memory takes it");
        assert_eq!(again, payload);
    }
}

/// The short way to a plain message gives what the long one does, and for nothing else anything.
fn check_plain(frame: Option<v3::Frame<'_>>, bytes: &[u8]) {
    let plain = match frame {
        Some(frame @ v3::Frame::Data(data)) if frame.encoded_len() == bytes.len() => {
            data.re.is_none().then_some(data)
        }
        _ => None,
    };
    assert_eq!(v3::Data::plain(&bytes[4..]), plain);
}

/// What is told by its beginning to be like the message before it is what decoding finds.
fn check_series(before: &v3::Data<'_>, behind: &[u8]) {
    let Some(series) = v3::DataSeries::after(before) else {
        return;
    };
    let frames = behind.chunks(series.frame_len());
    let count = series.count_in(behind, usize::MAX);
    let mut seq = before.seq;
    for frame in frames.take(count) {
        seq = seq.next().expect("there is one more");
        let found = v3::Data::plain(&frame[4..]).expect("it is plain");
        let payload = found.payload;
        assert_eq!(payload.len(), before.payload.len());
        let expect = v3::Data {
            seq,
            payload,
            ..*before
        };
        assert_eq!(found, expect);
        assert_eq!(
            Ok(Delimited::Complete { len: frame.len() }),
            v3::delimit(frame, u32::MAX)
        );
    }
}

/// A connection's beginning is told by its first bytes, and stays what it was with more of them.
fn check_beginning(data: &[u8]) {
    let whole = Detection::of(data);
    let preface = v3::preface(data);
    assert!(preface.is_err() || data.is_empty() || whole == Detection::V3);
    for cut in 0..data.len().min(8) {
        let part = Detection::of(&data[..cut]);
        assert!(part == whole || matches!(part, Detection::NeedMore { .. }));
        assert!(preface.is_err() || v3::preface(&data[..cut]).is_ok());
    }
    if let Err(error) = preface {
        check_line(&error.to_string());
    }
}

/// Whatever a peer writes, a log line stays one line.
fn check_line(text: &str) {
    assert!(!text.is_empty());
    assert!(!text.contains(char::is_control), "{text:?}");
}

fn check_v3_error(error: DecodeError, data: &[u8]) {
    assert!(error.at <= data.len(), "{error} lies outside of the input");
    check_line(&error.to_string());
    let code = error.kind.code();
    assert_eq!(code.class(), v3::Class::Retry, "{code}");
}

/// What was decoded from `bytes` is encoded to them, or, where they hold what is not known, to less that says the
/// same.
fn check_v3_frame(frame: v3::Frame<'_>, bytes: &[u8]) {
    let text = frame.to_string();
    check_line(&text);
    assert!(text.starts_with(frame.name()));
    let body = &bytes[4..];
    match frame {
        v3::Frame::Skipped { ty } => {
            assert!(ty >= v3::FIRST_SKIPPED_TYPE);
            return assert_eq!(frame.encoded_len(), 0);
        }
        v3::Frame::Data(data) => check_v3_data(data, bytes),
        v3::Frame::Hello(_) | v3::Frame::Welcome(_) | v3::Frame::Reject(_) => {
            assert!(v3::signed_part(body).is_some_and(|map| map.len() < body.len()));
        }
        v3::Frame::Ack(_)
        | v3::Frame::Ping(_)
        | v3::Frame::Pong(_)
        | v3::Frame::GoAway(_)
        | v3::Frame::Close(_)
        | v3::Frame::Volatile(_) => assert_eq!(v3::signed_part(body), None),
    }
    let mut encoded = vec![0; frame.encoded_len()];
    frame.encode(&mut encoded[..]).expect("it was just decoded");
    if encoded.len() == bytes.len() {
        return assert_eq!(encoded, bytes);
    }
    assert!(
        encoded.len() < bytes.len(),
        "V3-5: there is no shorter form"
    );
    let len = encoded.len();
    let again = v3::decode(&encoded, v3::MAX_HANDSHAKE_FRAME);
    assert_eq!(again, Ok(v3::Decoded::Complete { frame, len }));
}

/// V3-27: sender and receiver find the same bytes for the digest.
fn check_v3_data(data: v3::Data<'_>, frame: &[u8]) {
    let (head, tail) = (data.head(), data.tail());
    if data.digest.is_none() {
        return assert_eq!(data.covered(frame), frame);
    }
    // Prefix and array head tell of what is not known, too.
    let beginning = v3::PREFIX_LEN + 1;
    let sent = [head.as_bytes(), data.payload, tail.covered()].concat();
    assert_eq!(data.covered(frame)[beginning..], sent[beginning..]);
}

/// Feeds arbitrary bytes to the codec in one piece and in pieces of arbitrary sizes: the same
/// frames, the same error, and no more memory than what arrived and one step.
///
/// The first bytes choose the sizes: a count, then that many sizes, used in turn.
pub fn codec_chunks(data: &[u8]) {
    let (sizes, stream) = match data.split_first() {
        Some((count, rest)) => rest.split_at(rest.len().min(usize::from(count % 16))),
        None => return,
    };
    let whole = run(stream, std::iter::repeat(stream.len().max(1)));
    let sizes: Vec<usize> = match sizes {
        [] => vec![1],
        sizes => sizes.iter().map(|size| usize::from(*size).max(1)).collect(),
    };
    let pieces = run(stream, sizes.iter().copied().cycle());
    assert_eq!(whole, pieces, "in pieces of {sizes:?}");
}

/// All frames, and how the stream ended.
fn run(mut stream: &[u8], mut sizes: impl Iterator<Item = usize>) -> (Vec<Frame>, Option<String>) {
    /// The most that the buffer may have beyond what is in it; see `read_buffer`.
    const STEP: usize = 256 * 1024;
    let mut codec = FrameCodec::new(LIMITS);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    loop {
        match codec.decode(&mut buffer) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) if stream.is_empty() => break,
            Ok(None) => {
                assert!(buffer.capacity() <= buffer.len() + STEP);
                let size = sizes.next().unwrap_or(1).min(stream.len());
                let (piece, rest) = stream.split_at(size);
                buffer.extend_from_slice(piece);
                stream = rest;
            }
            Err(error) => return (frames, Some(final_error(&mut codec, &mut buffer, &error))),
        }
    }
    let end = match codec.decode_eof(&mut buffer) {
        Ok(None) => None,
        Ok(Some(_)) => panic!("a frame that decode did not see"),
        Err(error) => Some(error.to_string()),
    };
    check_reencoded(&frames);
    (frames, end)
}

/// An error stays: whatever comes after it is not decoded.
fn final_error(codec: &mut FrameCodec, buffer: &mut BytesMut, error: &CodecError) -> String {
    buffer.extend_from_slice(b"\0\0\0\x0c\xa2\x64data\xa0\x62id\x60");
    let again = codec.decode(buffer).expect_err("the codec has failed");
    assert_eq!(again.to_string(), error.to_string());
    error.to_string()
}

/// What the codec writes, it reads.
fn check_reencoded(frames: &[Frame]) {
    let mut codec = FrameCodec::new(Limits {
        max_frame: u32::MAX,
        ..LIMITS
    });
    let mut buffer = BytesMut::new();
    for frame in frames {
        codec
            .encode(frame.as_wire(), &mut buffer)
            .expect("it was just decoded");
    }
    for frame in frames {
        assert_eq!(
            codec.decode(&mut buffer).expect("valid").as_ref(),
            Some(frame)
        );
    }
    assert!(buffer.is_empty());
}
