use std::error::Error;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use korinet::wire::v2::Id;
use korinet::{Message, Value};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::json::Json;

/// Where received messages are printed: whole lines, from however many connections, up to a count.
#[derive(Debug)]
pub(crate) struct Output {
    /// How many more lines may be written.
    left: Mutex<Option<u64>>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Printed {
    /// Its line is written and flushed.
    Line,
    /// So is its line, which was the last.
    Last,
    /// Nothing: the last line was written before.
    Enough,
}

impl Output {
    /// Prints up to `count` messages, or any number.
    pub(crate) const fn new(count: Option<u64>) -> Self {
        Self {
            left: Mutex::new(count),
        }
    }

    /// Prints one message. Blocks while nobody reads stdout.
    pub(crate) fn print(&self, message: &Message) -> io::Result<Printed> {
        let mut line = serde_json::to_vec(&Line(message))?;
        line.push(b'\n');
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if *left == Some(0) {
            return Ok(Printed::Enough);
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.flush()?;
        if let Some(left) = &mut *left {
            *left -= 1;
            if *left == 0 {
                return Ok(Printed::Last);
            }
        }
        Ok(Printed::Line)
    }
}

/// A message as a JSON object.
struct Line<'a>(&'a Message);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match (self.0.id(), self.0.number()) {
            (Some(Id::Text(text)), _) => map.serialize_entry("id", text)?,
            (Some(Id::Cbor(cbor)), _) => map.serialize_entry("id", &Json(&shape(cbor)))?,
            // Together they name the message for good.
            (None, Some((session, seq))) => {
                map.serialize_entry("id", &format!("{session}/{seq}"))?;
            }
            (None, None) => {}
        }
        match self.0.value() {
            Ok(value) => map.serialize_entry("data", &Json(&value))?,
            Err(error) => map.serialize_entry("error", &error.to_string())?,
        }
        if self.0.is_redelivered() {
            map.serialize_entry("redelivered", &true)?;
        }
        map.end()
    }
}

/// What a received id holds. Its shape was checked when it was received, so there is always an
/// answer.
fn shape(cbor: &[u8]) -> Value {
    Value::from_cbor(cbor).unwrap_or(Value::Undefined)
}

/// Tells on stderr what happened, in one line. If nobody reads that, nothing can be done.
pub(crate) fn tell(what: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{what}");
}

/// What a peer says, without what a terminal would obey.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => printable.extend(c.escape_debug()),
            false => printable.push(c),
        }
    }
    printable
}

/// An error and its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
