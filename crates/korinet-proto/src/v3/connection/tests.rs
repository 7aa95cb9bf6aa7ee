use korinet_wire::v3::{
    Ack, AttachNumber, Close, Data, Digest, Features, Frame, Hello, Intent, Kind, Level, Limits,
    Nonce, Open, OpenNonce, Seq, Versions,
};

use super::*;
use crate::v3::Payload;

mod flood;
mod groups;
mod pinned;
mod series;

const LIMITS: Limits = Limits {
    messages: 4,
    bytes: 1000,
    message: 100,
};

struct Side {
    windows: Windows,
    connection: Connection,
    now: Instant,
}

impl Side {
    fn new(limits: Limits, level: Level, checksum: bool, keep_alive: Duration) -> Self {
        let now = Instant::now();
        let mut windows = Windows {
            send: SendWindow::new(limits, checksum),
            receive: ReceiveWindow::new(limits, level, checksum),
        };
        let agreed = Agreed {
            keep_alive,
            max_message: limits.message,
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
        };
        Self {
            connection: Connection::new(now, &agreed, &mut windows),
            windows,
            now,
        }
    }

    /// The next connection of the same windows.
    fn connect_again(&mut self) {
        let agreed = Agreed {
            keep_alive: Duration::ZERO,
            max_message: LIMITS.message,
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
        };
        self.connection = Connection::new(self.now, &agreed, &mut self.windows);
    }

    fn plain() -> Self {
        Self::new(LIMITS, Level::Received, false, Duration::ZERO)
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut input = BytesMut::from(bytes);
        self.connection
            .handle_bytes(self.now, &mut self.windows, &mut input);
    }

    fn read_frame<'a>(&mut self, frame: impl Into<Frame<'a>>) {
        self.read(&encoded(&frame.into()));
    }

    /// What it has to write, a line for each frame.
    fn write(&mut self) -> Vec<String> {
        let mut out = Transmit::new();
        let any = self
            .connection
            .poll_transmit(self.now, &mut self.windows, &mut out);
        let bytes = out.into_bytes();
        assert_eq!(any, !bytes.is_empty());
        lines(&bytes)
    }

    fn send(&mut self, payload: &[u8]) -> Result<Seq, PushError> {
        self.windows
            .send
            .push(Kind::RAW, None, Payload::Copied(payload))
    }

    #[track_caller]
    fn assert_violation(&mut self, code: Code) {
        match self.connection.end() {
            Some(End::Violation(violation)) => assert_eq!(violation.code(), code),
            other => panic!("{other:?}"),
        }
        let lines = self.write();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("CLOSE detach"), "{lines:?}");
        assert!(lines[0].contains(&format!("code={code} ")), "{lines:?}");
        assert!(self.write().is_empty(), "nothing follows a CLOSE");
    }
}

fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).unwrap();
    bytes
}

fn lines(mut bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    while let Ok(wire::Decoded::Complete { frame, len }) = wire::decode(bytes, u32::MAX) {
        lines.push(frame.to_string());
        bytes = &bytes[len..];
    }
    assert!(bytes.is_empty());
    lines
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn data(number: u64, payload: &[u8]) -> Data<'_> {
    Data {
        seq: seq(number),
        kind: Kind::RAW,
        payload,
        re: None,
        digest: None,
    }
}

fn ack(next: u64) -> Ack {
    Ack {
        next: seq(next),
        digest: None,
    }
}

fn close(how: How, next: u64) -> Close<'static> {
    Close {
        code: Code::DONE,
        text: "",
        how,
        next: seq(next),
        digest: None,
    }
}

#[test]
fn what_is_new_makes_a_connection_good_for_something_at_each_level() {
    for level in [Level::Received, Level::Processed] {
        let mut side = Side::new(LIMITS, level, false, Duration::ZERO);
        assert!(!side.connection.has_progress(), "{level:?}");
        side.read_frame(data(1, b"a"));
        assert!(side.connection.has_progress(), "{level:?}");
        side.connect_again();
        side.read_frame(data(1, b"a"));
        assert!(!side.connection.has_progress(), "{level:?}: it was known");
    }
}

