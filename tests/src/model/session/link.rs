use std::collections::VecDeque;

use bytes::Bytes;
use korinet_session::v3::{Binding, Channel, SessionKey};
use korinet_wire::v3::AttachNumber;

/// One connection between a client and the server, with the frames on it.
#[derive(Debug, Clone, Hash)]
pub(super) struct Link {
    pub(super) dialer: Dialer,
    pub(super) attach: AttachNumber,
    pub(super) channel: Channel,
    /// From the client to the server.
    pub(super) up: VecDeque<Chunk>,
    /// From the server to the client.
    pub(super) down: VecDeque<Chunk>,
    /// Whether the client reads and writes on it.
    pub(super) is_open: bool,
    pub(super) server: ServerEnd,
    /// Whether an impostor has answered.
    pub(super) is_impostor: bool,
}

/// Who has made a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Dialer {
    Client(usize),
    Thief(Theft),
}

/// What a thief has for a HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Theft {
    Recorded,
    Guessed,
}

/// What is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Chunk {
    Frame(Bytes),
    End,
}

/// What the server makes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ServerEnd {
    /// The HELLO is awaited.
    Accepting,
    /// It belongs to this session.
    Bound(usize),
    Closed,
}

impl Link {
    pub(super) fn new(dialer: Dialer, attach: AttachNumber, channel: Channel) -> Self {
        Self {
            dialer,
            attach,
            channel,
            up: VecDeque::new(),
            down: VecDeque::new(),
            // A thief waits for no answer.
            is_open: matches!(dialer, Dialer::Client(_)),
            server: ServerEnd::Accepting,
            is_impostor: false,
        }
    }

    pub(super) fn write_up(&mut self, frames: impl IntoIterator<Item = Bytes>) {
        if self.server != ServerEnd::Closed {
            self.up.extend(frames.into_iter().map(Chunk::Frame));
        }
    }

    pub(super) fn write_down(&mut self, frames: impl IntoIterator<Item = Bytes>) {
        if self.is_open {
            self.down.extend(frames.into_iter().map(Chunk::Frame));
        }
    }

    /// The client does not look at it any more.
    pub(super) fn close_client(&mut self) {
        if self.is_open {
            self.is_open = false;
            self.down.clear();
            if self.server != ServerEnd::Closed {
                self.up.push_back(Chunk::End);
            }
        }
    }

    /// The server does not look at it any more.
    pub(super) fn close_server(&mut self) {
        if self.server != ServerEnd::Closed {
            self.server = ServerEnd::Closed;
            self.up.clear();
            if self.is_open {
                self.down.push_back(Chunk::End);
            }
        }
    }

    /// Loses what is on its way up.
    pub(super) fn cut_up(&mut self) {
        if self.server != ServerEnd::Closed {
            self.up = VecDeque::from([Chunk::End]);
        }
    }

    /// Loses what is on its way down.
    pub(super) fn cut_down(&mut self) {
        if self.is_open {
            self.down = VecDeque::from([Chunk::End]);
        }
    }

    pub(super) const fn is_secured(&self) -> bool {
        matches!(self.channel, Channel::Secured { .. })
    }

    /// Whether the server has it for this session's.
    pub(super) fn is_bound_to(&self, session: usize) -> bool {
        self.server == ServerEnd::Bound(session)
    }

    pub(super) fn is_gone(&self) -> bool {
        !self.is_open && self.server == ServerEnd::Closed
    }
}

/// What a connection with this number has underneath.
pub(super) fn channel(is_secured: bool, number: u8) -> Channel {
    if is_secured {
        Channel::Secured {
            key: SessionKey::from_bytes([number; 32]),
            binding: Binding::from_bytes([number; 32]),
        }
    } else {
        Channel::Plain
    }
}
