//! One line for each thing that is found.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use korinet::wire::v2;
use korinet::wire::v3::Frame;
use serde_json::{Map, Value as Json, json};

use super::decoder::{Found, What};
use super::diagnostic::{Diagnostic, text};
use super::fields;
use crate::args::Inspect;

const NAME: Style = AnsiColor::Cyan.on_default();
const WRONG: Style = AnsiColor::Red.on_default().bold();
const ASIDE: Style = Style::new().dimmed();

/// Which bytes something was found in.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    /// Of a capture.
    pub(super) segment: Option<Segment>,
    /// The number of the stream in a text with several of them, from 0 on.
    pub(super) stream: u64,
    /// The line before its bytes.
    pub(super) remark: Option<String>,
}

/// A segment of TCP.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// The connection's number, from 1 on.
    pub(super) connection: u64,
    pub(super) is_from_client: bool,
    /// Since the first packet of the capture.
    pub(super) time: Duration,
}

/// Where lines go.
pub(super) struct Printer {
    output: io::BufWriter<io::StdoutLock<'static>>,
    is_terminal: bool,
    has_colours: bool,
    is_json: bool,
    payload: usize,
    /// The last stream of a text that was told of.
    stream: Option<u64>,
    malformed: u64,
}

/// Something in a style, where there are any.
struct Styled<T>(Option<Style>, T);

impl<T: fmt::Display> fmt::Display for Styled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(style) => write!(f, "{style}{}{style:#}", self.1),
            None => self.1.fmt(f),
        }
    }
}

impl Printer {
    pub(super) fn new(args: &Inspect) -> Self {
        let stdout = io::stdout();
        let has_colours = !args.json && AutoStream::choice(&stdout) != ColorChoice::Never;
        Self {
            is_terminal: stdout.is_terminal(),
            output: io::BufWriter::new(stdout.lock()),
            has_colours,
            is_json: args.json,
            payload: args.payload,
            stream: None,
            malformed: 0,
        }
    }

    /// Whoever reads along sees what there is.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }

    /// Everything is printed; how many frames were malformed.
    pub(super) fn end(mut self) -> io::Result<u64> {
        self.output.flush()?;
        Ok(self.malformed)
    }

    pub(super) fn print(&mut self, place: &Place, found: &Found<'_>) -> io::Result<()> {
        self.malformed += u64::from(matches!(found.what, What::Malformed { .. }));
        if self.is_json {
            let object = json_line(place, found, self.payload > 0);
            return writeln!(self.output, "{}", Json::Object(object));
        }
        self.introduce(place)?;
        let line = self.line(place, found);
        writeln!(self.output, "{line}")?;
        if self.is_terminal {
            self.output.flush()?;
        }
        Ok(())
    }

    /// A line about a connection as a whole.
    pub(super) fn tell(&mut self, object: Json, line: &str) -> io::Result<()> {
        match self.is_json {
            true => writeln!(self.output, "{object}"),
            false => writeln!(self.output, "{}", Styled(self.style(ASIDE), line)),
        }
    }

    /// An entry of a record: where it belongs, the name of its frame, if it is one, and the rest.
    pub(super) fn print_entry(
        &mut self,
        object: Json,
        place: &str,
        frame: &str,
        rest: &str,
    ) -> io::Result<()> {
        match self.is_json {
            true => writeln!(self.output, "{object}")?,
            false => {
                let frame = Styled(self.style(NAME), frame);
                writeln!(self.output, "{place}{frame}{rest}")?;
            }
        }
        if self.is_terminal {
            self.output.flush()?;
        }
        Ok(())
    }

    fn style(&self, style: Style) -> Option<Style> {
        self.has_colours.then_some(style)
    }

    fn introduce(&mut self, place: &Place) -> io::Result<()> {
        let Some(remark) = &place.remark else {
            return Ok(());
        };
        if self.stream == Some(place.stream) {
            return Ok(());
        }
        self.stream = Some(place.stream);
        let shown: String = remark.chars().flat_map(shown_character).collect();
        writeln!(self.output, "{}", Styled(self.style(ASIDE), shown))
    }

    fn line(&self, place: &Place, found: &Found<'_>) -> String {
        let mut line = String::new();
        // Writing to a string does not fail.
        let _ = match place.segment {
            Some(segment) => write!(
                line,
                "{:10.6} {:>3} {} ",
                segment.time.as_secs_f64(),
                segment.connection,
                if segment.is_from_client { '>' } else { '<' }
            ),
            None => write!(line, "{:>7}  ", found.at),
        };
        let _ = self.what(&mut line, found);
        line
    }

