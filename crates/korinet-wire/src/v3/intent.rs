use core::time::Duration;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::value::{Entries, Value};
use super::{FieldError, Level, Limits, OpenNonce, Positions, SessionId};
use crate::DecodeError;

/// What a HELLO is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Intent {
    /// A new session.
    Open(Open),
    /// One that has lived on another connection.
    Resume(Resume),
}

/// The terms of a session that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Open {
    /// Drawn anew for each session that is wanted (V3-13).
    pub nonce: OpenNonce,
    /// What the server may send to the client.
    pub limits: Limits,
    /// How long the session shall live without a connection.
    pub expiry: Duration,
    /// What an acknowledgement shall say.
    pub level: Level,
}

/// The session that a client resumes, and where it stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resume {
    /// The session.
    pub session: SessionId,
    /// Where the client stands.
    pub positions: Positions,
}

const OPEN: u64 = 6;
const RESUME: u64 = 7;

impl Intent {
    /// Reads the one of the two entries of HELLO that is there.
    pub(super) fn decode(entries: &mut Entries<'_, '_>) -> Result<Self, DecodeError> {
        let at = entries.start();
        let open = entries.optional(OPEN, "open")?;
        let open = open.map(Open::decode).transpose()?;
        let resume = entries.optional(RESUME, "resume")?;
        let resume = resume.map(Resume::decode).transpose()?;
        let error = match (open, resume) {
            (Some(open), None) => return Ok(Self::Open(open)),
            (None, Some(resume)) => return Ok(Self::Resume(resume)),
            (Some(_), Some(_)) => FieldError::Excluded {
                field: "resume",
                by: "open",
            },
            (None, None) => FieldError::Missing {
                field: "open or resume",
            },
        };
        Err(error.at(at))
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        match self {
            Self::Open(open) => {
                output.uint(OPEN)?;
                open.write(output)
            }
            Self::Resume(resume) => {
                output.uint(RESUME)?;
                resume.write(output)
            }
        }
    }
}

impl Open {
    fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let open = Self {
            nonce: OpenNonce::from_bytes(entries.required(0, "nonce")?.byte_array()?),
            limits: Limits::decode(entries.required(1, "limits")?)?,
            expiry: entries.required(2, "expiry")?.time()?,
            level: Level::decode(entries.required(3, "level")?)?,
        };
        entries.finish()?;
        Ok(open)
    }

    fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        output.map(4)?;
        output.uint(0)?;
        output.bytes(self.nonce.as_bytes())?;
        output.uint(1)?;
        self.limits.write(output)?;
        output.uint(2)?;
        output.time(self.expiry)?;
        output.uint(3)?;
        output.uint(self.level.to_u8().into())
    }
}

impl Resume {
    fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let session = entries.required(0, "session")?.byte_array()?;
        let resume = Self {
            session: SessionId::from_bytes(session),
            positions: Positions::decode(&mut entries, 1)?,
        };
        entries.finish()?;
        Ok(resume)
    }

    fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        output.map(1 + self.positions.entries())?;
        output.uint(0)?;
        output.bytes(self.session.as_bytes())?;
        self.positions.write(output, 1)
    }
}
