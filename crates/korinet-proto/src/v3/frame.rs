use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use korinet_wire::DecodeError;
use korinet_wire::v3::{self as wire, Delimited, PREFIX_LEN};

use super::Message;
use crate::read_buffer::make_room;

/// A received frame that owns its content, sharing the memory that it was read into.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    body: Bytes,
}

impl Frame {
    /// Takes the first frame out of `buffer`.
    ///
    /// `None`: it is not complete yet, and `buffer` now has room for some of the rest.
    ///
    /// # Errors
    ///
    /// As [`korinet_wire::v3::decode`]. `buffer` is of no use after one: where the next frame starts
    /// is not known.
    pub fn decode(buffer: &mut BytesMut, max_frame: u32) -> Result<Option<Self>, DecodeError> {
        match wire::delimit(buffer, max_frame)? {
            Delimited::Complete { len } => {
                let mut body = buffer.split_to(len).freeze();
                body.advance(PREFIX_LEN);
                wire::Frame::decode_body(&body)?;
                Ok(Some(Self { body }))
            }
            Delimited::Partial { needed } => {
                make_room(buffer, needed);
                Ok(None)
            }
        }
    }

    /// The frame, borrowed.
    ///
    /// # Errors
    ///
    /// None in fact: the bytes were decoded once.
    pub fn as_wire(&self) -> Result<wire::Frame<'_>, DecodeError> {
        wire::Frame::decode_body(&self.body)
    }

    /// The frame's body: its bytes without the length prefix.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_wire() {
            Ok(frame) => write!(f, "Frame({frame})"),
            Err(error) => write!(f, "Frame({error})"),
        }
    }
}

/// The message in a DATA frame that this side has encoded.
pub(super) fn message_of(frame: &Bytes) -> Option<Message> {
    let body = frame.get(PREFIX_LEN..)?;
    match wire::Frame::decode_body(body) {
        Ok(wire::Frame::Data(data)) => Some(Message {
            seq: data.seq,
            kind: data.kind,
            re: data.re,
            payload: frame.slice_ref(data.payload),
        }),
        _ => None,
    }
}
