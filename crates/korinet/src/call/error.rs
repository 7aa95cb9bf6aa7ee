use std::time::Duration;

use korinet_session::v3;
use korinet_wire::v3::Ran;

use super::Failure;
use crate::{EncodeError, SendError, SessionError};

/// Why a call has no answer, or its stream does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The peer answered by an error.
    #[error("request {0}")]
    Failed(Failure),
    /// The answer, or an item, is not what this side expects.
    #[error("answer is not understood: {0}")]
    Answer(String),
    /// No answer came in time; the request is given up.
    #[error("no answer within {after:?}, the request {ran}")]
    Deadline {
        /// The time that it had.
        after: Duration,
        /// Whether it ran, as far as this side can know.
        ran: Ran,
    },
    /// The request, answer or item was not sent.
    #[error("not sent")]
    NotSent(#[from] SendError),
    /// The session came to its end, in good order, before the answer came.
    #[error("session ended before the answer, the request {0}")]
    Ended(Ran),
    /// The session was lost, or came to a bad end, before the answer came.
    #[error("session was lost before the answer, the request {ran}")]
    Lost {
        /// What became of the session.
        #[source]
        error: SessionError,
        /// Whether the request ran, as far as this side can know.
        ran: Ran,
    },
    /// The peer sent more of a stream than it was allowed to.
    #[error("peer broke the rules of the stream, the request {0}")]
    Broken(Ran),
    /// The peer wants no more of it: it has answered the request, or given it up.
    #[error("peer wants no more of it")]
    Stopped,
}

impl CallError {
    /// Whether the request ran, as far as this side can know. What did not run can be asked again; for what may have
    /// run that is for the application to decide.
    #[must_use]
    pub const fn ran(&self) -> Ran {
        match self {
            Self::Failed(failure) => failure.code().ran(),
            Self::Answer(_) => Ran::Yes,
            Self::NotSent(_) => Ran::No,
            Self::Deadline { ran, .. }
            | Self::Ended(ran)
            | Self::Lost { ran, .. }
            | Self::Broken(ran) => *ran,
            Self::Stopped => Ran::Maybe,
        }
    }
}

impl From<v3::CallError> for CallError {
    fn from(error: v3::CallError) -> Self {
        match error {
            v3::CallError::NotSent(error) => Self::NotSent(error.into()),
            v3::CallError::Ended(ran) => Self::Ended(ran),
            v3::CallError::Lost { error, ran } => Self::Lost { error, ran },
            v3::CallError::Broken(ran) => Self::Broken(ran),
            v3::CallError::Stopped | _ => Self::Stopped,
        }
    }
}

impl From<EncodeError> for CallError {
    fn from(error: EncodeError) -> Self {
        Self::NotSent(error.into())
    }
}

/// For who reads and writes bytes.
impl From<CallError> for std::io::Error {
    fn from(error: CallError) -> Self {
        use std::io::ErrorKind;
        let kind = match &error {
            CallError::Answer(_) => ErrorKind::InvalidData,
            CallError::Deadline { .. } => ErrorKind::TimedOut,
            CallError::Stopped => ErrorKind::BrokenPipe,
            CallError::Ended(_) | CallError::Lost { .. } => ErrorKind::ConnectionReset,
            CallError::Failed(_) | CallError::NotSent(_) | CallError::Broken(_) => ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
