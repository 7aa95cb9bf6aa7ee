use super::frame::{HELLO, REJECT, WELCOME};
use super::{Delimited, Frame};
use crate::cbor::{CborType, MAX_DEPTH, Reader};
use crate::{DecodeError, framing};

/// What [`decode`] found at the start of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack only, from one call to the next, and there is no allocator"
)]
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

/// Finds the end of the frame that `input` starts with, without a look into it.
///
/// # Errors
///
/// A length of zero, or above `max_frame` (V3-8).
#[inline]
pub fn delimit(input: &[u8], max_frame: u32) -> Result<Delimited, DecodeError> {
    framing::delimit(input, max_frame)
}

/// Decodes the frame that `input` starts with; its body may have up to `max_frame` bytes, see
/// [`max_frame`](super::max_frame).
///
/// Costs nothing but a look at the prefix until the frame is complete, so it can be called again
/// after each read.
///
/// # Errors
///
/// What the peer did wrong, as soon as it shows: a length of zero or above the limit when the
/// prefix is there, all else when the frame is complete. There is no way to go on after an error
/// (V3-9).
pub fn decode(input: &[u8], max_frame: u32) -> Result<Decoded<'_>, DecodeError> {
    let len = match delimit(input, max_frame)? {
        Delimited::Complete { len } => len,
        Delimited::Partial { needed } => return Ok(Decoded::Partial { needed }),
    };
    match Frame::decode_body(framing::body(input, len)) {
        Ok(frame) => Ok(Decoded::Complete { frame, len }),
        Err(error) => Err(framing::from_prefix(error)),
    }
}

/// The encoded map that the proof of a HELLO, WELCOME or REJECT covers (V3-31), from the body that
/// the frame was decoded from; `None` for other bodies.
#[must_use]
pub fn signed_part(body: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(body);
    let array = reader.head().ok()?;
    let ty = reader.head().ok()?;
    let is_proven = matches!(ty.arg, Some(HELLO | WELCOME | REJECT));
    let start = reader.at;
    if array.ty != CborType::Array || ty.ty != CborType::Unsigned || !is_proven {
        return None;
    }
    reader.skip_item(MAX_DEPTH).ok()?;
    let map = reader.since(start);
    (CborType::of(map) == Some(CborType::Map)).then_some(map)
}
