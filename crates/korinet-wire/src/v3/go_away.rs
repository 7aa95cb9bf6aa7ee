use core::fmt;
use core::time::Duration;

use super::quoted::{Millis, Quoted};
use super::{Addresses, Code};

/// GOAWAY: the sender is about to close this connection, the session goes on elsewhere (V3-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// Why.
    pub code: Code,
    /// Why, for people; at most [`MAX_TEXT`](super::MAX_TEXT) bytes.
    pub text: &'a str,
    /// The time until the connection is closed.
    pub deadline: Duration,
    /// The time to wait before connecting anew.
    pub retry_after: Option<Duration>,
    /// Where to connect instead.
    pub addresses: Addresses<'a>,
}

impl fmt::Display for GoAway<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadline = Millis(self.deadline);
        write!(f, "GOAWAY deadline={deadline} code={}", self.code)?;
        write!(f, " text={}", Quoted(self.text))?;
        if let Some(time) = self.retry_after {
            write!(f, " retry-after={}", Millis(time))?;
        }
        if !self.addresses.is_empty() {
            write!(f, " addresses={}", self.addresses)?;
        }
        Ok(())
    }
}
