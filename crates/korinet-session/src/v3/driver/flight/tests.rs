use bytes::Bytes;
use korinet_wire::v3::{Ack, Data, Frame, Kind, Nonce, PREFACE, Role, Seq, Volatile};

use super::*;

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = vec![0; frame.encoded_len()];
    frame.encode(&mut bytes[..]).unwrap();
    bytes
}

fn data(seq: u64, role: Role, payload: &'static [u8]) -> Frame<'static> {
    Frame::Data(Data {
        seq: Seq::new(seq).unwrap(),
        kind: Kind::of(role),
        payload,
        re: role.has_re().then(|| Seq::new(70_000).unwrap()),
        digest: Some(korinet_wire::v3::Digest::from_u32(0x1b1b_1b1b)),
    })
}

fn frames() -> Vec<u8> {
    let ack = Frame::Ack(Ack {
        next: Seq::new(500).unwrap(),
        digest: None,
    });
    let volatile = Frame::Volatile(Volatile {
        raw: true,
        payload: b"secret",
    });
    let frames = [
        data(1, Role::Message, b"secret"),
        data(300, Role::Response, &[0x1b; 100]),
        data(u64::from(u32::MAX) + 1, Role::End, b""),
        data(4, Role::Item, &[0x1b; 70_000]),
        ack,
        Frame::Ping(Nonce(0)),
        volatile,
    ];
    let frames = frames.iter().flat_map(encoded);
    PREFACE.into_iter().chain(frames).collect()
}

const SHOWN: [&str; 8] = [
    "PREFACE",
    "DATA seq=1 kind=message len=6",
    "DATA seq=300 kind=response len=100 re=70000",
    "DATA seq=4294967296 kind=end len=0 re=70000",
    "DATA seq=4 kind=item len=70000 re=70000",
    "ACK next=500",
    "PING nonce=0",
    "VOLATILE kind=message+raw len=6",
];

fn lines(recorder: &Recorder) -> Vec<String> {
    let record = recorder.record(usize::MAX).to_string();
    let entry = |line: &str| line.split_once(' ').unwrap().1.to_owned();
    record.lines().skip(1).map(entry).collect()
}

fn recorder(size: usize) -> (Instant, Recorder) {
    (now(), Recorder::new("client", size))
}

#[test]
fn what_is_sent_is_noted_however_it_lies_in_memory() {
    let expect = SHOWN.map(|shown| format!("1 > {shown}"));
    for most in [1, 2, 3, 5, 7, 40, 1000, 1_000_000] {
        let (now, mut recorder) = recorder(16);
        let mut out = Transmit::new();
        for part in frames().chunks(most) {
            out.push(Bytes::copy_from_slice(part));
        }
        recorder.handle_output(now, AttachNumber::FIRST, &out);
        assert_eq!(lines(&recorder), expect, "{most}");
    }
}

#[test]
fn what_comes_is_noted_once_it_is_whole() {
    let all = frames();
    let ends: Vec<usize> = (0..=all.len())
        .filter(|end| {
            heads([&all[..*end]]).count() > heads([&all[..end.saturating_sub(1)]]).count()
        })
        .collect();
    assert_eq!(ends.len(), SHOWN.len());
    assert_eq!(ends.last(), Some(&all.len()));
    for (index, end) in ends.iter().enumerate() {
        let (now, mut recorder) = recorder(16);
        let next = ends.get(index + 1).unwrap_or(end);
        // A part of the next one is not counted, be it a byte, its prefix, or all but its last byte.
        for part in [*end, end + 1, end + 4, next.saturating_sub(1)] {
            let part = part.clamp(*end, next.saturating_sub(1).max(*end));
            recorder.handle_input(now, AttachNumber::FIRST, &all[..part]);
            assert_eq!(lines(&recorder).len(), index + 1);
            recorder = Recorder::new("client", 16);
        }
    }
}

#[test]
fn the_last_entries_are_kept_in_order_and_the_others_counted() {
    for size in [1, 2, 3, 7] {
        let (now, mut recorder) = recorder(size);
        let memory = recorder.entries.as_ptr();
        for nonce in 0..20 {
            let ping = encoded(&Frame::Ping(Nonce(nonce)));
            recorder.handle_input(now, AttachNumber::FIRST, &ping);
            let noted = usize::try_from(nonce).unwrap() + 1;
            let kept = noted.min(size);
            let expect: Vec<_> = (noted - kept..noted)
                .map(|nonce| format!("1 < PING nonce={nonce}"))
                .collect();
            assert_eq!(lines(&recorder), expect);
            let record = recorder.record(usize::MAX);
            assert_eq!(record.len(), kept);
            assert_eq!(record.dropped(), u64::try_from(noted - kept).unwrap());
        }
        assert_eq!(recorder.entries.as_ptr(), memory, "it has not grown");
        let last = recorder.record(1);
        assert_eq!((last.len(), last.dropped()), (1, 19));
        assert!(last.to_string().contains("PING nonce=19"));
    }
    assert_eq!(size_of::<Entry>(), 56);
}

#[test]
fn rubbish_is_noted_as_such() {
    let (now, mut recorder) = recorder(16);
    let input = b"\0\0\0\0\
        \0\0\0\x01\xff\
        \0\0\0\x02\x84\x04\
        \0\0\0\x03\x84\x04\x1b\
        \0\0\0\x05\x84\x04\x01\0\x49\
        \0\0\0\x05\x84\x04\x01\x02\x40\
        \0\0\0\x04\x84\x04\x01\x1e\
        \0\0\0\x03\x82\x18\x32\
        \0\0\0\x05\x82\x18\xc8\0\0\
        \0\0\0\x0d\x82\x1b\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\
        \0\0\0\x03\x82\x05\x02\
        \xff\xff\xff\xff\x82\x05\x02";
    recorder.handle_input(now, AttachNumber::FIRST, input);
    assert_eq!(
        lines(&recorder),
        [
            "1 < UNKNOWN type=0 malformed=true",
            "1 < UNKNOWN type=0 malformed=true",
            "1 < DATA malformed=true",
            "1 < DATA malformed=true",
            "1 < DATA malformed=true",
            "1 < DATA malformed=true",
            "1 < DATA malformed=true",
            "1 < UNKNOWN type=50 len=3",
            "1 < SKIPPED type=200 len=5",
            "1 < PREFACE",
            "1 < ACK next=2",
        ]
    );
}

#[test]
fn what_a_peer_says_stays_in_its_line() {
    let (now, mut recorder) = recorder(16);
    let reason = crate::ConnectionError::Closed {
        code: korinet_wire::v3::Code::DRAINING,
        text: "it's\n0.1 1 * over\u{1b}[2J".repeat(100),
    };
    let wait = Duration::ZERO;
    recorder.handle_event(now, &Event::Detached { reason, wait });
    let lines = lines(&recorder);
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    let expect = "1 * detached: closed by the peer: draining (it";
    assert!(line.starts_with(expect), "{line}");
    assert!(line.is_ascii() && line.len() < 2 * MAX_TEXT, "{line}");
}
