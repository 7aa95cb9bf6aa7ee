use core::fmt;

use minicbor::encode::Write;

use super::FieldError;
use super::output::{Output, Written};
use super::value::{Elements, Value};
use crate::DecodeError;

/// The minor versions that one side speaks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The lowest; at most `max`.
    pub min: u16,
    /// The highest.
    pub max: u16,
}

impl Versions {
    pub(super) fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        let at = value.at();
        let mut elements = value.array()?;
        let versions = Self {
            min: elements.required("lowest version")?.u16()?,
            max: elements.required("highest version")?.u16()?,
        };
        elements.finish()?;
        versions.check().map_err(|error| error.at(at))?;
        Ok(versions)
    }

    pub(super) fn write<W: Write>(self, output: &mut Output<W>) -> Written<W> {
        self.check()?;
        output.array(2)?;
        output.uint(self.min.into())?;
        output.uint(self.max.into())
    }

    const fn check(self) -> Result<(), FieldError> {
        let Self { min, max } = self;
        if min > max {
            return Err(FieldError::MinAboveMax { min, max });
        }
        Ok(())
    }
}

/// `0` or `0-3`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return self.max.fmt(f);
        }
        write!(f, "{}-{}", self.min, self.max)
    }
}

/// What an acknowledgement says (V3-18); each level includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The message stands in the session's receive queue.
    Received,
    /// The application is done with the message.
    Processed,
    /// That much is on disk.
    Durable,
}

impl Level {
    /// The level that `value` stands for on the wire.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Received),
            1 => Some(Self::Processed),
            2 => Some(Self::Durable),
            _ => None,
        }
    }

    /// Its number on the wire.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Processed => 1,
            Self::Durable => 2,
        }
    }
}

impl Level {
    pub(super) fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        value.number(0, 2, |level| Self::from_u8(u8::try_from(level).ok()?))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Durable => "durable",
        })
    }
}

/// What the reader of the frame may send to its writer (V3-21, V3-22); each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most messages that may be unacknowledged.
    pub messages: u32,
    /// The most bytes of DATA frames that may be unacknowledged.
    pub bytes: u32,
    /// The largest payload, in bytes.
    pub message: u32,
}

impl Limits {
    pub(super) fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        let mut elements = value.array()?;
        let limits = Self {
            messages: Self::decode_one(&mut elements, "limit of messages")?,
            bytes: Self::decode_one(&mut elements, "limit of bytes")?,
            message: Self::decode_one(&mut elements, "maximum message")?,
        };
        elements.finish()?;
        Ok(limits)
    }

    fn decode_one(
        elements: &mut Elements<'_, '_>,
        field: &'static str,
    ) -> Result<u32, DecodeError> {
        let at_least_one = |limit| u32::try_from(limit).ok().filter(|limit| *limit > 0);
        let value = elements.required(field)?;
        value.number(1, u32::MAX.into(), at_least_one)
    }

    pub(super) fn write<W: Write>(self, output: &mut Output<W>) -> Written<W> {
        output.array(3)?;
        for (field, limit) in [
            ("limit of messages", self.messages),
            ("limit of bytes", self.bytes),
            ("maximum message", self.message),
        ] {
            if limit == 0 {
                let error = FieldError::OutOfRange {
                    field,
                    found: 0,
                    min: 1,
                    max: u32::MAX.into(),
                };
                return Err(error.into());
            }
            output.uint(limit.into())?;
        }
        Ok(())
    }
}

/// In the order of the wire: `64/1048576/65536`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.messages, self.bytes, self.message)
    }
}