// V3-17, V3-19
#[test]
fn messages_are_acknowledged_together_and_with_the_next_write() {
    let mut side = Side::plain();
    side.read_frame(data(1, b"a"));
    assert!(side.connection.has_transmit(&side.windows, true));
    side.read_frame(data(2, b"b"));
    side.send(b"c").unwrap();
    assert_eq!(
        side.write(),
        ["ACK next=3", "DATA seq=1 kind=message+raw len=1"]
    );
    assert!(side.write().is_empty());
    assert!(side.connection.has_progress());
}

// V3-19
#[test]
fn a_quarter_of_the_window_does_not_wait_for_idle_input() {
    let limits = Limits {
        messages: 8,
        ..LIMITS
    };
    let mut side = Side::new(limits, Level::Received, false, Duration::ZERO);
    side.read_frame(data(1, b"a"));
    assert!(!side.connection.has_transmit(&side.windows, false));
    side.read_frame(data(2, b"b"));
    assert!(side.connection.has_transmit(&side.windows, false));
}

// V3-17
#[test]
fn a_message_that_comes_again_is_dropped_and_acknowledged_again() {
    let mut side = Side::plain();
    side.read_frame(data(1, b"a"));
    assert_eq!(side.write(), ["ACK next=2"]);
    side.read_frame(data(1, b"a"));
    assert_eq!(side.write(), ["ACK next=2"]);
    assert_eq!(side.windows.receive.duplicates(), 1);
    assert!(side.windows.receive.recv().is_some());
    assert!(side.windows.receive.recv().is_none());
}

