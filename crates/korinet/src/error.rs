use std::io;

use crate::{ConnectionError, EncodeError, Protocol, SessionError};

/// A setting that a builder cannot go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// What was asked for needs another version of the protocol.
    #[error("{setting} needs protocol v3, but the protocol is {protocol}")]
    NeedsV3 {
        /// The builder's setting.
        setting: &'static str,
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
    /// This version of the crate does not speak the protocol, or none was chosen.
    #[error("protocol {0} is not in this version, which speaks v2")]
    Unsupported(Protocol),
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
}

/// Why a server does not listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The settings do not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be bound.
    #[error("cannot listen")]
    Listen(#[source] io::Error),
}

/// Why a message is not known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session was closed, by this side or the peer, before the message was on its way.
    #[error("session is closed")]
    Closed,
    /// It cannot be sent at all: it is no message of the protocol, or too large.
    #[error(transparent)]
    Message(#[from] EncodeError),
    /// The session ended before the message was on its way: it did not arrive.
    #[error("message was not sent")]
    NotSent(#[source] SessionError),
    /// The session ended before the acknowledgement came: the message may have arrived.
    #[error("message is not acknowledged")]
    Unacknowledged(#[source] SessionError),
}

impl From<korinet_session::SendError> for SendError {
    fn from(error: korinet_session::SendError) -> Self {
        match error {
            korinet_session::SendError::NotSent(error) => Self::NotSent(error),
            korinet_session::SendError::Unacknowledged(error) => Self::Unacknowledged(error),
            korinet_session::SendError::Closed | _ => Self::Closed,
        }
    }
}
