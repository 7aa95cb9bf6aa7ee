use core::fmt;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::quoted::Quoted;
use super::value::Value;
use super::{FieldError, MAX_ADDRESS, MAX_ADDRESSES};
use crate::DecodeError;
use crate::cbor::Reader;

/// The addresses of a GOAWAY (V3-42): a list that borrows, from texts or from a decoded frame.
///
/// An empty list is no key on the wire.
#[derive(Clone, Copy, Default)]
pub struct Addresses<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Texts(&'a [&'a str]),
    /// So many text strings of definite length, checked when they were decoded.
    Encoded {
        items: &'a [u8],
        count: usize,
    },
}

impl Default for Source<'_> {
    fn default() -> Self {
        Self::Texts(&[])
    }
}

impl<'a> Addresses<'a> {
    /// No addresses.
    pub const NONE: Self = Self(Source::Texts(&[]));

    /// These addresses; at most [`MAX_ADDRESSES`], each of at most
    /// [`MAX_ADDRESS`] bytes, or the frame will not be encoded.
    #[must_use]
    pub const fn new(addresses: &'a [&'a str]) -> Self {
        Self(Source::Texts(addresses))
    }

    pub(super) fn decode(value: Value<'_, 'a>) -> Result<Self, DecodeError> {
        let at = value.at();
        let mut elements = value.array()?;
        let count = usize::try_from(elements.left()).unwrap_or(usize::MAX);
        check_count(count).map_err(|error| error.at(at))?;
        let start = elements.at();
        while let Some(address) = elements.optional("address") {
            address.text(MAX_ADDRESS)?;
        }
        let items = elements.since(start);
        Ok(Self(Source::Encoded { items, count }))
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        check_count(self.len())?;
        output.array(u64::try_from(self.len()).unwrap_or(u64::MAX))?;
        self.iter()
            .try_for_each(|address| output.text("address", address, MAX_ADDRESS))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self.0 {
            Source::Texts(texts) => texts.len(),
            Source::Encoded { count, .. } => count,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One after the other.
    #[must_use]
    pub fn iter(&self) -> AddressIter<'a> {
        AddressIter(match self.0 {
            Source::Texts(texts) => Rest::Texts(texts.iter()),
            Source::Encoded { items, .. } => Rest::Encoded(Reader::new(items)),
        })
    }
}

/// A list that is there holds at least one, so that a frame without any has one encoding.
fn check_count(count: usize) -> Result<(), FieldError> {
    if (1..=MAX_ADDRESSES).contains(&count) {
        return Ok(());
    }
    Err(FieldError::OutOfRange {
        field: "number of addresses",
        found: u64::try_from(count).unwrap_or(u64::MAX),
        min: 1,
        max: u64::try_from(MAX_ADDRESSES).unwrap_or(u64::MAX),
    })
}

impl<'a> IntoIterator for Addresses<'a> {
    type Item = &'a str;
    type IntoIter = AddressIter<'a>;

    fn into_iter(self) -> AddressIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Addresses<'a> {
    type Item = &'a str;
    type IntoIter = AddressIter<'a>;

    fn into_iter(self) -> AddressIter<'a> {
        self.iter()
    }
}

impl PartialEq for Addresses<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Addresses<'_> {}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// Each quoted, joined by commas.
impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, address) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            Quoted(address).fmt(f)?;
        }
        Ok(())
    }
}

/// The addresses of [`Addresses`], one after the other.
#[derive(Clone)]
pub struct AddressIter<'a>(Rest<'a>);

#[derive(Clone)]
enum Rest<'a> {
    Texts(core::slice::Iter<'a, &'a str>),
    Encoded(Reader<'a>),
}

impl<'a> Iterator for AddressIter<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        match &mut self.0 {
            Rest::Texts(texts) => texts.next().copied(),
            Rest::Encoded(reader) => {
                let len = reader.head().ok()?.arg?;
                core::str::from_utf8(reader.take(len).ok()?).ok()
            }
        }
    }
}

impl fmt::Debug for AddressIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
