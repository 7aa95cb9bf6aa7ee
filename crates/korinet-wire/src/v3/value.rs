//! The strict reading of what `PROTOCOL.md` names (V3-5, V3-6).

use core::time::Duration;

use super::{Digest, FieldError, MAX_SKIPPED_DEPTH, Seq};
use crate::cbor::{CborType, Reader};
use crate::small::head_len;
use crate::{DecodeError, DecodeErrorKind};

/// One item that is about to be read, and the field that it stands for.
pub(super) struct Value<'r, 'a> {
    reader: &'r mut Reader<'a>,
    field: &'static str,
}

impl<'r, 'a> Value<'r, 'a> {
    pub(super) const fn new(reader: &'r mut Reader<'a>, field: &'static str) -> Self {
        Self { reader, field }
    }

    /// Where it starts.
    pub(super) const fn at(&self) -> usize {
        self.reader.at
    }

    /// The argument of a head of this type, with definite length and in the shortest form.
    #[inline]
    fn argument(&mut self, expected: CborType) -> Result<u64, DecodeError> {
        match self.reader.shortest_head(expected) {
            Some(argument) => Ok(argument),
            None => self.argument_or_defect(expected),
        }
    }

    /// The same, and what is wrong with any other head.
    fn argument_or_defect(&mut self, expected: CborType) -> Result<u64, DecodeError> {
        let (at, field) = (self.reader.at, self.field);
        let head = self.reader.head()?;
        let kind = match head.arg {
            _ if head.is_break() => DecodeErrorKind::UnexpectedBreak,
            _ if head.ty != expected => DecodeErrorKind::WrongType {
                field,
                found: head.ty,
                expected,
            },
            None => DecodeErrorKind::IndefiniteLength { field },
            Some(argument) if self.reader.at.saturating_sub(at) != head_len(argument) => {
                DecodeErrorKind::NotShortest { field }
            }
            Some(argument) => return Ok(argument),
        };
        Err(DecodeError { kind, at })
    }

    /// An unsigned integer of any size.
    #[inline]
    pub(super) fn uint(mut self) -> Result<u64, DecodeError> {
        self.argument(CborType::Unsigned)
    }

    /// What `make` makes of an unsigned integer; it does so of those from `min` to `max`.
    #[inline]
    pub(super) fn number<T>(
        mut self,
        min: u64,
        max: u64,
        make: impl FnOnce(u64) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let at = self.reader.at;
        let found = self.argument(CborType::Unsigned)?;
        make(found).ok_or_else(|| {
            let field = self.field;
            let error = FieldError::OutOfRange {
                field,
                found,
                min,
                max,
            };
            error.at(at)
        })
    }

    pub(super) fn u16(self) -> Result<u16, DecodeError> {
        self.number(0, u16::MAX.into(), |number| u16::try_from(number).ok())
    }

    #[inline]
    pub(super) fn seq(self) -> Result<Seq, DecodeError> {
        self.number(1, u64::MAX, Seq::new)
    }

    /// A time, in milliseconds.
    pub(super) fn time(self) -> Result<Duration, DecodeError> {
        self.uint().map(Duration::from_millis)
    }

    /// The content of a string of at most `max` bytes.
    #[inline]
    fn string(&mut self, ty: CborType, max: usize) -> Result<&'a [u8], DecodeError> {
        let at = self.reader.at;
        let found = self.argument(ty)?;
        if usize::try_from(found).is_ok_and(|len| len <= max) {
            return self.reader.take(found);
        }
        let error = FieldError::TooLong {
            field: self.field,
            found,
            max: u64::try_from(max).unwrap_or(u64::MAX),
        };
        Err(error.at(at))
    }

    /// A byte string of at most `max` bytes.
    #[inline]
    pub(super) fn bytes(mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        self.string(CborType::Bytes, max)
    }

    /// A byte string of `N` bytes.
    #[inline]
    pub(super) fn byte_array<const N: usize>(mut self) -> Result<[u8; N], DecodeError> {
        let at = self.reader.at;
        let found = self.argument(CborType::Bytes)?;
        let expected = u64::try_from(N).unwrap_or(u64::MAX);
        if found == expected {
            return self.reader.take_array();
        }
        let kind = DecodeErrorKind::WrongLength {
            field: self.field,
            found,
            expected,
        };
        Err(DecodeError { kind, at })
    }

    #[inline]
    pub(super) fn digest(self) -> Result<Digest, DecodeError> {
        self.byte_array().map(Digest::from_bytes)
    }

    /// A text string of at most `max` bytes.
    pub(super) fn text(mut self, max: usize) -> Result<&'a str, DecodeError> {
        let bytes = self.string(CborType::Text, max)?;
        core::str::from_utf8(bytes).map_err(|error| DecodeError {
            kind: DecodeErrorKind::InvalidUtf8,
            at: (self.reader.at.saturating_sub(bytes.len())).saturating_add(error.valid_up_to()),
        })
    }

    /// The bytes of any item, well-formed and with at most so many levels.
    pub(super) fn item(self, max_depth: u8) -> Result<&'a [u8], DecodeError> {
        let start = self.reader.at;
        self.reader.skip_item(max_depth)?;
        Ok(self.reader.since(start))
    }

    #[inline]
    pub(super) fn array(mut self) -> Result<Elements<'r, 'a>, DecodeError> {
        let left = self.argument(CborType::Array)?;
        let reader = self.reader;
        Ok(Elements { reader, left })
    }

    pub(super) fn map(mut self) -> Result<Entries<'r, 'a>, DecodeError> {
        let start = self.reader.at;
        let left = self.argument(CborType::Map)?;
        Ok(Entries {
            reader: self.reader,
            start,
            left,
            key: None,
            pending: false,
        })
    }
}

