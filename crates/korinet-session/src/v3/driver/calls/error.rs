use korinet_wire::v3::Ran;

use crate::{SendError, SessionError};

/// Why a call came to no answer, or a stream that belongs to it does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The request, the answer, or the item was not accepted for sending: the peer does not get it.
    #[error(transparent)]
    NotSent(#[from] SendError),
    /// The session came to its end, in good order, before the answer came.
    #[error("session ended before the answer, the request {0}")]
    Ended(Ran),
    /// The session was lost, or came to a bad end, before the answer came.
    #[error("{error}; the request {ran}")]
    Lost {
        /// What became of the session.
        error: SessionError,
        /// Whether the request ran, as far as this side can know.
        ran: Ran,
    },
    /// The peer sent more of a stream than it was allowed to, or what is no credit.
    #[error("peer broke the rules of the stream; the request {0}")]
    Broken(Ran),
    /// The peer wants no more: the request was answered, or given up.
    #[error("peer wants no more of the stream")]
    Stopped,
}

impl CallError {
    /// Whether the request ran, as far as this side can know. The other side of a call knows that it runs.
    #[must_use]
    pub const fn ran(&self) -> Ran {
        match self {
            Self::NotSent(_) => Ran::No,
            Self::Ended(ran) | Self::Lost { ran, .. } | Self::Broken(ran) => *ran,
            Self::Stopped => Ran::Maybe,
        }
    }
}
