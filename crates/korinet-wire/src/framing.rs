//! The length before each frame, which v2 and v3 share.

use crate::{DecodeError, DecodeErrorKind, Opening};

/// The bytes of `length` before each frame's body.
pub(crate) const PREFIX_LEN: usize = 4;

/// Where the frame ends that an input starts with, as `delimit` found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimited {
    /// The frame takes up the first `len` bytes of the input, prefix included.
    Complete {
        /// That many.
        len: usize,
    },
    /// The beginning of a frame.
    Partial {
        /// How many bytes are missing for the next step, at least one: up to the end of the prefix,
        /// or, once that is there, up to the end of the frame.
        needed: usize,
    },
}

/// Finds the end of the frame that `input` starts with; its body may have up to `max_frame` bytes.
#[inline]
pub(crate) fn delimit(input: &[u8], max_frame: u32) -> Result<Delimited, DecodeError> {
    let Some((prefix, rest)) = input.split_first_chunk::<PREFIX_LEN>() else {
        return Ok(Delimited::Partial {
            needed: PREFIX_LEN.saturating_sub(input.len()),
        });
    };
    let len = u32::from_be_bytes(*prefix);
    let error = |kind| Err(DecodeError { kind, at: 0 });
    let body_len = match usize::try_from(len) {
        Ok(0) => return error(DecodeErrorKind::EmptyFrame),
        Ok(body_len) if len <= max_frame => body_len,
        _ => {
            return error(DecodeErrorKind::FrameTooLarge {
                len,
                max: max_frame,
                looks_like: Opening::guess(prefix),
            });
        }
    };
    Ok(match body_len.checked_sub(rest.len()) {
        None | Some(0) => Delimited::Complete {
            len: PREFIX_LEN.saturating_add(body_len),
        },
        Some(needed) => Delimited::Partial { needed },
    })
}

/// The body of the frame that takes up the first `len` bytes of `input`.
pub(crate) fn body(input: &[u8], len: usize) -> &[u8] {
    input.get(PREFIX_LEN..len).unwrap_or_default()
}

/// The place of an error in a body, seen from the start of its frame.
pub(crate) fn from_prefix(error: DecodeError) -> DecodeError {
    DecodeError {
        at: error.at.saturating_add(PREFIX_LEN),
        ..error
    }
}
