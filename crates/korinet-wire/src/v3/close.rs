use core::fmt;

use super::ack::write_digest;
use super::quoted::Quoted;
use super::{Code, Digest, Seq};

/// What a CLOSE ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum How {
    /// The session (V3-39).
    End,
    /// The connection only (V3-40).
    Detach,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::End => "end",
            Self::Detach => "detach",
        })
    }
}

/// CLOSE: the last frame of its sender on this connection (V3-39, V3-40).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close<'a> {
    /// Why.
    pub code: Code,
    /// Why, for people; at most [`MAX_TEXT`](super::MAX_TEXT) bytes.
    pub text: &'a str,
    /// What ends.
    pub how: How,
    /// Every message below is taken.
    pub next: Seq,
    /// The digest at `next`, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
}

impl fmt::Display for Close<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Quoted(self.text);
        write!(f, "CLOSE {} next={}", self.how, self.next)?;
        write_digest(self.digest, f)?;
        write!(f, " code={} text={text}", self.code)
    }
}
