use core::fmt;
use core::time::Duration;

use minicbor::encode::Write;

use super::output::{Output, Written};
use super::quoted::{Millis, Quoted};
use super::value::{Elements, Value};
use super::{Addresses, Code, MAX_TEXT};
use crate::DecodeError;

/// GOAWAY: the sender is about to close this connection, the session goes on elsewhere (V3-42).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoAway<'a> {
    /// Why.
    pub code: Code,
    /// Why, for people; at most [`MAX_TEXT`] bytes.
    pub text: &'a str,
    /// The time until the connection is closed.
    pub deadline: Duration,
    /// The time to wait before connecting anew.
    pub retry_after: Option<Duration>,
    /// Where to connect instead.
    pub addresses: Addresses<'a>,
}

impl<'a> GoAway<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = elements.required("GOAWAY map")?.map()?;
        let go_away = Self {
            code: entries.required(0, "code")?.u16().map(Code::from_u16)?,
            text: entries.required(1, "text")?.text(MAX_TEXT)?,
            deadline: entries.required(2, "deadline")?.time()?,
            retry_after: entries
                .optional(3, "retry-after")?
                .map(Value::time)
                .transpose()?,
            addresses: match entries.optional(4, "addresses")? {
                Some(value) => Addresses::decode(value)?,
                None => Addresses::NONE,
            },
        };
        entries.finish()?;
        Ok(go_away)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        let optional = [self.retry_after.is_some(), !self.addresses.is_empty()];
        output.array(2)?;
        output.uint(ty)?;
        output.map(3 + optional.map(u64::from).iter().sum::<u64>())?;
        output.uint(0)?;
        output.uint(self.code.get().into())?;
        output.uint(1)?;
        output.text("text", self.text, MAX_TEXT)?;
        output.uint(2)?;
        output.time(self.deadline)?;
        if let Some(time) = self.retry_after {
            output.uint(3)?;
            output.time(time)?;
        }
        if !self.addresses.is_empty() {
            output.uint(4)?;
            self.addresses.write(output)?;
        }
        Ok(())
    }
}

impl fmt::Display for GoAway<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let deadline = Millis(self.deadline);
        write!(f, "GOAWAY deadline={deadline} code={}", self.code)?;
        write!(f, " text={}", Quoted(self.text))?;
        if let Some(time) = self.retry_after {
            write!(f, " retry-after={}", Millis(time))?;
        }
        if !self.addresses.is_empty() {
            write!(f, " addresses={}", self.addresses)?;
        }
        Ok(())
    }
}
