//! Frames of protocol v2: what the Python package `korinet` 0.0.1a1.dev1 speaks.
//!
//! ```text
//! length: u32 big-endian | length bytes: one CBOR map {"data": <map>, "id": <text>}
//! ```
//!
//! A sender writes `data` first and an id of 32 random lowercase hex digits. A receiver takes more:
//! the keys in any order, other keys, indefinite lengths, an id of any type, and bytes after the map
//! within the frame; of a key that comes twice, the last one counts.
//!
//! The rules are in the crate's `PROTOCOL.md`, V2-1 to V2-7.
//!
//! The layers above use frames in two ways. Raw, a frame is a message. Between client and server
//! each message is answered by an acknowledgement, the frame with the data [`ACKNOWLEDGEMENT`] and
//! an id of its own.

mod id;

pub use crate::framing::Delimited;
pub use id::{Id, MessageId};

use minicbor::encode::Write;

use crate::cbor::{CborType, Head, MAX_DEPTH, Reader, is_text};
use crate::framing;
use crate::{DecodeError, DecodeErrorKind, EncodeError};

/// The bytes of `length` before each frame's body.
pub const PREFIX_LEN: usize = framing::PREFIX_LEN;

/// The `data` of an acknowledgement, as CBOR: `{"statusP": true}`.
pub const ACKNOWLEDGEMENT: &[u8] = b"\xa1\x67statusP\xf5";

/// What a frame may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a frame's body, that is the largest legal `length`.
    ///
    /// The Python package takes 524,288 and refuses more, which is the default here; its sender
    /// knows no limit.
    pub max_frame: u32,
    /// The most levels of arrays, maps and tags inside each other, `data` itself being the first; at
    /// most [`MAX_DEPTH`]. 64 by default.
    pub max_depth: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame: 524_288,
            max_depth: 64,
        }
    }
}

/// What [`decode`] found at the start of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A whole frame.
    Complete {
        /// The frame.
        frame: Frame<'a>,
        /// The bytes that it takes up in the input, prefix included.
        len: usize,
    },
    /// The beginning of a frame.
    Partial {
        /// How many bytes are missing for the next step, at least one: up to the end of the prefix,
        /// or, once that is there, up to the end of the frame.
        needed: usize,
    },
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message's id.
    pub id: Id<'a>,
    /// The message: one well-formed CBOR map.
    pub data: &'a [u8],
}

/// Finds the end of the frame that `input` starts with, without a look into it.
///
/// # Errors
///
/// A length of zero or above the limit.
pub fn delimit(input: &[u8], limits: &Limits) -> Result<Delimited, DecodeError> {
    framing::delimit(input, limits.max_frame)
}

/// Decodes the frame that `input` starts with.
///
/// Costs nothing but a look at the prefix until the frame is complete, so it can be called again
/// after each read.
///
/// # Errors
///
/// What the peer did wrong, as soon as it shows: a length of zero or above the limit when the
/// prefix is there, all else when the frame is complete. There is no way to go on after an error:
/// where the next frame starts is not known.
pub fn decode<'a>(input: &'a [u8], limits: &Limits) -> Result<Decoded<'a>, DecodeError> {
    let len = match delimit(input, limits)? {
        Delimited::Complete { len } => len,
        Delimited::Partial { needed } => return Ok(Decoded::Partial { needed }),
    };
    match Frame::decode_body(framing::body(input, len), limits.max_depth) {
        Ok(frame) => Ok(Decoded::Complete { frame, len }),
        Err(error) => Err(framing::from_prefix(error)),
    }
}

impl<'a> Frame<'a> {
    /// Decodes a frame's body, that is the bytes after the prefix.
    ///
    /// # Errors
    ///
    /// As [`decode`], with offsets into `body`.
    pub fn decode_body(body: &'a [u8], max_depth: u8) -> Result<Self, DecodeError> {
        let mut data = None;
        let mut id = None;
        let mut pairs = Pairs::open(body, max_depth)?;
        while let Some((key, value)) = pairs.next()? {
            if is_text(key, b"data") {
                data = Some((value, pairs.reader.at));
            } else if is_text(key, b"id") {
                id = Some(value);
            }
        }
        let end = pairs.reader.at;
        let missing = |key| DecodeError {
            kind: DecodeErrorKind::MissingKey(key),
            at: end,
        };
        let (data, data_end) = data.ok_or_else(|| missing("data"))?;
        let id = id.ok_or_else(|| missing("id"))?;
        match CborType::of(data) {
            Some(CborType::Map) => Ok(Self {
                id: Id::from_cbor(id),
                data,
            }),
            found => Err(DecodeError {
                kind: DecodeErrorKind::DataNotMap {
                    found: found.unwrap_or(CborType::Simple),
                },
                at: data_end.saturating_sub(data.len()),
            }),
        }
    }

