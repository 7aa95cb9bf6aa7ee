use std::fmt;

use bytes::{Bytes, BytesMut};
use korinet_session::v3::{Binding, Channel, SessionKey};
use korinet_wire::v3::{AttachNumber, SessionId};

use super::conditions::{Conditions, Host};
use super::tally::Fault;
use super::tap::Tap;

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The one that dialled.
    Client,
    /// The one that was dialled.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Client => 0,
            Self::Server => 1,
        }
    }
}

/// The name of a connection, or of an attempt to get one; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// Who dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialler {
    /// A client, with its place in the world and its process.
    Client {
        /// Which client.
        index: usize,
        /// Which of its lives.
        process: ProcessId,
        /// The number of the attempt.
        attach: AttachNumber,
    },
    /// One who means harm.
    Attacker,
}

/// A life of a client or of the server: all that it knows is lost with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// What a process does with its end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It has not got it yet.
    Pending,
    /// It reads and writes.
    Open,
    /// It has written its last and throws away what comes.
    Finished,
    /// It has closed it.
    Closed,
}

/// Bytes from one side to the other.
#[derive(Debug, Clone, Default)]
pub struct Pipe {
    /// Written and not delivered.
    pub queue: BytesMut,
    /// How many were delivered.
    pub delivered: u64,
    /// The writer has ended its direction.
    pub is_finished: bool,
    /// Bytes vanish.
    pub is_silent: bool,
    /// The reader was told that it is over.
    pub is_over: bool,
    /// When something is delivered next.
    pub due: Option<u64>,
}

impl Pipe {
    /// The first bytes, at most so many.
    pub fn take(&mut self, most: u64) -> Bytes {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let bytes = self.queue.split_to(most.min(self.queue.len())).freeze();
        self.delivered += bytes.len() as u64;
        bytes
    }

    /// From here on nothing arrives.
    pub fn fall_silent(&mut self) {
        self.is_silent = true;
        self.queue.clear();
    }
}

/// A connection, or an attempt to get one.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its name.
    pub id: LinkId,
    /// Who dialled.
    pub dialler: Dialler,
    /// What happens to it.
    pub conditions: Conditions,
    /// What is under way, by who wrote it.
    pipes: [Pipe; 2],
    ends: [End; 2],
    /// What each side wrote.
    taps: [Tap; 2],
    /// What both ends of a secured connection share.
    secret: Option<([u8; 32], [u8; 32])>,
    /// The session whose connection it is.
    pub session: Option<SessionId>,
    /// The features of the session, once there was a WELCOME.
    pub has_checksum: Option<bool>,
    /// Frames were changed or put in: the ends may accuse each other.
    pub is_tampered: bool,
    /// Cut: what follows depends on the keep-alive.
    pub is_cut: bool,
    /// The one who dialled does not wait for it any more.
    pub is_given_up: bool,
    /// What an attacker sends, and what kind of attack that is.
    pub attack: Option<(Fault, Bytes)>,
}

impl Link {
    /// An attempt.
    #[must_use]
    pub fn new(
        id: LinkId,
        dialler: Dialler,
        conditions: Conditions,
        secret: Option<([u8; 32], [u8; 32])>,
    ) -> Self {
        Self {
            id,
            dialler,
            conditions,
            pipes: Default::default(),
            ends: [End::Pending; 2],
            taps: Default::default(),
            secret,
            session: None,
            has_checksum: None,
            is_tampered: false,
            is_cut: false,
            is_given_up: false,
            attack: None,
        }
    }

    /// What `side` has written.
    #[must_use]
    pub const fn pipe(&self, side: Side) -> &Pipe {
        &self.pipes[side.index()]
    }

    /// What `side` has written.
    pub const fn pipe_mut(&mut self, side: Side) -> &mut Pipe {
        &mut self.pipes[side.index()]
    }

    /// What the process at `side` does.
    #[must_use]
    pub const fn end(&self, side: Side) -> End {
        self.ends[side.index()]
    }

    /// What the process at `side` does from now on.
    pub const fn set_end(&mut self, side: Side, end: End) {
        self.ends[side.index()] = end;
    }

    /// What is known of all that `side` has written.
    #[must_use]
    pub const fn tap(&self, side: Side) -> &Tap {
        &self.taps[side.index()]
    }

    /// What is known of all that `side` has written.
    pub const fn tap_mut(&mut self, side: Side) -> &mut Tap {
        &mut self.taps[side.index()]
    }

    /// What the transport gives to a session: the same at both ends.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self.secret {
            None => Channel::Plain,
            Some((key, binding)) => Channel::Secured {
                key: SessionKey::from_bytes(key),
                binding: Binding::from_bytes(binding),
            },
        }
    }

    /// Whether somebody poses as the server.
    #[must_use]
    pub fn is_impostor(&self) -> bool {
        self.conditions.host == Host::Impostor
    }
}
