use core::time::Duration;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::value::{Entries, Value};
use super::{FieldError, KeyBytes, Level, Limits, Positions};
use crate::DecodeError;

/// What became of a HELLO's intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// A new session.
    Opened(Opened),
    /// An old one goes on; the server stands there.
    Resumed(Positions),
}

/// The terms of a session as the server grants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opened {
    /// What the client may send to the server.
    pub limits: Limits,
    /// How long the session lives without a connection.
    pub expiry: Duration,
    /// What an acknowledgement says.
    pub level: Level,
    /// The session key, without TLS (V3-29).
    pub key: Option<KeyBytes>,
}

const OPENED: u64 = 6;
const RESUMED: u64 = 7;

impl Answer {
    /// Reads the one of the two entries of WELCOME that is there.
    pub(super) fn decode(entries: &mut Entries<'_, '_>) -> Result<Self, DecodeError> {
        let at = entries.start();
        let opened = entries.optional(OPENED, "opened")?;
        let opened = opened.map(Opened::decode).transpose()?;
        let resumed = entries.optional(RESUMED, "resumed")?;
        let resumed = resumed.map(decode_resumed).transpose()?;
        let error = match (opened, resumed) {
            (Some(opened), None) => return Ok(Self::Opened(opened)),
            (None, Some(positions)) => return Ok(Self::Resumed(positions)),
            (Some(_), Some(_)) => FieldError::Excluded {
                field: "resumed",
                by: "opened",
            },
            (None, None) => FieldError::Missing {
                field: "opened or resumed",
            },
        };
        Err(error.at(at))
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        match self {
            Self::Opened(opened) => {
                output.uint(OPENED)?;
                opened.write(output)
            }
            Self::Resumed(positions) => {
                output.uint(RESUMED)?;
                output.map(positions.entries())?;
                positions.write(output, 0)
            }
        }
    }
}

fn decode_resumed(value: Value<'_, '_>) -> Result<Positions, DecodeError> {
    let mut entries = value.map()?;
    let positions = Positions::decode(&mut entries, 0)?;
    entries.finish()?;
    Ok(positions)
}

impl Opened {
    fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let opened = Self {
            limits: Limits::decode(entries.required(0, "limits")?)?,
            expiry: entries.required(1, "expiry")?.time()?,
            level: Level::decode(entries.required(2, "level")?)?,
            key: entries
                .optional(3, "key")?
                .map(Value::byte_array)
                .transpose()?
                .map(KeyBytes::from_bytes),
        };
        entries.finish()?;
        Ok(opened)
    }

    fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        output.map(3 + u64::from(self.key.is_some()))?;
        output.uint(0)?;
        self.limits.write(output)?;
        output.uint(1)?;
        output.time(self.expiry)?;
        output.uint(2)?;
        output.uint(self.level.to_u8().into())?;
        if let Some(key) = self.key {
            output.uint(3)?;
            output.bytes(key.as_bytes())?;
        }
        Ok(())
    }
}
