use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use korinet_proto::v3::{GoAway, Message};
use korinet_wire::v3::{AttachNumber, Code, InstanceId, Kind, Seq, SessionId};

use crate::{ConnectionError, Loss, SessionError};

/// What the application of a session is told, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Event {
    /// There is a connection, and the session goes on over it.
    Attached(Continuity),
    /// The session is over. Nothing follows.
    Closed {
        /// Why.
        why: Ending,
        /// The messages of this side that are not known to have been taken, oldest first.
        in_doubt: Vec<InDoubt>,
    },
    /// An attempt to connect begins. Of a client only.
    Connecting(AttachNumber),
    /// The connection is gone; the session is not.
    Detached {
        /// Why.
        reason: ConnectionError,
        /// How long until the next attempt; of a server, until the session expires.
        wait: Duration,
    },
    /// The peer is about to close the connection.
    Draining(GoAway),
    /// The session could not be resumed. Of a client only; [`Attached`](Self::Attached) to a new one
    /// or [`Closed`](Self::Closed) follows.
    Lost {
        /// Why.
        why: Loss,
        /// How many messages are sent again in the new session, flagged as redelivered.
        resent: u64,
        /// The messages that are not, oldest first.
        in_doubt: Vec<InDoubt>,
    },
}

/// What became of a session on its new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Continuity {
    /// The session.
    pub session: SessionId,
    /// The number of the attempt that succeeded.
    pub attach: AttachNumber,
    /// The server process; as a server is told, its own.
    pub instance: InstanceId,
    /// Whether the session existed before.
    pub resumed: bool,
    /// How many messages of this side are written again.
    pub replayed: u64,
    /// How many messages of the peer came again so far and were dropped.
    pub deduplicated: u64,
    /// How many messages of this side are not acknowledged yet.
    pub unacknowledged: u64,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Ending {
    /// This side closed it, and all it sent was taken.
    Local,
    /// The peer closed it.
    Peer {
        /// Why.
        code: Code,
        /// The same for people.
        text: String,
    },
    /// It was not closed.
    Error(SessionError),
}

impl Ending {
    /// Whether the session was closed in good order, by whichever side, and for no other reason than that.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match self {
            Self::Local => true,
            Self::Peer { code, .. } => *code == Code::DONE,
            Self::Error(_) => false,
        }
    }

    /// Why the session is over, unless this side closed it.
    #[must_use]
    pub fn as_error(&self) -> Option<SessionError> {
        match self {
            Self::Local => None,
            Self::Peer { code, text } => Some(SessionError::EndedByPeer {
                code: *code,
                text: text.clone(),
            }),
            Self::Error(error) => Some(error.clone()),
        }
    }
}

/// A message for which no acknowledgement came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct InDoubt {
    /// The one that [`send`](super::ClientSession::send) answered.
    pub ticket: Ticket,
    /// What it is.
    pub kind: Kind,
    /// The message that it answers or continues.
    pub re: Option<Seq>,
    /// Its content; `Debug` shows its length only.
    pub payload: Bytes,
}

impl fmt::Debug for InDoubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InDoubt")
            .field("ticket", &self.ticket)
            .field("kind", &self.kind)
            .field("re", &self.re)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

impl InDoubt {
    pub(super) fn list(messages: Vec<Message>, first: Ticket) -> Vec<Self> {
        let tickets = first.0..;
        let numbered = messages.into_iter().zip(tickets);
        numbered
            .map(|(message, ticket)| Self {
                ticket: Ticket(ticket),
                kind: message.kind,
                re: message.re,
                payload: message.payload,
            })
            .collect()
    }
}

/// Which message of this side: 1 for the first that was sent, whatever session carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticket(pub u64);

/// A message for the application, and the session whose message it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// The session that it came in; its number counts in there.
    pub session: SessionId,
    /// The message.
    pub message: Message,
}

/// Why a message was not accepted; it is as if it had never been sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closed, or being closed.
    #[error("session is closed")]
    Closed,
    /// There is no session yet, or not again: wait for [`Event::Attached`].
    #[error("session is not open yet")]
    NotOpen,
    /// The window does not take it.
    #[error(transparent)]
    Push(#[from] korinet_proto::v3::PushError),
}

/// What the driver of a session has to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// Drop this connection, or the attempt to get it.
    Abandon(AttachNumber),
    /// Try to connect; and report it with this number.
    Dial(AttachNumber),
    /// Write what the connection was given before, then these bytes, then end it in good order
    /// (V3-41). What comes on it is of no interest.
    Finish(AttachNumber, Bytes),
}