    /// The bytes that [`encode`](Self::encode) writes, prefix included.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        PREFIX_LEN.saturating_add(self.body_len())
    }

    /// Writes the frame: prefix, then `{"data": …, "id": …}`.
    ///
    /// `data` is taken as it is; that it is *one* well-formed map is the caller's part.
    ///
    /// # Errors
    ///
    /// Nothing is written where the frame would exceed `limits.max_frame` or `data` does not start
    /// with a map. After an error of the writer, a part may be written.
    pub fn encode<W: Write>(
        &self,
        limits: &Limits,
        mut writer: W,
    ) -> Result<(), EncodeError<W::Error>> {
        match CborType::of(self.data) {
            Some(CborType::Map) => {}
            found => return Err(EncodeError::DataNotMap { found }),
        }
        let len = self.body_len();
        let prefix = match u32::try_from(len) {
            Ok(prefix) if prefix <= limits.max_frame => prefix,
            _ => {
                return Err(EncodeError::FrameTooLarge {
                    len,
                    max: limits.max_frame,
                });
            }
        };
        let mut write = |bytes: &[u8]| writer.write_all(bytes).map_err(EncodeError::Write);
        write(&prefix.to_be_bytes())?;
        write(BEFORE_DATA)?;
        write(self.data)?;
        write(BEFORE_ID)?;
        self.id.write(&mut write)
    }

    fn body_len(&self) -> usize {
        BEFORE_DATA
            .len()
            .saturating_add(self.data.len())
            .saturating_add(BEFORE_ID.len())
            .saturating_add(self.id.encoded_len())
    }

    /// Whether this is an acknowledgement by its content: a map of nothing but `"statusP"` and
    /// `true`, in any encoding.
    ///
    /// An application's own message can look the same, so the content decides only where an
    /// acknowledgement is awaited.
    #[must_use]
    pub fn is_acknowledgement(&self) -> bool {
        if self.data == ACKNOWLEDGEMENT {
            return true;
        }
        let Ok(mut pairs) = Pairs::open(self.data, MAX_DEPTH) else {
            return false;
        };
        matches!(pairs.next(), Ok(Some((key, b"\xf5"))) if is_text(key, b"statusP"))
            && matches!(pairs.next(), Ok(None))
    }
}

/// The head of a map of two, and the key `"data"`.
const BEFORE_DATA: &[u8] = b"\xa2\x64data";
/// The key `"id"`.
const BEFORE_ID: &[u8] = b"\x62id";

/// A key and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs of a map, each checked as it is passed.
struct Pairs<'a> {
    reader: Reader<'a>,
    /// How many are left, `None` where a break ends them.
    left: Option<u64>,
    max_depth: u8,
}

impl<'a> Pairs<'a> {
    fn open(input: &'a [u8], max_depth: u8) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(input);
        let Head { ty, arg } = reader.head()?;
        if ty != CborType::Map {
            return Err(DecodeError {
                kind: DecodeErrorKind::NotMap { found: ty },
                at: 0,
            });
        }
        Ok(Self {
            reader,
            left: arg,
            max_depth,
        })
    }

    fn next(&mut self) -> Result<Option<Pair<'a>>, DecodeError> {
        match self.left {
            Some(left) => match left.checked_sub(1) {
                Some(fewer) => self.left = Some(fewer),
                None => return Ok(None),
            },
            None if self.reader.take_break() => {
                self.left = Some(0);
                return Ok(None);
            }
            None => {}
        }
        let key = self.item()?;
        if self.left.is_none() && self.reader.is_at_break() {
            return Err(DecodeError {
                kind: DecodeErrorKind::OddMap,
                at: self.reader.at,
            });
        }
        let value = self.item()?;
        Ok(Some((key, value)))
    }

    fn item(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.reader.at;
        self.reader.skip_item(self.max_depth)?;
        Ok(self.reader.since(start))
    }
}

#[cfg(test)]
mod tests;
