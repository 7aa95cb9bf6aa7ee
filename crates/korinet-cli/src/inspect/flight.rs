//! Flight records of sessions, as [`korinet::FlightRecord`] shows itself; one after the other, where there are several.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value as Json, json};

use super::lines::Printer;
use super::{name, unreadable};
use crate::args::Inspect;
use crate::failure::Failure;

/// How a record begins; its version is behind it.
const MAGIC: &str = "korinet flight record ";

const VERSION: &str = "1";

/// The longest line that is read, in bytes: no recorder writes one of more than 2,100.
const MAX_LINE: u64 = 4096;

/// What is as long as the shortest of other files' beginnings tells enough.
pub(super) fn is_one(start: &[u8]) -> bool {
    let len = start.len().min(MAGIC.len());
    len >= 4 && MAGIC.as_bytes().starts_with(&start[..len])
}

/// What a line is.
#[derive(Debug, PartialEq)]
enum Line<'a> {
    /// The first of a record: what it is of.
    Record(Map<String, Json>),
    Entry {
        time: &'a str,
        attach: &'a str,
        arrow: &'a str,
        what: &'a str,
    },
}

pub(super) fn read(input: impl Read, args: &Inspect, printer: &mut Printer) -> Result<(), Failure> {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    // How many entries of the record are to come.
    let mut left = 0_u64;
    for number in 1_u64.. {
        line.clear();
        let read = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
        let len = read.map_err(|error| unreadable(&args.file, &error))?;
        let at = |why: String| Failure::Told(format!("line {number}: {why}"));
        if len == 0 {
            break;
        }
        if u64::try_from(len) == Ok(MAX_LINE) {
            let why = format!("longer than {MAX_LINE} bytes, the most that is taken");
            return Err(at(why));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        let parsed = match line {
            "" => continue,
            line => parse(line).map_err(at)?,
        };
        let is_record = matches!(parsed, Line::Record(_));
        if is_record != (left == 0) {
            let why = if is_record {
                format!("a record begins, expected {left} more entries of the one before")
            } else {
                "an entry more than the record says".to_owned()
            };
            return Err(at(why));
        }
        left = match &parsed {
            Line::Record(fields) => fields.get("entries").and_then(Json::as_u64).unwrap_or(0),
            Line::Entry { .. } => left - 1,
        };
        print(line, parsed, printer).map_err(|error| Failure::from_stdout(&error))?;
    }
    if left > 0 {
        printer
            .flush()
            .map_err(|error| Failure::from_stdout(&error))?;
        return Err(Failure::Told(format!(
            "{} ends where {left} more entries are expected",
            name(&args.file)
        )));
    }
    Ok(())
}

fn print(line: &str, parsed: Line<'_>, printer: &mut Printer) -> std::io::Result<()> {
    match parsed {
        Line::Record(fields) => printer.tell(json!({ "record": fields }), &printable(line)),
        Line::Entry {
            time,
            attach,
            arrow,
            what,
        } => {
            let place = format!("{time:>10} {attach:>3} {arrow} ");
            let (frame, fields) = match arrow {
                "*" => ("", what),
                _ => what.split_at(what.find(' ').unwrap_or(what.len())),
            };
            let object = entry_as_json(time, attach, arrow, what);
            printer.print_entry(object, &place, &printable(frame), &printable(fields))
        }
    }
}

fn entry_as_json(time: &str, attach: &str, arrow: &str, what: &str) -> Json {
    let mut object = Map::new();
    let mut add = |name: &str, value: Json| object.insert(name.to_owned(), value);
    add("time", value(time));
    add("attach", value(attach));
    let direction = match arrow {
        "*" => {
            add("change", what.into());
            return object.into();
        }
        ">" => "sent",
        _ => "received",
    };
    add("direction", direction.into());
    let (frame, rest) = what.split_once(' ').unwrap_or((what, ""));
    add("frame", frame.into());
    add("fields", fields(rest).into());
    object.into()
}

fn parse(line: &str) -> Result<Line<'_>, String> {
    if let Some(rest) = line.strip_prefix(MAGIC) {
        let (version, rest) = rest.split_once(':').unwrap_or((rest, ""));
        if version != VERSION {
            let version = printable(version);
            return Err(format!(
                "found a record of version {version}, expected {VERSION}"
            ));
        }
        return Ok(Line::Record(fields(rest)));
    }
    let wrong = || {
        let found: String = printable(line).chars().take(40).collect();
        format!(
            "found \"{found}\", expected seconds, an attach number, one of > < * and what it is"
        )
    };
    let mut words = line.splitn(4, ' ');
    let (Some(time), Some(attach), Some(arrow @ (">" | "<" | "*")), Some(what)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(wrong());
    };
    let is_time = time
        .split_once('.')
        .is_some_and(|(seconds, micros)| is_number(seconds) && is_number(micros));
    if !is_time || !is_number(attach) {
        return Err(wrong());
    }
    Ok(Line::Entry {
        time,
        attach,
        arrow,
        what,
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What is written as `name=value`; other words are left out.
fn fields(text: &str) -> Map<String, Json> {
    let pairs = text.split(' ').filter_map(|word| word.split_once('='));
    pairs
        .map(|(name, text)| (name.to_owned(), value(text)))
        .collect()
}

fn value(text: &str) -> Json {
    if is_number(text)
        && let Ok(number) = text.parse::<u64>()
    {
        return number.into();
    }
    match text {
        "true" => true.into(),
        _ if text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.') =>
        {
            text.parse::<f64>().map_or_else(|_| text.into(), Json::from)
        }
        _ => text.into(),
    }
}

/// Nothing that a terminal would act on: the file may be anyone's.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(super::lines::shown_character)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_record_or_an_entry() {
        let Ok(Line::Record(fields)) =
            parse("korinet flight record 1: side=client at=0.5 dropped=3")
        else {
            panic!("it is the first line of a record");
        };
        assert_eq!(
            Json::Object(fields),
            json!({ "side": "client", "at": 0.5, "dropped": 3 })
        );
        let line = "0.000304 12 > DATA seq=1 kind=message len=11";
        let Ok(Line::Entry { attach, what, .. }) = parse(line) else {
            panic!("it is an entry");
        };
        assert_eq!((attach, what), ("12", "DATA seq=1 kind=message len=11"));
    }

    #[test]
    fn what_is_neither_is_told() {
        for (line, expect) in [
            (
                "korinet flight record 2: x=1",
                "found a record of version 2, expected 1",
            ),
            (
                "korinet flight record 1x",
                "found a record of version 1x, expected 1",
            ),
            ("0.1 1 =", "found \"0.1 1 =\", expected seconds"),
            ("0.1 1 >", "found \"0.1 1 >\", expected seconds"),
            ("1 1 > ACK", "found \"1 1 > ACK\", expected seconds"),
            ("0.1 x > ACK", "found \"0.1 x > ACK\", expected seconds"),
            ("\u{1b}[2J", "found \"\\u{1b}[2J\", expected seconds"),
        ] {
            let found = parse(line).unwrap_err();
            assert!(found.starts_with(expect), "{found}");
        }
    }
}
