use korinet_wire::v3::{Data, Delimited, Frame, Kind, PREFIX_LEN, Role, delimit};

use super::*;
use crate::v3::{Payload, SendWindow, Transmit};

const LIMITS: Limits = Limits {
    messages: 3,
    bytes: 200,
    message: 100,
};

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// Two ends of one direction.
struct Direction {
    send: SendWindow,
    receive: ReceiveWindow,
}

impl Direction {
    fn starting_at(first: u64, level: Level) -> Self {
        Self {
            send: SendWindow::starting_at(seq(first), LIMITS, true),
            receive: ReceiveWindow::starting_at(seq(first), LIMITS, level, true),
        }
    }

    fn new(level: Level) -> Self {
        Self::starting_at(1, level)
    }

    fn carry(&mut self, payload: &[u8]) -> Result<(), Violation> {
        self.push(payload);
        self.flush()
    }

    fn push(&mut self, payload: &[u8]) {
        let payload = Payload::Copied(payload);
        self.send.push(Kind::RAW, None, payload).unwrap();
    }

    fn flush(&mut self) -> Result<(), Violation> {
        for frame in self.written() {
            handle(&mut self.receive, &frame)?;
        }
        Ok(())
    }

    /// The frames that are written now.
    fn written(&mut self) -> Vec<Bytes> {
        let mut out = Transmit::new();
        self.send.poll_transmit(&mut out);
        let mut bytes = out.into_bytes();
        let mut frames = Vec::new();
        while let Ok(Delimited::Complete { len }) = delimit(&bytes, u32::MAX) {
            frames.push(bytes.split_to(len));
        }
        frames
    }

    /// The position that is acknowledged now, if any is.
    fn acknowledge(&mut self) -> Option<u64> {
        let ack = self.receive.poll_ack()?;
        self.send.handle_ack(ack.next, ack.digest).unwrap();
        Some(ack.next.get())
    }
}

fn handle(window: &mut ReceiveWindow, frame: &Bytes) -> Result<bool, Violation> {
    let Frame::Data(data) = Frame::decode_body(&frame[PREFIX_LEN..])? else {
        panic!("no DATA");
    };
    window.handle_data(&data, frame, frame)
}

// V3-18
#[test]
fn received_is_taken_while_one_window_is_unread() {
    let mut direction = Direction::new(Level::Received);
    for payload in [b"a", b"b", b"c"] {
        direction.carry(payload).unwrap();
    }
    assert_eq!(direction.acknowledge(), Some(4));
    for payload in [b"d", b"e"] {
        direction.carry(payload).unwrap();
    }
    assert_eq!(direction.acknowledge(), None);
    assert_eq!(direction.receive.recv().unwrap().payload[..], *b"a");
    assert_eq!(direction.acknowledge(), Some(5));
    assert_eq!(direction.receive.taken().0, seq(5));
    assert_eq!(direction.receive.next().0, seq(6));
}

// V3-18: by bytes, and one large message fits an empty queue.
#[test]
fn received_is_taken_while_the_bytes_of_one_window_are_unread() {
    let mut direction = Direction::new(Level::Received);
    direction.carry(&[0; 100]).unwrap();
    assert_eq!(direction.acknowledge(), Some(2));
    direction.carry(&[0; 100]).unwrap();
    assert_eq!(
        direction.acknowledge(),
        None,
        "both together are above 200 bytes"
    );
    direction.receive.recv();
    assert_eq!(direction.acknowledge(), Some(3));
}

// V3-18
#[test]
fn processed_is_taken_when_it_is_finished_in_order() {
    let mut direction = Direction::new(Level::Processed);
    for payload in [b"a", b"b", b"c"] {
        direction.carry(payload).unwrap();
    }
    direction.receive.finish(seq(1));
    assert_eq!(direction.acknowledge(), None, "it was not even read");
    for _ in 0..3 {
        direction.receive.recv().unwrap();
    }
    assert_eq!(direction.acknowledge(), None);
    direction.receive.finish(seq(3));
    direction.receive.finish(seq(9));
    assert_eq!(direction.acknowledge(), None);
    direction.receive.finish(seq(1));
    assert_eq!(direction.acknowledge(), Some(2));
    direction.receive.finish(seq(1));
    direction.receive.finish(seq(2));
    assert_eq!(direction.acknowledge(), Some(4));
}

