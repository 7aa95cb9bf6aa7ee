use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{
    Agreed, Connection, GoAway, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_wire::v3::{self as wire, Code, Digest, Frame, How, Kind, Level, Limits, Nonce, Seq};

use super::script::Script;

const LIMITS: Limits = Limits {
    messages: 4,
    bytes: 200,
    message: 64,
};

const AGREED: Agreed = Agreed {
    keep_alive: Duration::from_millis(100),
    max_message: 64,
    // Few, so that a fuzzer comes to the end of them.
    max_control_frames: 20,
};

/// What a connection may hold of messages that are not read, as documented: two windows.
const MAX_UNREAD: usize = 2 * LIMITS.messages as usize;

/// Feeds a connection frames that are nearly right, frames that are not, and bytes that are none, and
/// has its own side do all that it can meanwhile.
///
/// Whatever comes: no panic, memory within the documented bounds, nothing but frames is written, one
/// CLOSE at the most and nothing after it, and nothing of the session changes after the end.
pub fn connection_frames(data: &[u8]) {
    let mut script = Script::new(data);
    let Some(setup) = script.byte() else { return };
    let mut side = Side::new(setup);
    while let Some(operation) = script.byte() {
        side.step(operation, &mut script);
        side.check();
    }
    side.write();
}

struct Side {
    now: Instant,
    windows: Windows,
    connection: Connection,
    /// What was fed and not handled yet.
    input: BytesMut,
    /// Makes the messages of the peer.
    peer: SendWindow,
    checksum: bool,
    is_closed: bool,
}

impl Side {
    fn new(setup: u8) -> Self {
        let now = Instant::now();
        let checksum = setup & 1 == 0;
        let level = match setup & 2 {
            0 => Level::Received,
            _ => Level::Processed,
        };
        // Once in a while the numbers are about to run out.
        let first = match setup & 0x1c {
            0 => Seq::new(u64::MAX - 5).unwrap(),
            _ => Seq::FIRST,
        };
        let mut windows = Windows {
            send: SendWindow::starting_at(first, LIMITS, checksum),
            receive: ReceiveWindow::starting_at(first, LIMITS, level, checksum),
        };
        let generous = Limits {
            messages: 100,
            bytes: 100_000,
            message: 200,
        };
        Self {
            now,
            connection: Connection::new(now, &AGREED, &mut windows),
            windows,
            input: BytesMut::new(),
            peer: SendWindow::starting_at(first, generous, checksum),
            checksum,
            is_closed: false,
        }
    }

    fn step(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 16 {
            0 | 1 => {
                let payload = Payload::Copied(script.bytes(70));
                let _ = self.windows.send.push(Kind::RAW, None, payload);
            }
            2 => drop(self.windows.receive.recv()),
            3 => {
                let seq = near(self.windows.receive.taken().0, script.below(6));
                self.windows.receive.finish(seq);
            }
            4 | 5 => self.write(),
            6 | 7 => self.feed_message(script),
            8 | 9 => self.feed_ack(script),
            10 => self.feed_control(script),
            11 => self.feed(script.bytes(40), script.below(4)),
            12 => {
                self.now += Duration::from_millis(u64::from(script.below(255)));
                self.connection.handle_timeout(self.now);
            }
            13 => {
                let payload = script.bytes(70);
                let _ = self.connection.send_volatile(&self.windows, true, payload);
            }
            14 => drop(self.windows.receive.recv_volatile()),
            _ => self.command(script),
        }
    }

    fn command(&mut self, script: &mut Script<'_>) {
        match script.below(8) {
            0 => self.connection.close(Code::DONE, "", How::End),
            1 => self.connection.close(Code::DRAINING, "x", How::Detach),
            _ => self.connection.go_away(GoAway {
                code: Code::DRAINING,
                text: String::new(),
                deadline: Duration::ZERO,
                retry_after: None,
                addresses: Vec::new(),
            }),
        }
    }

    /// The peer's next messages; sometimes again, sometimes with a gap, sometimes changed.
    fn feed_message(&mut self, script: &mut Script<'_>) {
        let how = script.below(8);
        // They are one group.
        for _ in 0..=script.below(3) {
            let payload = Payload::Copied(script.bytes(70));
            let _ = self.peer.push(Kind::RAW, None, payload);
        }
        if how == 1 {
            let again = near(self.peer.oldest(), script.below(4));
            self.peer.seek(again);
        }
        let mut out = Transmit::new();
        self.peer.poll_transmit(&mut out);
        let mut bytes = out.into_bytes().to_vec();
        match how {
            2 => bytes.clear(),
            3 => {
                let place = usize::from(script.below(255));
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << script.below(8);
                }
            }
            _ => {}
        }
        self.feed(&bytes, script.below(4));
        if how > 4 {
            let end = self.peer.end();
            let digest = self.peer.digest_at(end);
            let _ = self.peer.handle_ack(end, digest);
        }
    }

    fn feed_ack(&mut self, script: &mut Script<'_>) {
        let next = near(self.windows.send.oldest(), script.below(6));
        let digest = match script.below(8) {
            0 => Some(Digest::from_u32(7)),
            _ if self.checksum => self.windows.send.digest_at(next).or(Some(Digest::ZERO)),
            _ => None,
        };
        self.feed_frame(wire::Ack { next, digest }.into(), script);
    }

    fn feed_control(&mut self, script: &mut Script<'_>) {
        let nonce = Nonce(u64::from(script.below(3)));
        let next = near(self.windows.send.oldest(), script.below(3));
        let digest = self.windows.send.digest_at(next);
        let close = |how| wire::Close {
            code: Code::DONE,
            text: "",
            how,
            next,
            digest,
        };
        let frame = match script.below(12) {
            0 => close(How::End).into(),
            1 => close(How::Detach).into(),
            2 | 3 => Frame::Pong(nonce),
            4 => wire::Volatile {
                raw: true,
                payload: script.bytes(70),
            }
            .into(),
            5 => wire::GoAway {
                code: Code::DRAINING,
                text: "",
                deadline: Duration::ZERO,
                retry_after: None,
                addresses: wire::Addresses::NONE,
            }
            .into(),
            6 => {
                // A frame of a later version.
                return self.feed(b"\0\0\0\x05\x82\x18\xc8\xff\xff", script.below(4));
            }
            _ => Frame::Ping(nonce),
        };
        self.feed_frame(frame, script);
    }

    fn feed_frame(&mut self, frame: Frame<'_>, script: &mut Script<'_>) {
        let mut bytes = Vec::new();
        if frame.encode(&mut bytes).is_ok() {
            self.feed(&bytes, script.below(4));
        }
    }

    /// Brings bytes to the connection, whole or in pieces of `piece`.
    fn feed(&mut self, bytes: &[u8], piece: u8) {
        let piece = match piece {
            0 => bytes.len().max(1),
            piece => usize::from(piece),
        };
        for piece in bytes.chunks(piece) {
            let before = self
                .connection
                .end()
                .is_some()
                .then(|| self.windows.clone());
            self.input.extend_from_slice(piece);
            self.connection
                .handle_bytes(self.now, &mut self.windows, &mut self.input);
            if let Some(before) = before {
                assert_eq!(self.windows, before, "the session changed after the end");
                assert!(self.input.is_empty());
            }
        }
    }

    /// Looks at all that the connection has to write.
    fn write(&mut self) {
        let wants = self.connection.has_transmit(&self.windows, true);
        let mut out = Transmit::new();
        let any = self
            .connection
            .poll_transmit(self.now, &mut self.windows, &mut out);
        assert_eq!(any, wants, "what was announced was not written");
        let bytes = out.into_bytes();
        assert_eq!(any, !bytes.is_empty());
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let decoded = wire::decode(rest, wire::max_frame(LIMITS.message));
            let Ok(wire::Decoded::Complete { frame, len }) = decoded else {
                panic!("{decoded:?} was written");
            };
            assert!(!self.is_closed, "{frame} follows a CLOSE");
            self.is_closed = matches!(frame, Frame::Close(_));
            rest = &rest[len..];
        }
    }

    fn check(&self) {
        let Windows { send, receive } = &self.windows;
        assert!(send.len() <= LIMITS.messages as usize);
        assert!(send.len() <= 1 || send.bytes() <= u64::from(LIMITS.bytes));
        assert!(
            receive.unread() <= MAX_UNREAD,
            "{} are unread",
            receive.unread()
        );
        let (taken, next) = (receive.taken().0, receive.next().0);
        assert!(taken <= next);
        assert!(send.oldest() <= send.end());
        if self.connection.end().is_some() {
            assert_eq!(self.connection.poll_timeout(), None);
        }
    }
}

/// A number close to `seq`, mostly above it.
fn near(seq: Seq, distance: u8) -> Seq {
    let number = seq
        .get()
        .saturating_add(u64::from(distance))
        .saturating_sub(1);
    Seq::new(number.max(1)).unwrap()
}
