use bytes::Bytes;
use korinet_wire::v3::{self as wire, Data, Frame, Kind, Role};

use super::*;
use crate::v3::Payload;

const LIMITS: Limits = Limits {
    messages: 3,
    bytes: 1000,
    message: 500,
};

fn window() -> SendWindow {
    SendWindow::new(LIMITS, true)
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn push(window: &mut SendWindow, payload: &[u8]) -> Result<Seq, PushError> {
    window.push(Kind::RAW, None, Payload::Copied(payload))
}

fn ack(window: &mut SendWindow, next: u64) -> Result<bool, Violation> {
    let digest = window.digest_at(seq(next));
    window.handle_ack(seq(next), digest)
}

/// What the window writes now: number and payload of each message.
fn written(window: &mut SendWindow) -> Vec<(u64, Vec<u8>)> {
    let mut out = Transmit::new();
    let any = window.poll_transmit(&mut out);
    let bytes = out.into_bytes();
    assert_eq!(any, !bytes.is_empty());
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Ok(wire::Decoded::Complete { frame, len }) = wire::decode(rest, u32::MAX) {
        let Frame::Data(data) = frame else {
            panic!("{frame}");
        };
        found.push((data.seq.get(), data.payload.to_vec()));
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
    found
}

fn numbers(window: &mut SendWindow) -> Vec<u64> {
    written(window)
        .into_iter()
        .map(|(number, _)| number)
        .collect()
}

// V3-16, V3-20
#[test]
fn a_message_is_kept_until_it_is_acknowledged() {
    let mut window = window();
    for (number, payload) in [(1, b"a"), (2, b"b"), (3, b"c")] {
        assert_eq!(push(&mut window, payload), Ok(seq(number)));
    }
    assert_eq!(numbers(&mut window), [1, 2, 3]);
    assert_eq!(numbers(&mut window), []);
    assert_eq!(ack(&mut window, 3), Ok(true));
    assert_eq!((window.oldest(), window.len()), (seq(3), 1));
    let lower = window.handle_ack(seq(2), Some(Digest::ZERO));
    assert_eq!(lower, Ok(false), "whatever its digest was");
    assert_eq!(window.seek(seq(3)), 1);
    assert_eq!(written(&mut window), [(3, b"c".to_vec())]);
    assert_eq!(ack(&mut window, 4), Ok(true));
    assert_eq!((window.len(), window.bytes()), (0, 0));
}

// V3-36
#[test]
fn a_replay_writes_the_same_bytes_from_any_place() {
    let limits = Limits {
        messages: 1000,
        bytes: 1 << 20,
        ..LIMITS
    };
    for shared in [false, true] {
        let mut window = SendWindow::new(limits, true);
        let mut first = Vec::new();
        for number in 0..200_u8 {
            let payload = vec![number; usize::from(number)];
            let payload = if shared {
                Payload::Shared(payload.clone().into())
            } else {
                Payload::Copied(&payload)
            };
            window.push(Kind::RAW, None, payload).unwrap();
            if number % 7 == 0 {
                let mut out = Transmit::new();
                window.poll_transmit(&mut out);
                first.extend_from_slice(&out.into_bytes());
            }
        }
        let mut out = Transmit::new();
        window.poll_transmit(&mut out);
        first.extend_from_slice(&out.into_bytes());
        let mut oldest = 0;
        for next in [1, 2, 50, 199, 201, 1, 120, 201] {
            let next = std::cmp::max(next, window.oldest().get());
            window.seek(seq(next));
            let mut out = Transmit::new();
            window.poll_transmit(&mut out);
            let again = out.into_bytes();
            assert!(first.ends_with(&again), "from {next}");
            assert_eq!(again.is_empty(), next == 201);
            if next == 120 {
                ack(&mut window, 100).unwrap();
                oldest = 100;
            }
            assert!(window.oldest().get() >= oldest);
        }
        let left = u64::try_from(first.len()).unwrap();
        assert!(window.bytes() < left);
    }
}

#[test]
fn new_messages_go_behind_the_replayed_ones() {
    let mut window = window();
    push(&mut window, b"a").unwrap();
    push(&mut window, b"b").unwrap();
    written(&mut window);
    window.seek(seq(1));
    push(&mut window, b"c").unwrap();
    assert_eq!(numbers(&mut window), [1, 2, 3]);
}

// V3-21
#[test]
fn the_window_is_full_at_its_limits_and_not_before() {
    let mut window = window();
    let overhead = {
        let mut one = window.clone();
        push(&mut one, &[0; 300]).unwrap();
        written(&mut one);
        usize::try_from(one.bytes()).unwrap() - 300
    };
    for number in [1, 2] {
        push(&mut window, &[0; 300]).unwrap();
        assert_eq!(numbers(&mut window), [number]);
    }
    let left = 1000 - 2 * (300 + overhead);
    let too_large = push(&mut window, &vec![0; left - overhead + 1]);
    assert!(matches!(
        too_large,
        Err(PushError::Full { messages: 2, .. })
    ));
    push(&mut window, &vec![0; left - overhead]).unwrap();
    assert_eq!(numbers(&mut window), [3]);
    assert_eq!(window.bytes(), 1000);
    assert!(matches!(
        push(&mut window, b""),
        Err(PushError::Full {
            messages: 3,
            bytes: 1000
        })
    ));
    ack(&mut window, 2).unwrap();
    push(&mut window, b"").unwrap();
}

// V3-22
#[test]
fn a_message_is_refused_above_the_limit_only() {
    let mut window = window();
    for (len, fits) in [(499, true), (500, true), (501, false)] {
        let pushed = window
            .clone()
            .push(Kind::RAW, None, Payload::Copied(&vec![0; len]));
        assert_eq!(pushed.is_ok(), fits, "{len}: {pushed:?}");
    }
    let error = push(&mut window, &[0; 501]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "message has 501 bytes, the peer takes 500"
    );
    assert_eq!(window.end(), Seq::FIRST, "it has no number");
}

#[test]
fn a_kind_and_its_reference_have_to_agree() {
    for (role, own, re, expect) in [
        (Role::Message, false, None, ""),
        (
            Role::Message,
            false,
            Some(seq(1)),
            "message answers and continues none",
        ),
        (
            Role::Message,
            true,
            None,
            "message+own cannot continue a message of this side",
        ),
        (Role::Response, false, Some(seq(1)), ""),
        (
            Role::Response,
            false,
            None,
            "response needs the message that it answers or continues",
        ),
        (Role::Item, true, Some(seq(1)), ""),
    ] {
        let kind = Kind {
            role,
            own,
            ..Kind::MESSAGE
        };
        match window().push(kind, re, Payload::Copied(b"\xf6")) {
            Ok(_) => assert_eq!(expect, "", "{kind} {re:?}"),
            Err(error) => assert_eq!(error.to_string(), format!("a message of kind {expect}")),
        }
    }
}

// V3-20
#[test]
fn an_ack_of_what_was_not_written_releases_nothing() {
    let mut window = window();
    push(&mut window, b"a").unwrap();
    assert!(matches!(
        ack(&mut window, 2),
        Err(Violation::AckBeyondSent { .. })
    ));
    written(&mut window);
    assert!(matches!(
        ack(&mut window, 3),
        Err(Violation::DigestPresence { .. }) | Err(Violation::AckBeyondSent { .. })
    ));
    assert_eq!(window.len(), 1);
    assert_eq!(ack(&mut window, 2), Ok(true));
}

// V3-28
#[test]
fn an_ack_with_another_digest_releases_nothing() {
    let mut window = window();
    push(&mut window, b"a").unwrap();
    push(&mut window, b"b").unwrap();
    written(&mut window);
    let other = window.digest_at(seq(2));
    let found = window.handle_ack(seq(3), other);
    assert_eq!(found, Err(Violation::DigestMismatch { next: seq(3) }));
    let missing = window.handle_ack(seq(2), None);
    assert_eq!(missing, Err(Violation::DigestPresence { asked: true }));
    assert_eq!(window.len(), 2);
    assert_eq!(window.handle_ack(seq(2), other), Ok(true));
}

// V3-16: numbers near the top.
#[test]
fn the_last_number_is_used_and_none_after_it() {
    let first = u64::MAX - 3;
    let mut window = SendWindow::starting_at(seq(first), LIMITS, true);
    for number in [first, first + 1, first + 2] {
        assert_eq!(push(&mut window, b"x"), Ok(seq(number)));
    }
    assert_eq!(window.end(), Seq::END);
    assert_eq!(numbers(&mut window), [first, first + 1, first + 2]);
    assert_eq!(push(&mut window, b"x"), Err(PushError::Exhausted));
    assert_eq!(ack(&mut window, u64::MAX), Ok(true));
    assert_eq!(push(&mut window, b"x"), Err(PushError::Exhausted));
    assert!(window.is_reachable(Seq::END));
    assert_eq!(window.seek(Seq::END), 0);
    assert!(window.is_empty());
}

#[test]
fn what_is_pushed_beyond_a_smaller_window_is_written_as_it_allows() {
    let limits = Limits {
        messages: 2,
        ..LIMITS
    };
    let mut window = SendWindow::new(limits, true);
    for payload in [b"a", b"b", b"c", b"d", b"e"] {
        window
            .push_beyond(Kind::RAW, None, Payload::Copied(payload))
            .unwrap();
    }
    assert_eq!(numbers(&mut window), [1, 2]);
    assert!(!window.has_transmit());
    ack(&mut window, 2).unwrap();
    assert!(window.has_transmit());
    assert_eq!(numbers(&mut window), [3]);
    ack(&mut window, 4).unwrap();
    assert_eq!(numbers(&mut window), [4, 5]);
}

#[test]
fn a_lost_session_gives_its_messages_back_in_order() {
    let mut window = window();
    push(&mut window, b"acknowledged").unwrap();
    written(&mut window);
    ack(&mut window, 2).unwrap();
    push(&mut window, b"written").unwrap();
    written(&mut window);
    window
        .push(
            Kind::RAW,
            None,
            Payload::Shared(Bytes::from_static(b"waiting")),
        )
        .unwrap();
    let drained = window.drain();
    let payloads: Vec<_> = drained.iter().map(|message| &message.payload[..]).collect();
    assert_eq!(payloads, [&b"written"[..], b"waiting"]);
    assert!(window.is_empty());
}

// V3-35: what the peer proves to have taken needs no ACK.
#[test]
fn what_is_settled_is_released_whether_written_or_not() {
    let mut window = window();
    for payload in [b"a", b"b", b"c"] {
        push(&mut window, payload).unwrap();
    }
    window.settle(seq(3));
    assert_eq!((window.oldest(), window.len()), (seq(3), 1));
    window.settle(seq(9));
    window.settle(seq(1));
    assert_eq!(window.oldest(), seq(3));
    assert_eq!(numbers(&mut window), [3]);
}

// V3-27
#[test]
fn the_digest_runs_over_number_kind_payload_and_reference() {
    let mut window = window();
    push(&mut window, b"abc").unwrap();
    let kind = Kind {
        role: Role::Response,
        ..Kind::RAW
    };
    window
        .push(kind, Some(seq(7)), Payload::Copied(b"de"))
        .unwrap();
    let mut out = Transmit::new();
    window.poll_transmit(&mut out);
    let frames = b"\0\0\0\x08\x84\x04\x01\x10\x43abc\0\0\0\x0d\x86\x04\x02\x12\x42de\x07";
    let digest = Digest::from_u32(crc32c::crc32c(frames));
    let element = Data::digest_element(digest);
    assert_eq!(out.into_bytes(), [&frames[..], &element].concat());
    for (next, expected) in [(1, Digest::ZERO), (2, Digest::ZERO), (3, digest)] {
        assert_eq!(window.digest_at(seq(next)), Some(expected));
    }
    assert_eq!(window.digest_at(seq(4)), None);
    assert_eq!(SendWindow::new(LIMITS, false).digest_at(seq(1)), None);
}

/// Which of the messages that are written now have a digest.
fn digests(window: &mut SendWindow) -> Vec<bool> {
    let mut out = Transmit::new();
    window.poll_transmit(&mut out);
    let bytes = out.into_bytes();
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    while let Ok(wire::Decoded::Complete { frame, len }) = wire::decode(rest, u32::MAX) {
        let Frame::Data(data) = frame else {
            panic!("{frame}");
        };
        found.push(data.digest.is_some());
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
    found
}

// V3-28
#[test]
fn the_last_message_that_is_written_has_a_digest() {
    let limits = Limits {
        messages: 100,
        bytes: 1_000_000,
        message: 100_000,
    };
    let mut window = SendWindow::new(limits, true);
    let payload = [7; 100];
    for _ in 0..3 {
        push(&mut window, &payload).unwrap();
    }
    assert_eq!(digests(&mut window), [false, false, true]);
    push(&mut window, &payload).unwrap();
    assert_eq!(digests(&mut window), [true]);
    // A new connection has the same groups.
    assert_eq!(window.seek(seq(1)), 4);
    assert_eq!(digests(&mut window), [false, false, true, true]);
    // One whose memory is the caller's ends a group.
    push(&mut window, &payload).unwrap();
    let shared = Payload::Shared(Bytes::from(vec![7; 20_000]));
    window.push(Kind::RAW, None, shared).unwrap();
    push(&mut window, &payload).unwrap();
    assert_eq!(digests(&mut window), [false, true, true]);
    // One that has no room in the memory of the others begins a group.
    for _ in 0..2 {
        push(&mut window, &payload).unwrap();
        push(&mut window, &[7; 70_000]).unwrap();
    }
    assert_eq!(digests(&mut window), [true, true, true, true]);
}

// V3-21, V3-27: for each of the groups that the memory makes, too.
#[test]
fn whatever_is_pushed_has_right_digests_and_fits_the_window_with_them() {
    let limits = Limits {
        messages: 1000,
        bytes: 3000,
        message: 100,
    };
    let mut window = SendWindow::new(limits, true);
    let (mut groups, mut digest, mut group) = (0, 0, Vec::new());
    for round in 0..400 {
        for number in 0.. {
            let payload = vec![7; (round * 7 + number * 31) % 100];
            let payload = match (round + number) % 5 {
                0 => Payload::Shared(payload.into()),
                _ => Payload::Copied(&payload),
            };
            let pushed = match number % 3 {
                0 => window.push(Kind::RAW, None, payload),
                _ => window.push(Kind::of(Role::Response), Some(Seq::LAST), payload),
            };
            if pushed.is_err() {
                break;
            }
        }
        let mut out = Transmit::new();
        window.poll_transmit(&mut out);
        let bytes = out.into_bytes();
        let mut rest = &bytes[..];
        while let Ok(wire::Decoded::Complete { frame, len }) = wire::decode(rest, u32::MAX) {
            let (bytes, behind) = rest.split_at(len);
            let Frame::Data(data) = frame else {
                panic!("{frame}");
            };
            group.extend_from_slice(data.covered(bytes));
            if let Some(found) = data.digest {
                digest = crc32c::crc32c_append(digest, &group);
                assert_eq!(found.to_u32(), digest, "{data}");
                group.clear();
                groups += 1;
            }
            rest = behind;
        }
        assert!(rest.is_empty() && group.is_empty());
        assert!(window.bytes() <= u64::from(limits.bytes));
        assert!(!window.has_transmit());
        // A part of them is acknowledged, so that the next do not begin where these did.
        let next = window.oldest().get() + as_u64(window.len()) * 2 / 3;
        ack(&mut window, next).unwrap();
    }
    assert!(groups > 1000, "{groups}");
}

// V3-21: there is room for the digest, too.
#[test]
fn the_digest_is_a_part_of_the_window() {
    let limits = |bytes| Limits { bytes, ..LIMITS };
    let frame = 4 + 2 + 1 + 1 + 1 + 10;
    for (bytes, fits) in [(2 * frame + 5, true), (2 * frame + 4, false)] {
        let mut window = SendWindow::new(limits(bytes), true);
        push(&mut window, &[7; 10]).unwrap();
        assert_eq!(push(&mut window, &[7; 10]).is_ok(), fits);
        written(&mut window);
        assert!(window.bytes() <= u64::from(bytes));
        // Alone it has one of its own.
        assert_eq!(push(&mut window, &[]).is_ok(), !fits);
    }
}

#[test]
fn the_checksum_is_crc_32c_for_any_length_and_place() {
    let bytes: Vec<u8> = (0..6000_u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0])
        .collect();
    let mut before = Digest::ZERO;
    // Around the lengths from which on the hardware is used otherwise.
    for len in (0..600)
        .chain(1000..1050)
        .chain([2047, 2048, 4095, 4096, 5000])
    {
        for start in 0..9 {
            let part = &bytes[start..start + len];
            let expected = crc32c::crc32c_append(before.to_u32(), part);
            before = extend(before, part);
            assert_eq!(before.to_u32(), expected, "{len} bytes from {start}");
        }
    }
}

/// What is accepted at once is what would have been one by one, to the byte: over the ends of chunks, where numbers get
/// longer, and up to what the peer takes.
#[test]
fn many_are_accepted_as_one_by_one() {
    let sizes = [
        (64, 1500),
        (3, 1),
        (70, 2),
        (0, 40),
        (64, 3),
        (300, 30),
        (30_000, 4),
    ];
    let runs = sizes.iter().flat_map(|(len, count)| vec![*len; *count]);
    let payloads = runs.zip((0..=u8::MAX).cycle());
    let payloads: Vec<_> = payloads.map(|(len, content)| vec![content; len]).collect();
    let payloads: Vec<_> = payloads.iter().map(|payload| &payload[..]).collect();
    let wide = Limits {
        messages: 10_000,
        bytes: 1 << 20,
        message: 1 << 16,
    };
    let few = Limits {
        messages: 1530,
        ..wide
    };
    let short = Limits {
        bytes: 120_000,
        ..wide
    };
    for (limits, all) in [(wide, true), (few, false), (short, false)] {
        for (first, checksum) in [(1, true), (200, false), (65_000, true), (1 << 32, true)] {
            let mut at_once = SendWindow::starting_at(seq(first), limits, checksum);
            let mut one_by_one = at_once.clone();
            let count = at_once.push_many(Kind::RAW, &payloads);
            let accepted = |payload: &&&[u8]| push(&mut one_by_one, payload).is_ok();
            assert_eq!(payloads.iter().take_while(accepted).count(), count);
            assert_eq!(count == payloads.len(), all, "{limits:?} from {first} on");
            let [mut expect, mut found] = [Transmit::new(), Transmit::new()];
            one_by_one.poll_transmit(&mut expect);
            at_once.poll_transmit(&mut found);
            assert!(expect.into_bytes() == found.into_bytes());
            assert_eq!(at_once, one_by_one);
        }
    }
}