// V3-19
#[test]
fn what_is_taken_is_told_again_on_a_new_connection() {
    let mut direction = Direction::new(Level::Received);
    direction.receive.handle_attached();
    assert_eq!(direction.receive.poll_ack(), None, "nothing was ever taken");
    direction.carry(b"a").unwrap();
    assert_eq!(direction.acknowledge(), Some(2));
    direction.receive.handle_attached();
    assert_eq!(direction.acknowledge(), Some(2));
}

// V3-28
#[test]
fn a_changed_byte_is_not_taken() {
    let mut direction = Direction::new(Level::Received);
    direction.push(b"payload");
    let frames = direction.written();
    let [frame] = &frames[..] else {
        panic!("it is one");
    };
    for bit in 0..8 {
        for place in 0..frame.len() {
            let mut changed = frame.to_vec();
            changed[place] ^= 1 << bit;
            let changed = Bytes::from(changed);
            let mut receive = direction.receive.clone();
            let decoded = Frame::decode_body(&changed[PREFIX_LEN..]);
            match decoded {
                // Without its digest it is one that awaits another, which will not be right.
                Ok(Frame::Data(Data { digest: None, .. })) => unreachable!("of another length"),
                Ok(Frame::Data(_)) => assert!(
                    handle(&mut receive, &changed).is_err(),
                    "bit {bit} of byte {place}"
                ),
                Ok(_) | Err(_) => {}
            }
            assert_eq!(receive, direction.receive);
        }
    }
    assert_eq!(handle(&mut direction.receive, frame), Ok(true));
}

// V3-27, V3-28
#[test]
fn a_group_is_received_with_the_digest_of_its_last_message() {
    for level in [Level::Received, Level::Processed] {
        let mut direction = Direction::new(level);
        for payload in [b"a", b"b", b"c"] {
            direction.push(payload);
        }
        let frames = direction.written();
        assert_eq!(frames.len(), 3);
        for (frame, next) in frames[..2].iter().zip([2, 3]) {
            assert_eq!(handle(&mut direction.receive, frame), Ok(true));
            assert_eq!(handle(&mut direction.receive, frame), Ok(false), "again");
            assert_eq!(direction.receive.next(), (seq(next), Some(Digest::ZERO)));
            assert_eq!(direction.receive.taken(), (seq(1), Some(Digest::ZERO)));
            assert_eq!(direction.receive.unread(), 0);
            assert_eq!(direction.receive.recv(), None);
        }
        assert_eq!(handle(&mut direction.receive, &frames[2]), Ok(true));
        assert_eq!(direction.receive.next().0, seq(4));
        for payload in [b"a", b"b", b"c"] {
            let message = direction.receive.recv().unwrap();
            assert_eq!(message.payload[..], payload[..]);
            direction.receive.finish(message.seq);
        }
        assert_eq!(direction.acknowledge(), Some(4));
    }
}

// V3-28
#[test]
fn of_a_group_with_a_changed_byte_nothing_is_received() {
    let mut direction = Direction::new(Level::Received);
    for payload in [b"a", b"b"] {
        direction.push(payload);
    }
    let frames = direction.written();
    let payload_at = PREFIX_LEN + 5;
    for changed in [0, 1] {
        let mut receive = direction.receive.clone();
        let mut frames = frames.clone();
        let mut bytes = frames[changed].to_vec();
        bytes[payload_at] ^= 1;
        frames[changed] = bytes.into();
        assert_eq!(handle(&mut receive, &frames[0]), Ok(true));
        let found = handle(&mut receive, &frames[1]);
        assert_eq!(found, Err(Violation::DigestMismatch { next: seq(2) }));
        assert_eq!(receive, direction.receive);
    }
}

