use std::time::Duration;

use crate::{ConnectionError, SessionError};

/// Where a session stands with its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// There is a connection.
    Attached,
    /// The connection was lost, or an attempt to get one failed; the next follows.
    Detached {
        /// Why.
        reason: ConnectionError,
        /// How many attempts this outage has seen.
        attempts: u32,
        /// The wait before the next one; of a server, until the session expires.
        wait: Duration,
    },
    /// An attempt to connect is under way.
    Connecting,
    /// The session is over.
    Closed {
        /// Why, unless it was closed by this side or ended by the peer in good order.
        error: Option<SessionError>,
    },
}
