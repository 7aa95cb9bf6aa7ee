//! Byte strings that stay in the memory of the message that they came in: for fields of derived types.
//!
//! A `Vec<u8>` of a mebibyte is a copy of a mebibyte, into memory that the system has to find first. This takes a share
//! instead, where the field has 16 KiB or more; smaller ones are copied, since a share keeps the whole message in memory,
//! and what else was read with it, up to 256 KiB.
//!
//! ```
//! use bytes::Bytes;
//! use korinet::minicbor::{self, Decode, Encode};
//!
//! #[derive(Encode, Decode)]
//! struct Picture {
//!     #[n(0)] name: String,
//!     #[cbor(n(1), with = "korinet::shared_bytes")] pixels: Bytes,
//! }
//! # let picture = Picture { name: "roof".into(), pixels: Bytes::from_static(b"\x07") };
//! # let decoded: Picture = minicbor::decode(&minicbor::to_vec(&picture)?)?;
//! # assert_eq!(decoded.pixels, picture.pixels);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Messages are decoded so by [`Message::decode`](crate::Message::decode), [`Session::recv_as`](crate::Session::recv_as)
//! and where answers and items of calls are decoded. A decoder that knows nothing of a message, such as
//! [`minicbor::decode()`], copies.

use std::cell::Cell;

use bytes::Bytes;
use minicbor::decode::Error as DecodeError;
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decoder, Encoder};

/// From this many bytes on a byte string is shared.
const SHARED_FROM: usize = 16 * 1024;

thread_local! {
    /// The message that is being decoded.
    static MESSAGE: Cell<Bytes> = const { Cell::new(Bytes::new()) };
}

/// Writes a byte string.
///
/// # Errors
///
/// Those of the encoder's writer.
pub fn encode<C, W: Write>(
    bytes: &Bytes,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    encoder.bytes(bytes)?.ok()
}

/// Reads a byte string of definite length.
///
/// # Errors
///
/// There is something else.
pub fn decode<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Bytes, DecodeError> {
    let bytes = decoder.bytes()?;
    if bytes.len() < SHARED_FROM {
        return Ok(Bytes::copy_from_slice(bytes));
    }
    let message = MESSAGE.take();
    let shared = share_of(&message, bytes).unwrap_or_else(|| Bytes::copy_from_slice(bytes));
    MESSAGE.set(message);
    Ok(shared)
}

/// Decodes with `decode` what is in `memory`, for byte strings to have shares of it.
#[inline]
pub(crate) fn decoding<R>(memory: &Bytes, len: usize, decode: impl FnOnce() -> R) -> R {
    if len < SHARED_FROM {
        return decode();
    }
    // A message may be decoded within another, and decoding may panic.
    let _before = Restored(MESSAGE.replace(memory.clone()));
    decode()
}

/// What is put back at the end.
struct Restored(Bytes);

impl Drop for Restored {
    fn drop(&mut self) {
        MESSAGE.set(std::mem::take(&mut self.0));
    }
}

/// These bytes as a part of `memory`, if they are in there.
fn share_of(memory: &Bytes, bytes: &[u8]) -> Option<Bytes> {
    let at = bytes.as_ptr().addr().checked_sub(memory.as_ptr().addr())?;
    let end = at.checked_add(bytes.len())?;
    (end <= memory.len()).then(|| memory.slice(at..end))
}

#[cfg(test)]
mod tests {
    use minicbor::{Decode, Encode};

    use super::*;
    use crate::Message;

    #[derive(Debug, PartialEq, Encode, Decode)]
    struct Two {
        #[cbor(n(0), with = "crate::shared_bytes")]
        small: Bytes,
        #[cbor(n(1), with = "crate::shared_bytes")]
        large: Bytes,
    }

    fn two(large: usize) -> (Two, Bytes) {
        let two = Two {
            small: Bytes::from_static(&[7; 100]),
            large: vec![8; large].into(),
        };
        let encoded = minicbor::to_vec(&two).unwrap().into();
        (two, encoded)
    }

    fn is_in(part: &Bytes, memory: &Bytes) -> bool {
        share_of(memory, part).is_some()
    }

    #[test]
    fn large_byte_strings_of_a_message_are_shared_and_small_ones_copied() {
        for (large, shared) in [
            (SHARED_FROM - 1, false),
            (SHARED_FROM, true),
            (1 << 20, true),
        ] {
            let (expected, encoded) = two(large);
            let message = Message::volatile(false, encoded.clone());
            let decoded: Two = message.decode().unwrap();
            assert_eq!(decoded, expected);
            assert!(!is_in(&decoded.small, &encoded));
            assert_eq!(is_in(&decoded.large, &encoded), shared, "{large}");
        }
        assert!(MESSAGE.take().is_empty());
    }

    #[test]
    fn without_a_message_all_are_copied() {
        let (expected, encoded) = two(1 << 20);
        let decoded: Two = minicbor::decode(&encoded).unwrap();
        assert_eq!(decoded, expected);
        assert!(!is_in(&decoded.large, &encoded));
    }

    #[test]
    fn a_message_within_a_message_has_its_own_memory() {
        /// Decodes another message before its own byte string.
        struct Outer(Bytes, Bytes);

        impl<'b, C> Decode<'b, C> for Outer {
            fn decode(decoder: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, DecodeError> {
                let (_, other) = two(1 << 18);
                let inner: Two = Message::volatile(false, other.clone()).decode()?;
                assert!(is_in(&inner.large, &other));
                Ok(Self(inner.large, decode(decoder, ctx)?))
            }
        }

        let own: Bytes = minicbor::to_vec(minicbor::bytes::ByteVec::from(vec![1; 1 << 19]))
            .unwrap()
            .into();
        let outer: Outer = Message::volatile(false, own.clone()).decode().unwrap();
        assert!(is_in(&outer.1, &own) && !is_in(&outer.0, &own));
        let failed = Message::volatile(false, vec![0xff; 1 << 15].into()).decode::<Two>();
        assert!(failed.is_err() && MESSAGE.take().is_empty());
    }
}
