use std::fmt;

use bytes::{Bytes, BytesMut};
use korinet_wire::DecodeError;
use korinet_wire::v2::{self as wire, Decoded, Delimited, Id, Limits};

use crate::read_buffer::make_room;

/// A received frame that owns its content, sharing the memory that it was read into.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    id: OwnedId,
    data: Bytes,
}

/// As [`Id`], each as the bytes of it.
#[derive(Clone, PartialEq, Eq)]
enum OwnedId {
    Text(Bytes),
    Cbor(Bytes),
}

impl Frame {
    /// Takes the first frame out of `buffer`.
    ///
    /// `None`: it is not complete yet, and `buffer` now has room for some of the rest.
    ///
    /// # Errors
    ///
    /// As [`korinet_wire::v2::decode`]. `buffer` is of no use after one: where the next frame starts
    /// is not known.
    pub fn decode(buffer: &mut BytesMut, limits: &Limits) -> Result<Option<Self>, DecodeError> {
        let len = match wire::delimit(buffer, limits)? {
            Delimited::Complete { len } => len,
            Delimited::Partial { needed } => {
                make_room(buffer, needed);
                return Ok(None);
            }
        };
        let bytes = buffer.split_to(len).freeze();
        match wire::decode(&bytes, limits)? {
            Decoded::Complete { frame, .. } => Ok(Some(Self::share(&bytes, frame))),
            Decoded::Partial { .. } => Ok(None),
        }
    }

    fn share(bytes: &Bytes, frame: wire::Frame<'_>) -> Self {
        Self {
            id: match frame.id {
                Id::Text(text) => OwnedId::Text(bytes.slice_ref(text.as_bytes())),
                Id::Cbor(cbor) => OwnedId::Cbor(bytes.slice_ref(cbor)),
            },
            data: bytes.slice_ref(frame.data),
        }
    }

    /// The message's id.
    #[must_use]
    pub fn id(&self) -> Id<'_> {
        match &self.id {
            // It was text when it was decoded, so the default is never taken.
            OwnedId::Text(text) => Id::Text(std::str::from_utf8(text).unwrap_or_default()),
            OwnedId::Cbor(cbor) => Id::Cbor(cbor),
        }
    }

    /// The message: one well-formed CBOR map.
    #[must_use]
    pub const fn data(&self) -> &Bytes {
        &self.data
    }

    /// The frame as the wire layer sees it.
    #[must_use]
    pub fn as_wire(&self) -> wire::Frame<'_> {
        wire::Frame {
            id: self.id(),
            data: &self.data,
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_wire().fmt(f)
    }
}
