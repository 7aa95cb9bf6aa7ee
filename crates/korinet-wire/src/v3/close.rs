use core::fmt;

use minicbor::encode::Write;

use super::ack::write_digest;
use super::output::{Output, Written};
use super::quoted::Quoted;
use super::value::{Elements, Value};
use super::{Code, Digest, MAX_TEXT, Seq};
use crate::DecodeError;

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
    /// Why, for people; at most [`MAX_TEXT`] bytes.
    pub text: &'a str,
    /// What ends.
    pub how: How,
    /// Every message below is taken.
    pub next: Seq,
    /// The digest at `next`, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
}

impl<'a> Close<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = elements.required("CLOSE map")?.map()?;
        let close = Self {
            code: entries.required(0, "code")?.u16().map(Code::from_u16)?,
            text: entries.required(1, "text")?.text(MAX_TEXT)?,
            how: entries.required(2, "how")?.number(0, 1, |how| match how {
                0 => Some(How::End),
                1 => Some(How::Detach),
                _ => None,
            })?,
            next: entries.required(3, "next")?.seq()?,
            digest: entries
                .optional(4, "digest")?
                .map(Value::digest)
                .transpose()?,
        };
        entries.finish()?;
        Ok(close)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        output.array(2)?;
        output.uint(ty)?;
        output.map(4 + u64::from(self.digest.is_some()))?;
        output.uint(0)?;
        output.uint(self.code.get().into())?;
        output.uint(1)?;
        output.text("text", self.text, MAX_TEXT)?;
        output.uint(2)?;
        output.uint(match self.how {
            How::End => 0,
            How::Detach => 1,
        })?;
        output.uint(3)?;
        output.seq(self.next)?;
        if let Some(digest) = self.digest {
            output.uint(4)?;
            output.digest(digest)?;
        }
        Ok(())
    }
}

impl fmt::Display for Close<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Quoted(self.text);
        write!(f, "CLOSE {} next={}", self.how, self.next)?;
        write_digest(self.digest, f)?;
        write!(f, " code={} text={text}", self.code)
    }
}
