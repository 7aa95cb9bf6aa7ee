use core::fmt;

use super::{Digest, Seq};

/// Where one side of a session stands, as it says when the session is resumed (V3-34).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Positions {
    /// The peer's message that this side expects.
    pub next: Seq,
    /// The first message that this side can still send; at most `end`.
    pub oldest: Seq,
    /// The number that this side's next new message will get.
    pub end: Seq,
    /// The digest at `next`, with the feature checksum.
    pub digest: Option<Digest>,
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "next={} oldest={} end={}",
            self.next, self.oldest, self.end
        )?;
        match self.digest {
            Some(digest) => write!(f, " digest={digest}"),
            None => Ok(()),
        }
    }
}
