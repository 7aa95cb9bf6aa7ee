//! CBOR to [`Value`]: bytes from a peer, so nothing that they declare is believed.

use minicbor::{Decode, Decoder, decode};

use super::Value;

const BREAK: u8 = 0xff;

/// Why bytes are not a [`Value`]. Offsets count bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// The input ends before the item does.
    #[error("input ends within the item at byte {offset}")]
    UnexpectedEnd {
        /// Where the item begins.
        offset: usize,
    },
    /// What is there is not well-formed CBOR.
    #[error(
        "malformed item at byte {offset}: no item can begin with or contain what follows 0x{head:02x}"
    )]
    Malformed {
        /// Where the item begins.
        offset: usize,
        /// The item's first byte.
        head: u8,
    },
    /// A text string holds something else than UTF-8.
    #[error("text at byte {offset} is not utf-8")]
    InvalidUtf8 {
        /// Where the text string begins.
        offset: usize,
    },
    /// Arrays, maps and tags are nested too deep.
    #[error("item at byte {offset} is nested deeper than {limit} levels")]
    TooDeep {
        /// Where the first item beyond the limit begins.
        offset: usize,
        /// The limit, [`Value::MAX_DEPTH`].
        limit: usize,
    },
    /// There are bytes after the item.
    #[error("{count} bytes follow the item, which ends at byte {offset}: expected none")]
    TrailingBytes {
        /// Where the item ended.
        offset: usize,
        /// How many bytes follow.
        count: usize,
    },
}

impl Value {
    /// How deep arrays, maps and tags may be nested in a value that is decoded: 64 levels.
    ///
    /// Decoding recurses once for each level, so this bounds the stack that a peer can make it use.
    pub const MAX_DEPTH: usize = 64;

    /// Decodes the one item that `cbor` consists of.
    ///
    /// Memory is taken as items are read, never by a declared length; it can reach about 64 times the input, twice
    /// the size of a `Value` for each byte of an array of small numbers.
    ///
    /// # Errors
    ///
    /// If the bytes are not well-formed CBOR, are nested deeper than [`Self::MAX_DEPTH`], or go on after the item.
    pub fn from_cbor(cbor: &[u8]) -> Result<Self, ValueError> {
        let mut decoder = Decoder::new(cbor);
        let value = item(&mut decoder, 0)?;
        let offset = decoder.position();
        match cbor.len() - offset {
            0 => Ok(value),
            count => Err(ValueError::TrailingBytes { offset, count }),
        }
    }
}

impl<'b, C> Decode<'b, C> for Value {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        item(d, 0).map_err(|error| match error {
            ValueError::UnexpectedEnd { offset } => decode::Error::end_of_input().at(offset),
            ValueError::Malformed { offset, .. }
            | ValueError::InvalidUtf8 { offset }
            | ValueError::TooDeep { offset, .. }
            | ValueError::TrailingBytes { offset, .. } => decode::Error::custom(error).at(offset),
        })
    }
}

/// Decodes the next item, which is inside `depth` arrays, maps and tags.
fn item(d: &mut Decoder<'_>, depth: usize) -> Result<Value, ValueError> {
    let offset = d.position();
    let head = peek(d).ok_or(ValueError::UnexpectedEnd { offset })?;
    let (major, info) = (head >> 5, head & 0x1f);
    if (4..=6).contains(&major) && depth == Value::MAX_DEPTH {
        return Err(ValueError::TooDeep {
            offset,
            limit: Value::MAX_DEPTH,
        });
    }
    let place = |error| classify(&error, offset, head);
    Ok(match (major, info) {
        (0 | 1, _) => Value::Integer(d.int().map_err(place)?),
        (2, 31) => {
            let chunks: Result<Vec<&[u8]>, _> = d.bytes_iter().map_err(place)?.collect();
            Value::Bytes(chunks.map_err(place)?.concat())
        }
        (2, _) => Value::Bytes(d.bytes().map_err(place)?.to_vec()),
        (3, 31) => {
            let chunks: Result<Vec<&str>, _> = d.str_iter().map_err(place)?.collect();
            Value::Text(chunks.map_err(place)?.concat())
        }
        (3, _) => Value::Text(d.str().map_err(place)?.to_owned()),
        (4, _) => {
            let length = d.array().map_err(place)?;
            Value::Array(repeat(d, length, |d| item(d, depth + 1))?)
        }
        (5, _) => {
            let length = d.map().map_err(place)?;
            Value::Map(repeat(d, length, |d| {
                Ok((item(d, depth + 1)?, item(d, depth + 1)?))
            })?)
        }
        (6, _) => {
            let tag = d.tag().map_err(place)?;
            Value::Tag(tag.as_u64(), Box::new(item(d, depth + 1)?))
        }
        (_, 20 | 21) => Value::Bool(d.bool().map_err(place)?),
        (_, 22) => d.null().map(|()| Value::Null).map_err(place)?,
        (_, 23) => d.undefined().map(|()| Value::Undefined).map_err(place)?,
        (_, 0..=24) => match d.simple().map_err(place)? {
            // The two-byte form of what fits in one byte is not well-formed (RFC 8949, section 3.3).
            number if info == 24 && number < 32 => {
                return Err(ValueError::Malformed { offset, head });
            }
            number => Value::Simple(number),
        },
        (_, 25..=27) => Value::Float(d.f64().map_err(place)?),
        _ => return Err(ValueError::Malformed { offset, head }),
    })
}

/// Reads `length` elements, or up to the break if the length is indefinite.
///
/// Each element is at least one byte, so a false length ends at the end of the input.
fn repeat<'b, T>(
    d: &mut Decoder<'b>,
    length: Option<u64>,
    mut read: impl FnMut(&mut Decoder<'b>) -> Result<T, ValueError>,
) -> Result<Vec<T>, ValueError> {
    let mut elements = Vec::new();
    if let Some(length) = length {
        for _ in 0..length {
            elements.push(read(d)?);
        }
    } else {
        while peek(d) != Some(BREAK) {
            elements.push(read(d)?);
        }
        d.set_position(d.position() + 1);
    }
    Ok(elements)
}

fn peek(d: &Decoder<'_>) -> Option<u8> {
    d.input().get(d.position()).copied()
}

fn classify(error: &decode::Error, offset: usize, head: u8) -> ValueError {
    let is_utf8 =
        std::error::Error::source(error).is_some_and(|source| source.is::<std::str::Utf8Error>());
    if is_utf8 {
        ValueError::InvalidUtf8 { offset }
    } else if error.is_type_mismatch() {
        ValueError::Malformed { offset, head }
    } else {
        // Besides the plain end this is a length above what this machine can address, which no input can have.
        ValueError::UnexpectedEnd { offset }
    }
}
