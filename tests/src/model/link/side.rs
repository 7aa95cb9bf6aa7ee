use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{
    Agreed, Connection, End, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_wire::v3::{Kind, Level, Seq};

use super::Config;
use crate::model::flaw::Flaw;
use crate::model::{frames, now};

/// One end of the link, with the program on it.
#[derive(Debug, Clone, Hash)]
pub(super) struct Side {
    pub(super) windows: Windows,
    pub(super) connection: Option<Connection>,
    /// How many messages the program has sent.
    pub(super) sent: u8,
    /// How many it has read.
    pub(super) read: u8,
    /// Of those, the ones that it is not done with.
    pub(super) unfinished: Vec<u8>,
    /// Whether messages were written again.
    pub(super) has_replayed: bool,
    /// The last message that came, where it may come again.
    pub(super) last: Option<Bytes>,
}

impl Side {
    pub(super) fn new(config: &Config) -> Self {
        let limits = config.limits();
        let mut side = Self {
            windows: Windows {
                send: SendWindow::new(limits, config.checksum),
                receive: ReceiveWindow::new(limits, config.level, config.checksum),
            },
            connection: None,
            sent: 0,
            read: 0,
            unfinished: Vec::new(),
            has_replayed: false,
            last: None,
        };
        side.connect(config);
        side
    }

    /// A connection begins.
    pub(super) fn connect(&mut self, config: &Config) {
        let agreed = Agreed {
            keep_alive: Duration::ZERO,
            max_message: config.limits().message,
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
        };
        self.connection = Some(Connection::new(now(), &agreed, &mut self.windows));
    }

    /// The program sends its next message; whether the window took it.
    pub(super) fn push(&mut self, who: usize) -> bool {
        let payload = content(who, self.sent + 1);
        let pushed = self
            .windows
            .send
            .push(Kind::RAW, None, Payload::Copied(&payload));
        self.sent += u8::from(pushed.is_ok());
        pushed.is_ok()
    }

    /// The frames that are to be written now.
    pub(super) fn write(&mut self) -> VecDeque<Bytes> {
        let mut out = Transmit::new();
        if let Some(connection) = &mut self.connection {
            connection.poll_transmit(now(), &mut self.windows, &mut out);
        }
        frames::split(out)
    }

    pub(super) fn handle_frame(&mut self, frame: &[u8]) {
        let mut input = BytesMut::from(frame);
        if let Some(connection) = &mut self.connection {
            connection.handle_bytes(now(), &mut self.windows, &mut input);
            assert!(input.is_empty(), "a whole frame was left");
        }
    }

    /// Takes the connection away if it has come to its end: the last frames, and what the peer is
    /// accused of.
    pub(super) fn take_ended(&mut self) -> Option<(VecDeque<Bytes>, bool)> {
        let end = self.connection.as_ref()?.end()?;
        let accuses = matches!(end, End::Violation(_));
        let last = self.write();
        self.connection = None;
        Some((last, accuses))
    }

    /// The program reads a message, of the side `from`.
    pub(super) fn recv(&mut self, from: usize, config: &Config) -> Result<bool, Flaw> {
        let Some(message) = self.windows.receive.recv() else {
            return Ok(false);
        };
        self.read += 1;
        if message.seq.get() != u64::from(self.read)
            || message.payload[..] != content(from, self.read)
        {
            return Err(Flaw::Order);
        }
        if config.level != Level::Received {
            self.unfinished.push(self.read);
        }
        Ok(true)
    }

    /// The program is done with the message that it has at `index` in its hands.
    pub(super) fn finish(&mut self, index: usize) {
        let number = self.unfinished.remove(index);
        self.windows
            .receive
            .finish(Seq::new(number.into()).unwrap());
    }

    /// How many messages the program has answered for, as the level says: counted here, not by the
    /// window.
    pub(super) fn answered_for(&self, config: &Config) -> u64 {
        match config.level {
            Level::Received => u64::from(self.read) + u64::from(config.window),
            Level::Processed | Level::Durable => {
                let first = self.unfinished.iter().min();
                u64::from(first.map_or(self.read, |first| first - 1))
            }
        }
    }

    /// How many messages the peer has acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.windows.send.oldest().get() - 1
    }
}

/// What message `number` of a side says.
fn content(who: usize, number: u8) -> [u8; 1] {
    [u8::try_from(who).unwrap() * 0x80 + number]
}