/// Three messages, of which the first belongs to a call and has come before the connection broke; the other two as they
/// are written on the next one, and what the receiver had before.
fn broken_in_a_group() -> (Direction, Vec<Bytes>, ReceiveWindow) {
    let mut direction = Direction::new(Level::Received);
    direction.carry(b"whole").unwrap();
    direction.receive.recv();
    direction.acknowledge();
    let before = direction.receive.clone();
    let request = Kind::of(Role::Request);
    let pushed = direction.send.push(request, None, Payload::Copied(b"a"));
    pushed.unwrap();
    direction.push(b"b");
    direction.push(b"c");
    let frames = direction.written();
    assert_eq!(handle(&mut direction.receive, &frames[0]), Ok(true));
    assert!(direction.receive.unread_bytes() > 0, "it counts as memory");
    direction.receive.handle_attached();
    let (next, digest) = direction.receive.next();
    assert_eq!(next, seq(3));
    assert_eq!(direction.send.digest_at(next), digest);
    assert_eq!(direction.send.seek(next), 2, "what has come does not again");
    assert_eq!(direction.written(), frames[1..]);
    (direction, frames, before)
}

// V3-28, V3-35: where the connection breaks in the middle, the next one goes on there.
#[test]
fn a_group_comes_on_several_connections() {
    let (mut direction, frames, _) = broken_in_a_group();
    assert_eq!(direction.acknowledge(), Some(2), "it is not received yet");
    for frame in &frames[1..] {
        assert_eq!(direction.receive.recv(), None);
        assert_eq!(handle(&mut direction.receive, frame), Ok(true));
    }
    for payload in [b"a", b"b", b"c"] {
        assert_eq!(direction.receive.recv().unwrap().payload[..], payload[..]);
    }
    assert_eq!(direction.acknowledge(), Some(5));
    assert!(direction.send.is_empty());
}

// V3-28: whichever part was wrong, all of it comes again.
#[test]
fn a_group_that_was_wrong_begins_anew() {
    let (mut direction, frames, before) = broken_in_a_group();
    assert_eq!(handle(&mut direction.receive, &frames[1]), Ok(true));
    let mut changed = frames[2].to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let found = handle(&mut direction.receive, &changed.into());
    assert_eq!(found, Err(Violation::DigestMismatch { next: seq(4) }));
    direction.receive.poll_ack();
    assert_eq!(direction.receive, before);
    assert_eq!(direction.send.seek(direction.receive.next().0), 3);
    direction.flush().unwrap();
    assert_eq!(direction.receive.unread(), 3);
}

// V3-21
#[test]
fn what_awaits_a_digest_fills_the_window() {
    let mut direction = Direction::new(Level::Received);
    let data = |number| Data {
        seq: seq(number),
        kind: Kind::RAW,
        payload: b"x",
        re: None,
        digest: None,
    };
    let frame = Bytes::from_static(b"any");
    for number in 1..=3 {
        let handled = direction.receive.handle_data(&data(number), &frame, &frame);
        assert_eq!(handled, Ok(true));
    }
    let handled = direction.receive.handle_data(&data(4), &frame, &frame);
    assert!(matches!(
        handled,
        Err(Violation::WindowExceeded { messages: 4, .. })
    ));
}

// V3-20, V3-27: an acknowledgement may end within a group.
#[test]
fn a_part_of_a_group_is_acknowledged_with_the_digest_before_it() {
    let mut direction = Direction::new(Level::Processed);
    direction.carry(b"alone").unwrap();
    for payload in [b"a", b"b"] {
        direction.push(payload);
    }
    direction.flush().unwrap();
    for (finished, digest_at) in [(1, 2), (2, 2), (3, 4)] {
        direction.receive.recv().unwrap();
        direction.receive.finish(seq(finished));
        let (taken, digest) = direction.receive.taken();
        assert_eq!(taken, seq(finished + 1));
        assert!(digest.is_some());
        assert_eq!(digest, direction.send.digest_at(seq(digest_at)));
        assert_eq!(direction.acknowledge(), Some(finished + 1));
    }
    assert!(direction.send.is_empty());
}

// V3-16: numbers near the top.
#[test]
fn the_last_number_is_received_and_acknowledged() {
    let mut direction = Direction::starting_at(u64::MAX - 2, Level::Received);
    direction.carry(b"last but one").unwrap();
    direction.carry(b"last").unwrap();
    assert_eq!(direction.acknowledge(), Some(u64::MAX));
    assert_eq!(direction.receive.next().0, Seq::END);
    direction.receive.recv().unwrap();
    direction.receive.recv().unwrap();
    assert!(direction.send.is_empty());
    direction.receive.finish(Seq::LAST);
    direction.receive.finish(Seq::END);
    assert_eq!(direction.acknowledge(), None);
}