// V3-9, V3-14, V3-17, V3-20, V3-22, V3-27
#[test]
fn every_violation_ends_the_connection_with_its_code() {
    let hello = Hello {
        versions: Versions { min: 0, max: 0 },
        offered: Features::NONE,
        required: Features::NONE,
        agent: "",
        keep_alive: Duration::ZERO,
        attach: AttachNumber::FIRST,
        intent: Intent::Open(Open {
            nonce: OpenNonce::from_bytes([0; 16]),
            limits: LIMITS,
            expiry: Duration::ZERO,
            level: Level::Received,
        }),
        authentication: None,
        application: None,
        proof: None,
    };
    let digest = Data {
        digest: Some(Digest::ZERO),
        ..data(1, b"")
    };
    let cases: [(Frame<'_>, Code); 7] = [
        (data(2, b"a").into(), Code::SEQUENCE_GAP),
        (data(1, &[0; 101]).into(), Code::MESSAGE_TOO_LARGE),
        (digest.into(), Code::FRAME_MALFORMED),
        (ack(2).into(), Code::ACK_BEYOND_SENT),
        (close(How::End, 2).into(), Code::ACK_BEYOND_SENT),
        (hello.into(), Code::FRAME_UNEXPECTED),
        (
            wire::Volatile {
                raw: true,
                payload: &[0; 101],
            }
            .into(),
            Code::MESSAGE_TOO_LARGE,
        ),
    ];
    for (frame, code) in cases {
        let mut side = Side::plain();
        // What is behind it is not looked at.
        let bytes = [encoded(&frame), encoded(&data(1, b"x").into())].concat();
        side.read(&bytes);
        assert!(side.windows.receive.recv().is_none(), "{frame}");
        side.assert_violation(code);
    }
    for (bytes, code) in [
        (&b"\0\0\0\0"[..], Code::FRAME_MALFORMED),
        (b"\0\0\x40\x01", Code::FRAME_TOO_LARGE),
        (b"\0\0\0\x02\x81\x0b", Code::FRAME_UNKNOWN),
        (b"\0\0\0\x01\x82", Code::FRAME_MALFORMED),
    ] {
        let mut side = Side::plain();
        side.read(bytes);
        side.assert_violation(code);
    }
}

// V3-20: an ACK beyond what was sent releases nothing.
#[test]
fn a_lie_about_what_was_taken_loses_nothing() {
    let mut side = Side::plain();
    side.send(b"a").unwrap();
    side.read_frame(ack(2));
    side.assert_violation(Code::ACK_BEYOND_SENT);
    assert_eq!(side.windows.send.len(), 1, "it was not even written");
}

// V3-23
#[test]
fn a_payload_that_is_no_cbor_is_taken_like_any_other() {
    let mut side = Side::plain();
    let broken = Data {
        kind: Kind::MESSAGE,
        ..data(1, b"\xff\x00")
    };
    side.read_frame(broken);
    assert_eq!(side.write(), ["ACK next=2"]);
    assert_eq!(
        side.windows.receive.recv().unwrap().payload[..],
        *b"\xff\x00"
    );
}

// V3-7
#[test]
fn frames_of_later_versions_are_passed_over() {
    let mut side = Side::plain();
    side.read(b"\0\0\0\x05\x82\x18\x80\xff\xff");
    side.read_frame(data(1, b"a"));
    assert_eq!(side.connection.end(), None);
    assert!(side.windows.receive.recv().is_some());
}

// V3-21
#[test]
fn a_window_of_one_message_is_enough() {
    let limits = Limits {
        messages: 1,
        bytes: 1,
        message: 100,
    };
    let mut side = Side::new(limits, Level::Received, false, Duration::ZERO);
    for number in 1..=3 {
        assert_eq!(side.send(&[7; 100]), Ok(seq(number)));
        assert!(matches!(
            side.send(b""),
            Err(PushError::Full { messages: 1, .. })
        ));
        assert_eq!(side.write().len(), 1);
        side.read_frame(ack(number + 1));
        side.read_frame(data(number, &[8; 100]));
        assert_eq!(side.write(), [format!("ACK next={}", number + 1)]);
        assert!(side.windows.receive.recv().is_some());
    }
    // A second message before the first is acknowledged.
    side.read_frame(data(4, b""));
    side.read_frame(data(5, b""));
    side.assert_violation(Code::WINDOW_EXCEEDED);
}

// V3-18, V3-21: what the application does not read fills two windows, and not a message more.
#[test]
fn an_application_that_does_not_read_stops_the_peer() {
    let mut side = Side::plain();
    for number in 1..=4 {
        side.read_frame(data(number, b"a"));
    }
    assert_eq!(side.write(), ["ACK next=5"]);
    for number in 5..=8 {
        side.read_frame(data(number, b"a"));
    }
    assert!(
        side.write().is_empty(),
        "none of the second window is taken"
    );
    assert_eq!(side.windows.receive.unread(), 8);
    side.windows.receive.recv();
    assert_eq!(side.write(), ["ACK next=6"]);
    side.read_frame(data(9, b"a"));
    side.read_frame(data(10, b"a"));
    side.assert_violation(Code::WINDOW_EXCEEDED);
}

// V3-26
#[test]
fn a_full_queue_stops_neither_ping_nor_ack_nor_close() {
    let mut side = Side::plain();
    side.send(b"x").unwrap();
    side.write();
    for number in 1..=8 {
        side.read_frame(data(number, b"a"));
        side.write();
    }
    side.read_frame(Frame::Ping(Nonce(9)));
    side.read_frame(ack(2));
    assert_eq!(side.write(), ["PONG nonce=9"]);
    assert!(side.windows.send.is_empty());
    side.read_frame(close(How::Detach, 2));
    assert!(matches!(side.connection.end(), Some(End::Peer { .. })));
}

// V3-25, V3-26
#[test]
fn silence_is_asked_about_and_ends_the_connection() {
    let interval = Duration::from_secs(1);
    let mut side = Side::new(LIMITS, Level::Received, false, interval);
    side.now += interval;
    assert_eq!(side.connection.poll_timeout(), Some(side.now));
    side.connection.handle_timeout(side.now);
    assert_eq!(side.write(), ["PING nonce=1"]);
    // A part of a frame is life, too.
    side.read(b"\0");
    side.now += interval;
    side.connection.handle_timeout(side.now);
    assert_eq!(side.connection.end(), None);
    side.now += interval;
    side.connection.handle_timeout(side.now);
    assert_eq!(side.connection.end(), Some(&End::Silent));
    assert_eq!(side.connection.poll_timeout(), None);
    assert!(side.write()[0].contains("code=timeout"));
}

// V3-39, V3-40
#[test]
fn a_close_is_answered_once_and_nothing_follows() {
    let mut side = Side::plain();
    side.read_frame(data(1, b"a"));
    side.send(b"never taken").unwrap();
    side.read_frame(close(How::End, 1));
    let lines = side.write();
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with("CLOSE end next=2 code=done"),
        "{lines:?}"
    );
    assert!(side.connection.is_end_written());
    side.read_frame(data(2, b"b"));
    assert_eq!(side.windows.receive.taken().0, seq(2));
    assert!(side.write().is_empty());
    assert_eq!(side.windows.send.len(), 1);
}

