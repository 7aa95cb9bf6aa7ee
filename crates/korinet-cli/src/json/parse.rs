//! JSON to CBOR, by RFC 8949, section 6.2.

use std::collections::HashSet;
use std::fmt;
use std::str;

use korinet::Value;
use korinet::minicbor::data::Int;
use num_bigint::BigUint;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Why a text is no JSON that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ParseError {
    what: String,
    /// In bytes, from 1.
    column: usize,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.what, self.column)
    }
}

/// Reads one JSON value: integers of any size stay integers, numbers with a point or an exponent become
/// floats, keys keep their order.
///
/// A key that is there twice is an error: there is no telling which of the two was meant.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    let text = str::from_utf8(text).map_err(|error| ParseError {
        what: "text is not UTF-8".to_owned(),
        column: error.valid_up_to() + 1,
    })?;
    let line = Line { text };
    line.value(line.read(text)?, 0)
}

/// What is read. Values are taken from it as text first, level by level: only so do numbers come out as
/// they were written.
struct Line<'a> {
    text: &'a str,
}

impl<'a> Line<'a> {
    fn value(&self, raw: &'a RawValue, depth: usize) -> Result<Value, ParseError> {
        let json = raw.get();
        let first = json.bytes().next();
        if matches!(first, Some(b'{' | b'[')) && depth == Value::MAX_DEPTH {
            return Err(self.error(json, format!("nesting exceeds limit {depth}")));
        }
        Ok(match first {
            Some(b'{') => {
                let mut keys = HashSet::new();
                let mut map = Vec::new();
                for (key, value) in self.read::<Entries<'a>>(json)?.0 {
                    if !keys.insert(key.clone()) {
                        return Err(
                            self.error(value.get(), format!("second value for key {key:?}"))
                        );
                    }
                    map.push((Value::Text(key), self.value(value, depth + 1)?));
                }
                Value::Map(map)
            }
            Some(b'[') => {
                let items = self.read::<Vec<&RawValue>>(json)?.into_iter();
                Value::Array(
                    items
                        .map(|item| self.value(item, depth + 1))
                        .collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => Value::Text(self.read(json)?),
            Some(b't' | b'f') => Value::Bool(self.read(json)?),
            Some(b'n') => Value::Null,
            _ => number(json).ok_or_else(|| {
                self.error(
                    json,
                    format!("number {json} is beyond the range of a float"),
                )
            })?,
        })
    }

    fn read<T: Deserialize<'a>>(&self, json: &'a str) -> Result<T, ParseError> {
        serde_json::from_str(json).map_err(|error| {
            let text = error.to_string();
            // The library's line and column count from the part that it was given.
            let what = text.split(" at line ").next().unwrap_or(&text);
            let mut lines = json.split_inclusive('\n');
            let before: usize = lines
                .by_ref()
                .take(error.line().saturating_sub(1))
                .map(str::len)
                .sum();
            ParseError {
                what: what.to_owned(),
                column: self.offset(json) + before + error.column(),
            }
        })
    }

    fn error(&self, part: &str, what: String) -> ParseError {
        let column = self.offset(part) + 1;
        ParseError { what, column }
    }

    /// Where a part of the line begins.
    fn offset(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

/// The entries of an object, all of them and in their order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(InOrder).map(Self)
    }
}

/// A JSON number as CBOR; `None` if it is a fraction that no double can hold.
fn number(json: &str) -> Option<Value> {
    if json.contains(['.', 'e', 'E']) {
        let number: f64 = json.parse().ok()?;
        return number.is_finite().then_some(Value::Float(number));
    }
    if let Ok(number) = json.parse::<i128>()
        && let Ok(integer) = Int::try_from(number)
    {
        return Some(Value::Integer(integer));
    }
    let (tag, digits) = match json.strip_prefix('-') {
        Some(digits) => (3, digits),
        None => (2, json),
    };
    let mut magnitude = BigUint::parse_bytes(digits.as_bytes(), 10)?;
    if tag == 3 {
        // Tag 3 stands for -1 - n.
        magnitude -= 1_u8;
    }
    let bytes = Value::Bytes(magnitude.to_bytes_be());
    Some(Value::Tag(tag, Box::new(bytes)))
}
