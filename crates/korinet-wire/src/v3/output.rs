use core::convert::Infallible;
use core::time::Duration;

use minicbor::encode::Write;

use super::quoted::Millis;
use super::{Digest, FieldError, Proof, Seq};
use crate::EncodeError;
use crate::cbor::CborType;
use crate::small::Small;

/// The result of writing to `W`.
pub(super) type Written<W> = Result<(), EncodeError<<W as Write>::Error>>;

/// Where CBOR in its shortest form is written to; what a field may not be is an error.
pub(super) struct Output<W> {
    writer: W,
}

impl<W: Write> Output<W> {
    pub(super) const fn new(writer: W) -> Self {
        Self { writer }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) -> Written<W> {
        self.writer.write_all(bytes).map_err(EncodeError::Write)
    }

    fn head(&mut self, ty: CborType, argument: u64) -> Written<W> {
        let mut head = Small::<9>::new();
        head.push_head(ty, argument);
        self.raw(head.as_bytes())
    }

    pub(super) fn array(&mut self, elements: u64) -> Written<W> {
        self.head(CborType::Array, elements)
    }

    pub(super) fn map(&mut self, entries: u64) -> Written<W> {
        self.head(CborType::Map, entries)
    }

    /// An element, or a key.
    pub(super) fn uint(&mut self, number: u64) -> Written<W> {
        self.head(CborType::Unsigned, number)
    }

    pub(super) fn seq(&mut self, seq: Seq) -> Written<W> {
        self.uint(seq.get())
    }

    pub(super) fn time(&mut self, time: Duration) -> Written<W> {
        self.uint(Millis(time).get())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> Written<W> {
        self.head(CborType::Bytes, length(bytes))?;
        self.raw(bytes)
    }

    pub(super) fn digest(&mut self, digest: Digest) -> Written<W> {
        self.bytes(digest.as_bytes())
    }

    /// The last element of a frame that may be proven.
    pub(super) fn proof(&mut self, proof: Option<Proof>) -> Written<W> {
        proof.map_or(Ok(()), |proof| self.bytes(proof.as_bytes()))
    }

    /// A byte string of at most `max` bytes.
    pub(super) fn short_bytes(
        &mut self,
        field: &'static str,
        bytes: &[u8],
        max: usize,
    ) -> Written<W> {
        check_len(field, bytes, max)?;
        self.bytes(bytes)
    }

    /// A text string of at most `max` bytes.
    pub(super) fn text(&mut self, field: &'static str, text: &str, max: usize) -> Written<W> {
        check_len(field, text.as_bytes(), max)?;
        self.head(CborType::Text, length(text.as_bytes()))?;
        self.raw(text.as_bytes())
    }
}

fn check_len(field: &'static str, bytes: &[u8], max: usize) -> Result<(), FieldError> {
    if bytes.len() <= max {
        return Ok(());
    }
    Err(FieldError::TooLong {
        field,
        found: length(bytes),
        max: u64::try_from(max).unwrap_or(u64::MAX),
    })
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// Counts what is written to it.
#[derive(Default)]
pub(super) struct Counter {
    pub(super) count: usize,
}

impl Write for Counter {
    type Error = Infallible;

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Infallible> {
        self.count = self.count.saturating_add(bytes.len());
        Ok(())
    }
}

impl<E> From<FieldError> for EncodeError<E> {
    fn from(error: FieldError) -> Self {
        Self::Field(error)
    }
}
