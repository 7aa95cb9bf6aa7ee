use core::fmt;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::value::{Elements, Value};
use super::{Digest, Seq};
use crate::DecodeError;

/// ACK: every message below `next` is taken (V3-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ack {
    /// The first message that is not taken.
    pub next: Seq,
    /// The digest at `next`, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
}

impl Ack {
    pub(super) fn decode(elements: &mut Elements<'_, '_>) -> Result<Self, DecodeError> {
        Ok(Self {
            next: elements.required("next")?.seq()?,
            digest: elements.optional("digest").map(Value::digest).transpose()?,
        })
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        output.array(2 + u64::from(self.digest.is_some()))?;
        output.uint(ty)?;
        output.seq(self.next)?;
        self.digest.map_or(Ok(()), |digest| output.digest(digest))
    }
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

impl Nonce {
    pub(super) fn decode(elements: &mut Elements<'_, '_>) -> Result<Self, DecodeError> {
        elements.required("nonce")?.uint().map(Self)
    }

    pub(super) fn write<W: Write>(self, output: &mut Output<W>, ty: u64) -> Written<W> {
        output.array(2)?;
        output.uint(ty)?;
        output.uint(self.0)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