// V3-21: the peer may go on as if it had got an ACK.
#[test]
fn a_close_opens_the_window_for_the_next_connection() {
    let mut side = Side::plain();
    for number in 1..=4 {
        side.read_frame(data(number, b"a"));
    }
    side.connection.close(Code::TIMEOUT, "", How::Detach);
    assert_eq!(
        side.write(),
        [r#"CLOSE detach next=5 code=timeout text="""#]
    );
    side.connect_again();
    for number in 5..=8 {
        side.read_frame(data(number, b"b"));
    }
    assert_eq!(side.connection.end(), None);
    assert_eq!(side.write(), ["ACK next=5"]);
}

// V3-40: the peer counts on the position in the CLOSE.
#[test]
fn nothing_is_taken_after_a_close_was_written() {
    let mut side = Side::plain();
    side.connection.close(Code::DONE, "", How::End);
    assert_eq!(side.write().len(), 1);
    side.read_frame(data(1, b"a"));
    side.read_frame(Frame::Ping(Nonce(1)));
    assert_eq!(side.windows.receive.taken().0, Seq::FIRST);
    assert!(side.write().is_empty());
    assert_eq!(side.connection.end(), None);
    side.read_frame(close(How::End, 1));
    assert!(matches!(
        side.connection.end(),
        Some(End::Peer { how: How::End, .. })
    ));
    assert!(side.write().is_empty(), "the answer was written already");
}

#[test]
fn detaching_ends_at_once_and_keeps_what_is_not_written() {
    let mut side = Side::plain();
    side.send(b"kept").unwrap();
    side.connection
        .close(Code::TAKEN_OVER, &"é".repeat(200), How::Detach);
    assert_eq!(side.connection.end(), Some(&End::Local(Code::TAKEN_OVER)));
    let lines = side.write();
    assert_eq!(lines.len(), 1, "no message goes out: {lines:?}");
    assert_eq!(side.windows.send.len(), 1);
}

// V3-24
#[test]
fn volatile_payloads_are_dropped_rather_than_piled_up() {
    let mut side = Side::plain();
    let mut sent = 0;
    while side
        .connection
        .send_volatile(&side.windows, true, &[7; 100])
        .unwrap()
    {
        sent += 1;
    }
    assert_eq!(side.connection.volatile_dropped(), 1);
    assert_eq!(side.write().len(), sent);
    assert!(
        side.connection
            .send_volatile(&side.windows, true, &[])
            .unwrap()
    );
    assert_eq!(side.write().len(), 1);
    let error = side
        .connection
        .send_volatile(&side.windows, true, &[0; 101]);
    assert_eq!(error, Err(PushError::TooLarge { len: 101, max: 100 }));

    for number in 0..=ReceiveWindow::MAX_VOLATILE {
        let payload = [u8::try_from(number).unwrap()];
        side.read_frame(wire::Volatile {
            raw: true,
            payload: &payload,
        });
    }
    assert_eq!(side.windows.receive.volatile_dropped(), 1);
    assert_eq!(
        side.windows.receive.recv_volatile().unwrap().payload[..],
        [1]
    );
    assert!(side.write().is_empty(), "none of it is acknowledged");
}

// V3-42
#[test]
fn the_end_of_a_connection_can_be_announced() {
    let (mut side, mut peer) = (Side::plain(), Side::plain());
    let go_away = GoAway {
        code: Code::DRAINING,
        text: "x".repeat(300),
        deadline: Duration::from_secs(5),
        retry_after: Some(Duration::from_secs(1)),
        addresses: vec!["a".into(); 20],
    };
    side.connection.go_away(go_away.clone());
    let mut out = Transmit::new();
    side.connection
        .poll_transmit(side.now, &mut side.windows, &mut out);
    peer.read(&out.into_bytes());
    let heard = peer.connection.peer_go_away().unwrap();
    assert_eq!(heard.text.len(), 256);
    assert_eq!(heard.addresses.len(), 16);
    assert_eq!(
        (heard.deadline, heard.retry_after),
        (go_away.deadline, go_away.retry_after)
    );
}
