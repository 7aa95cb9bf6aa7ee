use minicbor::encode::Write;

use super::MAX_APPLICATION;
use super::output::{Output, Written};
use super::value::Value;
use crate::DecodeError;

/// The program that uses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application<'a> {
    /// Its name; at most [`MAX_APPLICATION`] bytes.
    pub name: &'a str,
    /// Its version; at most as many.
    pub version: &'a str,
}

impl<'a> Application<'a> {
    pub(super) fn decode(value: Value<'_, 'a>) -> Result<Self, DecodeError> {
        let mut entries = value.map()?;
        let application = Self {
            name: entries.required(0, "name")?.text(MAX_APPLICATION)?,
            version: entries
                .required(1, "application version")?
                .text(MAX_APPLICATION)?,
        };
        entries.finish()?;
        Ok(application)
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        output.map(2)?;
        output.uint(0)?;
        output.text("name", self.name, MAX_APPLICATION)?;
        output.uint(1)?;
        output.text("application version", self.version, MAX_APPLICATION)
    }
}
