use core::fmt;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::value::Value;
use super::{MAX_AUTHENTICATION, MAX_MECHANISM};
use crate::DecodeError;

/// What a client shows of who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Authentication<'a> {
    /// How to read the bytes; at most [`MAX_MECHANISM`] bytes.
    pub mechanism: &'a str,
    /// A token or the like: a secret; at most [`MAX_AUTHENTICATION`]
    /// bytes.
    pub bytes: &'a [u8],
}

/// Shows nothing of the bytes.
impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("mechanism", &self.mechanism)
            .finish_non_exhaustive()
    }
}

impl<'a> Authentication<'a> {
    pub(super) fn decode(value: Value<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let authentication = Self {
            mechanism: entries.required(0, "mechanism")?.text(MAX_MECHANISM)?,
            bytes: entries
                .required(1, "authentication")?
                .bytes(MAX_AUTHENTICATION)?,
        };
        entries.finish()?;
        Ok(authentication)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        output.map(2)?;
        output.uint(0)?;
        output.text("mechanism", self.mechanism, MAX_MECHANISM)?;
        output.uint(1)?;
        output.short_bytes("authentication", self.bytes, MAX_AUTHENTICATION)
    }
}
