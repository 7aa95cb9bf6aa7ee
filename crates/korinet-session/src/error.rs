use std::io;
use std::time::Duration;

use korinet_proto::CodecError;
use korinet_wire::DecodeError;

/// Why one connection ended, or did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer did not acknowledge a message in time.
    #[error("no acknowledgement within {0:?}")]
    AckTimeout(Duration),
    /// The peer closed the connection.
    #[error("closed by the peer")]
    ClosedByPeer,
    /// The connection was not established in time.
    #[error("not connected within {0:?}")]
    ConnectTimeout(Duration),
    /// The peer sent what is no frame.
    #[error(transparent)]
    Decode(DecodeError),
    /// The network failed; the text is the system's.
    #[error("{text}")]
    Io {
        /// What kind of failure.
        kind: io::ErrorKind,
        /// The system's description.
        text: String,
    },
    /// The connection ended inside of a frame.
    #[error("connection ended inside of a frame: {missing} more bytes expected")]
    Truncated {
        /// How many bytes were missing, as far as known.
        missing: usize,
    },
}

impl ConnectionError {
    /// Whether another attempt can have another outcome.
    ///
    /// It cannot where the peer's bytes belong to another protocol.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        use korinet_wire::DecodeErrorKind::FrameTooLarge;
        !matches!(
            self,
            Self::Decode(DecodeError {
                kind: FrameTooLarge {
                    looks_like: Some(_),
                    ..
                },
                ..
            })
        )
    }
}

impl From<io::Error> for ConnectionError {
    fn from(error: io::Error) -> Self {
        Self::Io {
            kind: error.kind(),
            text: without_number(error.to_string()),
        }
    }
}

/// The system's text ends in " (os error 104)", which says nothing to a reader.
fn without_number(mut text: String) -> String {
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    match text.get(..1) {
        Some(first) => first.to_lowercase() + &text[1..],
        None => text,
    }
}

impl From<CodecError> for ConnectionError {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Decode(error) => Self::Decode(error),
            CodecError::Io(error) => error.into(),
            CodecError::Truncated { missing } => Self::Truncated { missing },
            // Sessions send what is encoded already, so this is text and no more.
            error @ (CodecError::Encode(_) | _) => Self::Io {
                kind: io::ErrorKind::InvalidData,
                text: error.to_string(),
            },
        }
    }
}

/// Why a session ended without being closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Its connection ended, and this side cannot dial.
    #[error("connection lost")]
    ConnectionLost(#[source] ConnectionError),
    /// The peer could not be reached again in time.
    #[error("gave up {:?} after the connection was lost", Duration::from_millis(after.as_millis() as u64))]
    GaveUp {
        /// How long after the loss.
        after: Duration,
        /// Why the last attempt failed.
        #[source]
        last: ConnectionError,
    },
    /// The peer does not speak the protocol, so that trying again is of no use.
    #[error("peer does not speak the protocol")]
    Incompatible(#[source] ConnectionError),
}

/// Why a message is not known to have arrived.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session was closed, by this side or the peer, before the message was on its way.
    #[error("session is closed")]
    Closed,
    /// The session ended before the message was on its way: it did not arrive.
    #[error("message was not sent")]
    NotSent(#[source] SessionError),
    /// The session ended before the acknowledgement came: the message may have arrived.
    #[error("message is not acknowledged")]
    Unacknowledged(#[source] SessionError),
}
