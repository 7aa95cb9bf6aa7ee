//! CBOR as JSON and JSON as CBOR, by the advice of RFC 8949, sections 6.1 and 6.2.

mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXUPPER};
use korinet::Value;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

pub(crate) use parse::parse;

/// Shows a CBOR value as JSON.
///
/// As section 6.1 has it: byte strings become base64url without padding, or what a tag 21, 22 or 23
/// around them asks for; big integers the base64url of their bytes, behind `~` if negative; numbers
/// that JSON has not, undefined and other simple values become null; other tags are left out.
///
/// A key that is no text becomes its own JSON, in quotes if it is not a string already; an array or map
/// that is a key inside of another key becomes the base64url of its CBOR, since quotes in quotes in
/// quotes would double with each level. Where two keys become the same, the text key keeps its name and
/// the others get `#2`, `#3` and so on behind them: nothing is left out.
pub(crate) struct Json<'a>(pub(crate) &'a Value);

/// What the tags around an item say of the byte strings in it.
#[derive(Clone, Copy)]
enum Hint {
    Base64Url,
    Base64,
    Hex,
}

#[derive(Clone, Copy)]
struct Hinted<'a> {
    value: &'a Value,
    hint: Hint,
    is_in_key: bool,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Hinted {
            value: self.0,
            hint: Hint::Base64Url,
            is_in_key: false,
        }
        .serialize(serializer)
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
                    array.serialize_element(&Self { value, ..*self })?;
                }
                array.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                let mut names = Names::new(entries);
                for (key, value) in entries {
                    let name = names.give(&Self {
                        value: key,
                        ..*self
                    });
                    map.serialize_entry(&name, &Self { value, ..*self })?;
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
                    Self {
                        value,
                        hint,
                        ..*self
                    }
                    .serialize(serializer)
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

/// The names of one object, each given once.
///
/// A peer chooses the keys, so the work stays in proportion to their number: where many are the same,
/// counting goes on where it was.
struct Names<'a> {
    /// The text keys, and whether their name is given already.
    texts: HashMap<&'a str, bool>,
    /// All other names that were given.
    others: HashSet<String>,
    /// Up to where the numbers behind a name are used.
    counts: HashMap<String, u64>,
}

impl<'a> Names<'a> {
    fn new(entries: &'a [(Value, Value)]) -> Self {
        let texts = entries.iter().filter_map(|(key, _)| key.as_str());
        Self {
            texts: texts.map(|text| (text, false)).collect(),
            others: HashSet::new(),
            counts: HashMap::new(),
        }
    }

    fn give(&mut self, key: &Hinted<'a>) -> Cow<'a, str> {
        if let Value::Text(text) = key.value
            && let Some(is_given) = self.texts.get_mut(text.as_str())
            && !std::mem::replace(is_given, true)
        {
            return Cow::Borrowed(text);
        }
        let text = key_text(key);
        let mut name = text.clone();
        while self.texts.contains_key(name.as_str()) || self.others.contains(&name) {
            let count = self.counts.entry(text.clone()).or_insert(1);
            *count += 1;
            name = format!("{text}#{count}");
        }
        self.others.insert(name.clone());
        Cow::Owned(name)
    }
}

fn key_text(key: &Hinted<'_>) -> String {
    if key.is_in_key && is_container(key.value) {
        return BASE64URL_NOPAD.encode(&key.value.to_cbor());
    }
    let key = Hinted {
        is_in_key: true,
        ..*key
    };
    // Writing to memory does not fail; an empty key shows the value all the same.
    let json = serde_json::to_string(&key).unwrap_or_default();
    serde_json::from_str(&json).unwrap_or(json)
}

fn is_container(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Map(_) => true,
        Value::Tag(_, content) => is_container(content),
        Value::Integer(_)
        | Value::Bytes(_)
        | Value::Text(_)
        | Value::Simple(_)
        | Value::Bool(_)
        | Value::Null
        | Value::Undefined
        | Value::Float(_) => false,
    }
}