    fn what(&self, line: &mut String, found: &Found<'_>) -> fmt::Result {
        let len = found.len;
        let wrong = |text: String| Styled(self.style(WRONG), text);
        let aside = |text: String| Styled(self.style(ASIDE), text);
        match &found.what {
            What::Preface => write!(line, "{}", Styled(self.style(NAME), "PREFACE v3")),
            What::V2(frame) => self.v2(line, frame),
            What::V3(frame) => self.v3(line, frame),
            What::Tls => write!(line, "{}", aside("TLS, which is not read".to_owned())),
            What::Malformed { text, at, code } => {
                let text = format!("MALFORMED {text}, at byte {at}");
                write!(line, "{}", wrong(text))?;
                match code {
                    Some(code) => write!(line, " ({code})"),
                    None => Ok(()),
                }
            }
            What::Missing => write!(
                line,
                "{}",
                wrong(format!(
                    "MISSING {}, the capture does not have them",
                    bytes(len)
                ))
            ),
            What::Passed => write!(
                line,
                "{}",
                aside(format!("passed over {} before a frame begins", bytes(len)))
            ),
            What::Incomplete { needed } => {
                let text = format!(
                    "INCOMPLETE {} of a frame, {needed} more are needed",
                    bytes(len)
                );
                write!(line, "{}", wrong(text))
            }
            What::Unread => write!(
                line,
                "{}",
                aside(format!(
                    "{} not read, from the malformed frame on",
                    bytes(len)
                ))
            ),
        }
    }

    fn v3(&self, line: &mut String, frame: &Frame<'_>) -> fmt::Result {
        let name = frame.name();
        let shown = frame.to_string();
        let rest = shown.strip_prefix(name).unwrap_or_default();
        write!(line, "{}{rest}", Styled(self.style(NAME), name))?;
        match frame {
            Frame::Data(data) => self.payload(line, data.payload, data.kind.raw),
            Frame::Volatile(volatile) => self.payload(line, volatile.payload, volatile.raw),
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Reject(_)
            | Frame::Ack(_)
            | Frame::Ping(_)
            | Frame::Pong(_)
            | Frame::GoAway(_)
            | Frame::Close(_)
            | Frame::Skipped { .. } => Ok(()),
        }
    }

    fn v2(&self, line: &mut String, frame: &v2::Frame<'_>) -> fmt::Result {
        write!(line, "{} id=", Styled(self.style(NAME), v2_name(frame)))?;
        match frame.id {
            v2::Id::Text(id) => text(id, line)?,
            id @ v2::Id::Cbor(_) => write!(line, "{id}")?,
        }
        write!(line, " len={}", frame.data.len())?;
        self.payload(line, frame.data, false)
    }

    fn payload(&self, line: &mut String, bytes: &[u8], is_raw: bool) -> fmt::Result {
        if self.payload == 0 {
            return Ok(());
        }
        let max = self.payload;
        write!(line, " {}", Diagnostic { bytes, is_raw, max })
    }
}

fn bytes(count: usize) -> String {
    match count {
        1 => "1 byte".to_owned(),
        count => format!("{count} bytes"),
    }
}

/// Nothing that a terminal would act on.
pub(super) fn shown_character(character: char) -> Vec<char> {
    match character {
        '\'' | '"' | '\\' => vec![character],
        other => other.escape_debug().collect(),
    }
}

/// What looks like an acknowledgement counts as one only where one is awaited (V2-11).
fn v2_name(frame: &v2::Frame<'_>) -> &'static str {
    match frame.is_acknowledgement() {
        true => "ACKNOWLEDGEMENT",
        false => "MESSAGE",
    }
}

fn json_line(place: &Place, found: &Found<'_>, with_payload: bool) -> Map<String, Json> {
    let mut object = Map::new();
    let mut add = |name: &str, value: Json| object.insert(name.to_owned(), value);
    match place.segment {
        Some(segment) => {
            add("connection", segment.connection.into());
            let from = if segment.is_from_client {
                "client"
            } else {
                "server"
            };
            add("from", from.into());
            add("time", segment.time.as_secs_f64().into());
        }
        None => {
            add("stream", place.stream.into());
        }
    }
    add("offset", found.at.into());
    add("length", found.len.into());
    let (name, value): (&str, Json) = match &found.what {
        What::Preface => ("frame", "PREFACE".into()),
        What::V2(frame) => {
            add("protocol", "v2".into());
            add("fields", fields::of_v2(frame, with_payload).into());
            ("frame", v2_name(frame).into())
        }
        What::V3(frame) => {
            add("protocol", "v3".into());
            add("fields", fields::of_v3(frame, with_payload).into());
            ("frame", frame.name().into())
        }
        What::Tls => ("tls", true.into()),
        What::Malformed { text, at, code } => {
            let code = code.map(|code| code.to_string());
            (
                "malformed",
                json!({ "error": text, "at": at, "code": code }),
            )
        }
        What::Missing => ("missing", true.into()),
        What::Passed => ("passed", true.into()),
        What::Incomplete { needed } => ("incomplete", json!({ "needed": needed })),
        What::Unread => ("unread", true.into()),
    };
    add(name, value);
    object
}
