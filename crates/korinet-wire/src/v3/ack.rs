use core::fmt;

use super::{Digest, Seq};

/// ACK: every message below `next` is taken (V3-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ack {
    /// The first message that is not taken.
    pub next: Seq,
    /// The digest at `next`, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ACK next={}", self.next)?;
        write_digest(self.digest, f)
    }
}

/// ` digest=…`, if there is one.
pub(super) fn write_digest(digest: Option<Digest>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match digest {
        Some(digest) => write!(f, " digest={digest}"),
        None => Ok(()),
    }
}

/// What a PING asks to get back in a PONG (V3-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(pub u64);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
