//! What holds for every input of the codecs: round trips, splits, arbitrary bytes, memory.

use bytes::BytesMut;
use korinet_proto::v2::{Frame, FrameCodec};
use korinet_tests::fuzz;
use korinet_wire::v2::{self as wire, Decoded, Id, Limits};
use proptest::prelude::*;
use tokio_util::codec::{Decoder, Encoder};

/// A CBOR item that is a map, of any content.
fn any_map() -> impl Strategy<Value = Vec<u8>> {
    let item = prop_oneof![
        any::<u64>().prop_map(korinet::Value::from),
        any::<i64>().prop_map(korinet::Value::from),
        any::<f64>().prop_map(korinet::Value::from),
        ".{0,40}".prop_map(korinet::Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(korinet::Value::Bytes),
        Just(korinet::Value::Null),
    ];
    let item = item.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(korinet::Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..6).prop_map(korinet::Value::Map),
        ]
    });
    prop::collection::vec((item.clone(), item), 0..6)
        .prop_map(|entries| korinet::Value::Map(entries).to_cbor())
}

fn encode(frames: &[(String, Vec<u8>)]) -> BytesMut {
    let mut codec = FrameCodec::default();
    let mut bytes = BytesMut::new();
    for (id, data) in frames {
        let frame = wire::Frame {
            id: Id::Text(id),
            data,
        };
        codec.encode(frame, &mut bytes).expect("within the limits");
    }
    bytes
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(id in ".{0,300}", data in any_map()) {
        let frame = wire::Frame { id: Id::Text(&id), data: &data };
        let mut encoded = vec![0; frame.encoded_len()];
        frame.encode(&Limits::default(), &mut encoded[..]).expect("within the limits");
        let len = encoded.len();
        prop_assert_eq!(
            wire::decode(&encoded, &Limits::default()),
            Ok(Decoded::Complete { frame, len })
        );
        for cut in 0..len {
            let partial = wire::decode(&encoded[..cut], &Limits::default());
            prop_assert!(matches!(partial, Ok(Decoded::Partial { .. })), "{}", cut);
        }
    }

    #[test]
    fn every_split_of_a_stream_gives_the_same_frames(
        frames in prop::collection::vec((".{0,40}", any_map()), 1..6),
        sizes in prop::collection::vec(1_usize..200, 1..40),
    ) {
        let stream = encode(&frames);
        let mut codec = FrameCodec::default();
        let mut buffer = BytesMut::new();
        let mut found: Vec<Frame> = Vec::new();
        let mut rest = &stream[..];
        for size in sizes.iter().cycle() {
            let (piece, later) = rest.split_at(rest.len().min(*size));
            buffer.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut buffer).expect("valid frames") {
                found.push(frame);
            }
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(codec.decode_eof(&mut buffer).expect("whole frames"), None);
        prop_assert_eq!(found.len(), frames.len());
        for (found, (id, data)) in found.iter().zip(&frames) {
            prop_assert_eq!(found.id(), Id::Text(id));
            prop_assert_eq!(&found.data()[..], &data[..]);
        }
    }

    #[test]
    fn arbitrary_bytes_are_decoded_or_refused(data in any::<Vec<u8>>()) {
        fuzz::wire_decode(&data);
        fuzz::codec_chunks(&data);
    }

    /// As above, but with a length that fits, so that more than the prefix is looked at.
    #[test]
    fn arbitrary_bodies_are_decoded_or_refused(body in prop::collection::vec(any::<u8>(), 1..600)) {
        let frame = framed(&body);
        fuzz::wire_decode(&frame);
        fuzz::codec_chunks(&[&[2, 1, 5][..], &frame[..]].concat());
    }

    /// One changed byte of a good stream: the rarest paths are close to the good ones.
    #[test]
    fn good_streams_with_one_bad_byte_are_decoded_or_refused(
        frames in prop::collection::vec((".{0,10}", any_map()), 1..3),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut stream = encode(&frames);
        let place = place.index(stream.len());
        stream[place] = byte;
        fuzz::wire_decode(&stream);
        fuzz::codec_chunks(&[&[1, 7][..], &stream[..]].concat());
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a short body");
    [&len.to_be_bytes()[..], body].concat()
}

/// The most that the codec allocates beyond what it was given: one step of the read buffer, and the
/// bookkeeping of shared buffers.
const CONSTANT: u64 = 256 * 1024 + 4096;

/// Feeds a stream in pieces, as a socket would; the bytes that were allocated at most at one time,
/// the buffer's content included.
fn peak(stream: &[u8], piece: usize, limits: Limits) -> u64 {
    let measured = allocation_counter::measure(|| {
        let mut codec = FrameCodec::new(limits);
        let mut buffer = BytesMut::new();
        for piece in stream.chunks(piece) {
            buffer.reserve(piece.len());
            buffer.extend_from_slice(piece);
            loop {
                match codec.decode(&mut buffer) {
                    Ok(Some(frame)) => drop(frame),
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
        }
    });
    measured.bytes_max
}

#[test]
fn a_length_that_nothing_follows_allocates_nothing_of_its_size() {
    let limits = Limits {
        max_frame: u32::MAX,
        ..Limits::default()
    };
    for len in [5_000, 500_000, u32::MAX] {
        let peak = peak(&len.to_be_bytes(), 4, limits);
        assert!(peak <= 4 + CONSTANT, "{len}: {peak}");
    }
}

#[test]
fn memory_follows_what_arrived() {
    // Moving to a larger buffer needs the old one and the new one for a moment.
    for (size, piece) in [(1_000, 1), (100_000, 1000), (5_000_000, 65_536)] {
        let limits = Limits {
            max_frame: u32::MAX,
            ..Limits::default()
        };
        let arrived = vec![0; size];
        let stream = [&u32::MAX.to_be_bytes()[..], &arrived].concat();
        let peak = peak(&stream, piece, limits);
        let most = 2 * (stream.len() as u64 + CONSTANT);
        assert!(peak <= most, "{size}: {peak} of {most}");
    }
}

#[test]
fn bombs_cost_no_memory() {
    let bombs: [(&str, Vec<u8>); 4] = [
        ("arrays", [0x81].repeat(500_000)),
        ("tags", [0xc1].repeat(500_000)),
        ("indefinite maps", [0xbf, 0x00].repeat(250_000)),
        ("a count", [&[0x9b][..], &[0xff; 8], &[0; 100]].concat()),
    ];
    for (what, bomb) in bombs {
        let body = [&b"\xa2\x64data\xa1\x00"[..], &bomb].concat();
        let frame = framed(&body);
        let whole = peak(&frame, frame.len(), Limits::default());
        assert!(whole <= frame.len() as u64 + CONSTANT, "{what}: {whole}");
        let error = wire::decode(&frame, &Limits::default()).expect_err(what);
        let decoded = allocation_counter::measure(|| {
            assert_eq!(wire::decode(&frame, &Limits::default()), Err(error));
        });
        assert_eq!(decoded.count_total, 0, "{what}");
    }
}

#[test]
fn the_seeds_of_the_fuzz_targets_are_replayed() {
    for (target, body) in [
        ("wire_decode", fuzz::wire_decode as fn(&[u8])),
        ("wire_v3_decode", fuzz::wire_v3_decode),
        ("codec_chunks", fuzz::codec_chunks),
        ("connection_frames", fuzz::connection_frames),
        ("session_operations", fuzz::session_operations),
    ] {
        let folder = format!("{}/../fuzz/seeds/{target}", env!("CARGO_MANIFEST_DIR"));
        let mut count = 0;
        for file in std::fs::read_dir(folder).expect("the seeds of a target") {
            let path = file.expect("a seed").path();
            body(&std::fs::read(&path).expect("a seed"));
            count += 1;
        }
        assert!(count >= 10, "{target} has {count} seeds");
    }
}
