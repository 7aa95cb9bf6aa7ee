//! Messages that are alike, and come many at once.

use super::*;

const WIDE: Limits = Limits {
    messages: 1000,
    bytes: 100_000,
    message: 1000,
};

fn side(checksum: bool) -> Side {
    Side::new(WIDE, Level::Received, checksum, Duration::ZERO)
}

/// Payloads in runs of one size, some of a single message.
fn payloads() -> Vec<Vec<u8>> {
    let sizes = [
        (64, 200),
        (3, 1),
        (3, 1),
        (70, 2),
        (64, 3),
        (0, 40),
        (300, 30),
    ];
    let runs = sizes.iter().flat_map(|(len, count)| vec![*len; *count]);
    runs.zip((0..=u8::MAX).cycle())
        .map(|(len, content)| vec![content; len])
        .collect()
}

/// All of them, as they are written at once.
fn bytes_of(sent: &[Vec<u8>], checksum: bool) -> Vec<u8> {
    let mut side = side(checksum);
    for payload in sent {
        side.send(payload).unwrap();
    }
    let mut out = Transmit::new();
    side.connection
        .poll_transmit(side.now, &mut side.windows, &mut out);
    out.into_bytes().to_vec()
}

#[test]
fn they_are_received_in_whatever_parts_they_come() {
    let sent = payloads();
    for checksum in [true, false] {
        let bytes = bytes_of(&sent, checksum);
        for part in [1, 7, 64, 77, 78, 500, 4096, bytes.len()] {
            let mut peer = side(checksum);
            let mut input = BytesMut::new();
            for part in bytes.chunks(part) {
                input.extend_from_slice(part);
                peer.connection
                    .handle_bytes(peer.now, &mut peer.windows, &mut input);
            }
            assert_eq!(peer.connection.end(), None);
            let found = std::iter::from_fn(|| peer.windows.receive.recv());
            let found: Vec<_> = found
                .map(|message| (message.seq.get(), message.payload.to_vec()))
                .collect();
            let expect: Vec<_> = (1..).zip(sent.iter().cloned()).collect();
            assert_eq!(found, expect, "in parts of {part}");
            assert_eq!(peer.windows.receive.unread_bytes(), 0);
        }
    }
}

// V3-21
#[test]
fn they_fill_the_window_and_no_more() {
    let limits = Limits {
        messages: 20,
        bytes: 1000,
        message: 100,
    };
    for (len, room) in [(1, 20), (90, 9)] {
        let payload = vec![7; len];
        let frames = (100..130).map(|number| encoded(&data(number, &payload).into()));
        let frames: Vec<_> = frames.collect();
        let mut sides = [frames.concat(), vec![]].map(|at_once| {
            let mut side = Side::new(limits, Level::Received, false, Duration::ZERO);
            side.windows.receive =
                ReceiveWindow::starting_at(seq(100), limits, Level::Received, false);
            side.read(&at_once);
            side
        });
        let [at_once, one_by_one] = &mut sides;
        for frame in &frames {
            one_by_one.read(frame);
        }
        at_once.assert_violation(Code::WINDOW_EXCEEDED);
        one_by_one.assert_violation(Code::WINDOW_EXCEEDED);
        assert_eq!(at_once.connection.end(), one_by_one.connection.end());
        assert_eq!(at_once.windows.receive, one_by_one.windows.receive);
        assert_eq!(at_once.windows.receive.unread(), room);
    }
}