/// The elements of an array, read in order.
pub(super) struct Elements<'r, 'a> {
    reader: &'r mut Reader<'a>,
    left: u64,
}

impl<'a> Elements<'_, 'a> {
    /// How many are still to be read.
    pub(super) const fn left(&self) -> u64 {
        self.left
    }

    /// Where the next element starts.
    pub(super) const fn at(&self) -> usize {
        self.reader.at
    }

    /// The bytes from `start` up to the next element.
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        self.reader.since(start)
    }

    /// The next element, if there is one.
    #[inline]
    pub(super) fn optional(&mut self, field: &'static str) -> Option<Value<'_, 'a>> {
        self.left = self.left.checked_sub(1)?;
        Some(Value::new(self.reader, field))
    }

    /// The next element.
    #[inline]
    pub(super) fn required(&mut self, field: &'static str) -> Result<Value<'_, 'a>, DecodeError> {
        let at = self.reader.at;
        self.optional(field)
            .ok_or_else(|| FieldError::Missing { field }.at(at))
    }

    /// Skips the rest, which this version does not know (V3-6).
    #[inline]
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        (0..self.left).try_for_each(|_| self.reader.skip_item(MAX_SKIPPED_DEPTH))
    }
}

/// The entries of a map, asked for in the rising order of their keys.
pub(super) struct Entries<'r, 'a> {
    reader: &'r mut Reader<'a>,
    start: usize,
    /// How many entries there are after the last key that was read.
    left: u64,
    /// That key.
    key: Option<u64>,
    /// Whether its value is still to be read.
    pending: bool,
}

impl<'a> Entries<'_, 'a> {
    /// Where the map starts.
    pub(super) const fn start(&self) -> usize {
        self.start
    }

    /// Goes to the value under `key`, if there is one; entries before it, which are unknown, are
    /// skipped.
    fn find(&mut self, key: u64) -> Result<bool, DecodeError> {
        while self.pending || self.next_key()? {
            match self.key {
                Some(found) if found < key => self.skip_value()?,
                found => {
                    self.pending = found != Some(key);
                    return Ok(!self.pending);
                }
            }
        }
        Ok(false)
    }

    /// The value under `key`, if there is one.
    pub(super) fn optional(
        &mut self,
        key: u64,
        field: &'static str,
    ) -> Result<Option<Value<'_, 'a>>, DecodeError> {
        let found = self.find(key)?;
        Ok(found.then(|| Value::new(self.reader, field)))
    }

    /// The value under `key`.
    pub(super) fn required(
        &mut self,
        key: u64,
        field: &'static str,
    ) -> Result<Value<'_, 'a>, DecodeError> {
        if self.find(key)? {
            return Ok(Value::new(self.reader, field));
        }
        // A key in the wrong place tells more than that it is missing in the right one.
        self.skip_rest()?;
        Err(FieldError::Missing { field }.at(self.start))
    }

    /// Skips the rest, which this version does not know (V3-6).
    pub(super) fn finish(mut self) -> Result<(), DecodeError> {
        self.skip_rest()
    }

    fn skip_rest(&mut self) -> Result<(), DecodeError> {
        while self.pending || self.next_key()? {
            self.skip_value()?;
        }
        Ok(())
    }

    fn skip_value(&mut self) -> Result<(), DecodeError> {
        self.pending = false;
        self.reader.skip_item(MAX_SKIPPED_DEPTH)
    }

    /// Reads the next key; whether there is one.
    fn next_key(&mut self) -> Result<bool, DecodeError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(false);
        };
        let at = self.reader.at;
        let found = Value::new(self.reader, "map key").uint()?;
        if let Some(previous) = self.key.filter(|previous| *previous >= found) {
            let kind = DecodeErrorKind::KeysNotRising { previous, found };
            return Err(DecodeError { kind, at });
        }
        (self.left, self.key, self.pending) = (left, Some(found), true);
        Ok(true)
    }
}

impl FieldError {
    /// This error, found there in a body.
    pub(super) const fn at(self, at: usize) -> DecodeError {
        DecodeError {
            kind: DecodeErrorKind::Field(self),
            at,
        }
    }
}
