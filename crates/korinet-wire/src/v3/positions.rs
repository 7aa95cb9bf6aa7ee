use core::fmt;

use minicbor::encode::Write;

use super::ack::write_digest;
use super::output::{Output, Written};
use super::value::{Entries, Value};
use super::{Digest, FieldError, Seq};
use crate::DecodeError;

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

impl Positions {
    /// Reads them from the entries of a map from the key `first` on.
    pub(super) fn decode(entries: &mut Entries<'_, '_>, first: u64) -> Result<Self, DecodeError> {
        let at = entries.start();
        let positions = Self {
            next: entries.required(first, "next")?.seq()?,
            oldest: entries.required(first + 1, "oldest")?.seq()?,
            end: entries.required(first + 2, "end")?.seq()?,
            digest: entries
                .optional(first + 3, "digest")?
                .map(Value::digest)
                .transpose()?,
        };
        positions.check().map_err(|error| error.at(at))?;
        Ok(positions)
    }

    /// Writes them as entries of a map from the key `first` on.
    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, first: u64) -> Written<W> {
        self.check()?;
        for (key, seq) in (first..).zip([self.next, self.oldest, self.end]) {
            output.uint(key)?;
            output.seq(seq)?;
        }
        if let Some(digest) = self.digest {
            output.uint(first + 3)?;
            output.digest(digest)?;
        }
        Ok(())
    }

    /// The entries that they take up.
    pub(super) fn entries(&self) -> u64 {
        3 + u64::from(self.digest.is_some())
    }

    fn check(&self) -> Result<(), FieldError> {
        let Self { oldest, end, .. } = *self;
        if oldest > end {
            return Err(FieldError::OldestAboveEnd { oldest, end });
        }
        Ok(())
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "next={} oldest={} end={}",
            self.next, self.oldest, self.end
        )?;
        write_digest(self.digest, f)
    }
}