#[test]
fn only_what_was_taken_is_left_of_a_lost_session() {
    let mut direction = Direction::new(Level::Received);
    for payload in [b"a", b"b", b"c"] {
        direction.carry(payload).unwrap();
    }
    direction.acknowledge();
    direction.carry(b"d").unwrap();
    let left: Vec<_> = direction.receive.clone().into_taken().into();
    assert_eq!(left.len(), 3, "the peer has the fourth in doubt");

    let mut direction = Direction::new(Level::Processed);
    direction.carry(b"a").unwrap();
    assert!(direction.receive.into_taken().is_empty());
}

/// What is taken by V3-18, counted anew each time.
#[derive(Default)]
struct Reference {
    /// The bytes of each frame, whether it belongs to a call, and whether it is read.
    frames: Vec<(u64, bool, bool)>,
    taken: usize,
}

impl Reference {
    fn take(&mut self) {
        while let Some((len, _, is_read)) = self.frames.get(self.taken).copied() {
            let unread = self.frames[..self.taken].iter().filter(|frame| !frame.2);
            let (count, bytes) = unread.fold((0, 0), |(n, sum), frame| (n + 1, sum + frame.0));
            let has_room = count == 0
                || (count < u64::from(LIMITS.messages) && bytes + len <= u64::from(LIMITS.bytes));
            if !is_read && !has_room {
                return;
            }
            self.taken += 1;
        }
    }

    /// The first that is not read of those that belong to calls, or of the others, is.
    fn read(&mut self, is_call: bool) -> Option<u64> {
        let mut frames = self.frames.iter_mut().zip(1..);
        let (frame, number) = frames.find(|(frame, _)| frame.1 == is_call && !frame.2)?;
        frame.2 = true;
        self.take();
        Some(number)
    }
}

// V3-18, V3-47: messages and calls are read apart, in any order, one by one or many at once.
#[test]
fn what_is_read_apart_is_taken_in_order() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut read_untaken = 0;
    for _ in 0..300 {
        let mut direction = Direction::new(Level::Received);
        let mut reference = Reference::default();
        for _ in 0..200 {
            match draw(8) {
                0..=3 => {
                    let is_call = draw(2) == 0;
                    let role = if is_call {
                        Role::Request
                    } else {
                        Role::Message
                    };
                    let payload = [7; 100];
                    let payload = &payload[..usize::try_from(draw(101)).unwrap()];
                    let pushed =
                        direction
                            .send
                            .push(Kind::of(role), None, Payload::Copied(payload));
                    if pushed.is_ok() {
                        let before = direction.receive.unread_bytes();
                        direction.flush().unwrap();
                        let len = direction.receive.unread_bytes() - before;
                        reference.frames.push((len, is_call, false));
                        reference.take();
                    }
                }
                4 => {
                    direction.acknowledge();
                }
                5 => {
                    let mut batch = Batch::default();
                    let limit = usize::try_from(draw(4)).unwrap();
                    direction.receive.recv_many(&mut batch, limit, 150);
                    for message in batch.iter() {
                        read_untaken += u32::from(message.seq > seq(reference.taken as u64));
                        assert_eq!(reference.read(false), Some(message.seq.get()));
                    }
                }
                6 => {
                    let found = direction.receive.recv_call();
                    assert_eq!(reference.read(true), found.map(|it| it.seq.get()));
                }
                _ => {
                    let found = direction.receive.recv_message();
                    assert_eq!(reference.read(false), found.map(|it| it.seq.get()));
                }
            }
            let taken = direction.receive.taken().0;
            assert_eq!(taken, seq(reference.taken as u64 + 1));
        }
        while let Some(message) = direction.receive.recv() {
            let number = reference.read(message.kind.role == Role::Request);
            assert_eq!(number, Some(message.seq.get()));
        }
        assert_eq!(reference.taken, reference.frames.len());
        assert_eq!(direction.receive.unread_bytes(), 0);
    }
    assert!(read_untaken > 100, "{read_untaken}");
}
