use std::io;
use std::net::SocketAddr;

use korinet_proto::v3::PushError;

use crate::{AckLevel, ConnectionError, EncodeError, Message, Protocol, SessionError};

/// A setting that a builder cannot go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// What was asked for needs another version of the protocol.
    #[error("{setting} needs protocol {needed}, but the protocol is {protocol}")]
    Needs {
        /// The builder's setting.
        setting: &'static str,
        /// The protocol that has it.
        needed: Protocol,
        /// The protocol that was chosen.
        protocol: Protocol,
    },
    /// A number outside of its bounds.
    #[error("{setting} is {found}, expected {min} to {max}")]
    OutOfRange {
        /// The builder's setting.
        setting: &'static str,
        /// What it was set to.
        found: usize,
        /// The least that is allowed.
        min: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// This version of the crate cannot keep what the level says.
    #[error("ack_level {0} is not in this version, expected received or processed")]
    UnsupportedLevel(AckLevel),
    /// TLS over a Unix socket, on which nobody is on the way.
    #[error("tls needs TCP, but this is a Unix socket")]
    TlsOverUnix,
    /// A server that may speak no protocol at all.
    #[error("no protocol is allowed, expected at least one")]
    NoProtocol,
    /// A time that must not be zero.
    #[error("{setting} is zero, expected more")]
    Zero {
        /// The builder's setting.
        setting: &'static str,
    },
}

/// Why a client has no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The settings do not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The first connection failed.
    #[error("cannot connect to {addr}")]
    Connection {
        /// The address that was dialled.
        addr: String,
        /// Why.
        #[source]
        source: ConnectionError,
    },
    /// The thread that does the work of [`blocking`](crate::blocking) sessions cannot be started.
    #[cfg(feature = "blocking")]
    #[error("cannot start the thread that does the work")]
    Worker(#[source] io::Error),
    /// There was no session within the time to give up, or it was over at once.
    #[error("no session with {addr}")]
    Session {
        /// The address that was dialled.
        addr: String,
        /// Why.
        #[source]
        source: SessionError,
    },
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The settings do not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Without TLS a server listens where this machine alone can reach it.
    #[error(
        "{} is no loopback address, and without TLS anybody on the way can read along and take sessions over: \
         use TLS, or allow plaintext",
        addr.ip()
    )]
    Exposed {
        /// The address that was to be bound.
        addr: SocketAddr,
    },
    /// The address cannot be bound.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
}

/// Why there is no next message of a type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The session ended, and not in good order.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// There is a message, and it is no such type. The session goes on.
    #[error("message is not of the type that was asked for")]
    Decode {
        /// It is received, and here.
        message: Box<Message>,
        /// Why.
        #[source]
        source: minicbor::decode::Error,
    },
}

/// Why a message is not known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session was closed, by this side or the peer, before the message was on its way.
    #[error("session is closed")]
    Closed,
    /// There is no connection, and messages are not to wait for one; it was not sent.
    #[error("there is no connection")]
    Detached,
    /// There is no room for it now; it was not sent.
    #[error("too many messages are not acknowledged")]
    Full,
    /// It cannot be sent at all: it is no message of the protocol, or too large.
    #[error(transparent)]
    Message(#[from] EncodeError),
    /// Protocol v2 cannot carry it.
    #[error("{what} need protocol v3, but the peer speaks v2")]
    NeedsV3 {
        /// What was to be sent.
        what: &'static str,
    },
    /// The session ended before the message was on its way: it did not arrive.
    #[error("message was not sent")]
    NotSent(#[source] SessionError),
    /// The session does not take it: it is larger than what the peer takes.
    #[error(transparent)]
    Push(PushError),
    /// The session ended, or was lost, before the acknowledgement came: the message may have arrived.
    #[error("message is not acknowledged")]
    Unacknowledged(#[source] SessionError),
}

impl From<korinet_session::SendError> for SendError {
    fn from(error: korinet_session::SendError) -> Self {
        match error {
            korinet_session::SendError::Detached => Self::Detached,
            korinet_session::SendError::NotSent(error) => Self::NotSent(error),
            korinet_session::SendError::Push(PushError::Full { .. }) => Self::Full,
            korinet_session::SendError::Push(error) => Self::Push(error),
            korinet_session::SendError::Unacknowledged(error) => Self::Unacknowledged(error),
            korinet_session::SendError::Closed | _ => Self::Closed,
        }
    }
}
