//! CBOR as JSON and JSON as CBOR, by the advice of RFC 8949, sections 6.1 and 6.2.

use std::collections::HashSet;
use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXUPPER};
use korinet::Value;
use korinet::minicbor::data::Int;
use num_bigint::BigUint;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// Shows a CBOR value as JSON.
///
/// As section 6.1 has it: byte strings become base64url without padding, or what a tag 21, 22 or 23
/// around them asks for; big integers the base64url of their bytes, behind `~` if negative; numbers
/// that JSON has not, undefined and other simple values become null; other tags are left out.
///
/// A key that is no text becomes its own JSON, in quotes if it is not a string already. Where that
/// makes two keys the same, the later ones get `#2`, `#3` and so on behind them: nothing is left out.
pub(crate) struct Json<'a>(pub(crate) &'a Value);

/// What the tags around an item say of the byte strings in it.
#[derive(Clone, Copy)]
enum Hint {
    Base64Url,
    Base64,
    Hex,
}

struct Hinted<'a> {
    value: &'a Value,
    hint: Hint,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        let hint = Hint::Base64Url;
        Hinted { value, hint }.serialize(serializer)
    }
}

impl Hint {
    fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64Url => BASE64URL_NOPAD.encode(bytes),
            Self::Base64 => BASE64.encode(bytes),
            Self::Hex => HEXUPPER.encode(bytes),
        }
    }
}

impl Serialize for Hinted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hint = self.hint;
        match self.value {
            Value::Integer(integer) => serializer.serialize_i128(i128::from(*integer)),
            Value::Bytes(bytes) => serializer.serialize_str(&hint.encode(bytes)),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                for value in items {
                    array.serialize_element(&Self { value, hint })?;
                }
                array.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                let mut used = HashSet::new();
                for (key, value) in entries {
                    let key = distinct(key_text(&Self { value: key, hint }), &mut used);
                    map.serialize_entry(&key, &Self { value, hint })?;
                }
                map.end()
            }
            Value::Tag(tag, content) => match (tag, &**content) {
                (2, Value::Bytes(bytes)) => {
                    serializer.serialize_str(&BASE64URL_NOPAD.encode(bytes))
                }
                (3, Value::Bytes(bytes)) => {
                    serializer.serialize_str(&format!("~{}", BASE64URL_NOPAD.encode(bytes)))
                }
                (tag, value) => {
                    let hint = match tag {
                        21 => Hint::Base64Url,
                        22 => Hint::Base64,
                        23 => Hint::Hex,
                        _ => hint,
                    };
                    Self { value, hint }.serialize(serializer)
                }
            },
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Float(_) | Value::Simple(_) | Value::Null | Value::Undefined => {
                serializer.serialize_unit()
            }
        }
    }
}

fn key_text(key: &Hinted<'_>) -> String {
    match serde_json::to_value(key) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        // Serialising to memory does not fail; an empty key shows it all the same.
        Err(_) => String::new(),
    }
}

fn distinct(key: String, used: &mut HashSet<String>) -> String {
    let mut candidate = key.clone();
    let mut count = 1;
    while !used.insert(candidate.clone()) {
        count += 1;
        candidate = format!("{key}#{count}");
    }
    candidate
}

/// Why a text is no JSON that can be sent.
#[derive(Debug)]
pub(crate) enum ParseError {
    Json(serde_json::Error),
    /// A number that no double can hold.
    Number(String),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => {
                // A line is one value, so the library's line number says nothing.
                let text = error.to_string();
                let what = text.split(" at line ").next().unwrap_or(&text);
                match error.column() {
                    0 => f.write_str(what),
                    column => write!(f, "{what} at column {column}"),
                }
            }
            Self::Number(number) => write!(f, "number {number} is beyond the range of a float"),
        }
    }
}

/// Reads one JSON value: integers of any size stay integers, other numbers become floats.
pub(crate) fn parse(text: &[u8]) -> Result<Value, ParseError> {
    from_json(serde_json::from_slice(text).map_err(ParseError::Json)?)
}

fn from_json(json: serde_json::Value) -> Result<Value, ParseError> {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => from_number(&number.to_string())?,
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => {
            Value::Array(items.into_iter().map(from_json).collect::<Result<_, _>>()?)
        }
        serde_json::Value::Object(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| Ok((Value::Text(key), from_json(value)?)))
                .collect::<Result<_, _>>()?,
        ),
    })
}

fn from_number(text: &str) -> Result<Value, ParseError> {
    if text.contains(['.', 'e', 'E']) {
        return match text.parse() {
            Ok(number) if f64::is_finite(number) => Ok(Value::Float(number)),
            _ => Err(ParseError::Number(text.to_owned())),
        };
    }
    if let Some(integer) = text
        .parse::<i128>()
        .ok()
        .and_then(|n| Int::try_from(n).ok())
    {
        return Ok(Value::Integer(integer));
    }
    let (tag, digits) = match text.strip_prefix('-') {
        Some(digits) => (3, digits),
        None => (2, text),
    };
    let Some(mut number) = BigUint::parse_bytes(digits.as_bytes(), 10) else {
        return Err(ParseError::Number(text.to_owned()));
    };
    if tag == 3 {
        number -= 1_u8;
    }
    Ok(Value::Tag(
        tag,
        Box::new(Value::Bytes(number.to_bytes_be())),
    ))
}

#[cfg(test)]
mod tests;
