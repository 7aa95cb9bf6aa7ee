//! A message of any shape: [`Value`] holds whatever CBOR can carry.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use minicbor::data::Int;

pub use decode::ValueError;

/// Any CBOR data item (RFC 8949), for messages whose shape is not known beforehand.
///
/// Nothing is interpreted and nothing is lost: map entries keep their order, keys of any type and repeated keys
/// stay, tags are kept with their content (an integer outside `-2^64..2^64` is tag 2 or 3 around bytes). Only
/// spelling is not kept: an item of indefinite length becomes definite, and a number is written again in its
/// shortest form.
///
/// Two values that hold NaN are not equal, as with `f64`.
///
/// ```
/// use korinet::Value;
///
/// let ping = Value::Map(vec![("type".into(), "ping".into()), ("num".into(), 1.into())]);
/// assert_eq!(Value::from_cbor(&ping.to_cbor())?, ping);
/// assert_eq!(ping.get("num").and_then(Value::as_i64), Some(1));
/// # Ok::<(), korinet::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An integer from -2^64 to 2^64 - 1.
    Integer(Int),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// The entries of a map in the order of the wire.
    Map(Vec<(Self, Self)>),
    /// A tag number and what it applies to.
    Tag(u64, Box<Self>),
    /// A simple value without a variant of its own: 0 to 19 or 32 to 255.
    ///
    /// Decoding yields no others. If put in by hand, 20 to 23 are written as the false, true, null and undefined
    /// that they mean, and 24 to 31, for which CBOR has no encoding, as undefined.
    Simple(u8),
    /// False or true.
    Bool(bool),
    /// Null.
    Null,
    /// Undefined.
    Undefined,
    /// A floating-point number of any width.
    Float(f64),
}

impl Value {
    /// The text, if this is a text string.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The integer, if this is one and it fits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(int) = self {
            (*int).try_into().ok()
        } else {
            None
        }
    }

    /// The integer, if this is one, not negative.
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Integer(int) = self {
            (*int).try_into().ok()
        } else {
            None
        }
    }

    /// The truth value, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self {
            Some(*bool)
        } else {
            None
        }
    }

    /// The number, if this is a floating-point number; an integer is not converted.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Float(float) = self {
            Some(*float)
        } else {
            None
        }
    }

    /// The bytes, if this is a byte string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(bytes) = self {
            Some(bytes)
        } else {
            None
        }
    }

    /// The items, if this is an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self {
            Some(items)
        } else {
            None
        }
    }

    /// The entries in the order of the wire, if this is a map.
    pub fn as_map(&self) -> Option<&[(Self, Self)]> {
        if let Self::Map(entries) = self {
            Some(entries)
        } else {
            None
        }
    }

    /// The value under a text key, if this is a map that has it.
    ///
    /// If the key is there more than once, the last one counts, as in a Python dictionary made from the same bytes.
    /// The entries are searched one by one.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let (_, value) = self
            .as_map()?
            .iter()
            .rev()
            .find(|(k, _)| k.as_str() == Some(key))?;
        Some(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<Vec<Self>> for Value {
    fn from(items: Vec<Self>) -> Self {
        Self::Array(items)
    }
}
