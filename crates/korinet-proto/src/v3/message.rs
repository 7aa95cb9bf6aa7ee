use std::fmt;

use bytes::Bytes;
use korinet_wire::v3::{Kind, Seq};

use super::MessageRef;

/// A received message, sharing the memory that it was read into.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Its number in the session it came in.
    pub seq: Seq,
    /// What it is.
    pub kind: Kind,
    /// The message that it answers or continues, where its kind has one.
    pub re: Option<Seq>,
    /// One CBOR item, or any bytes where `kind.raw`. That it is well-formed is not checked (V3-23).
    pub payload: Bytes,
}

impl Message {
    /// The message, where it is.
    #[must_use]
    pub fn as_message_ref(&self) -> MessageRef<'_> {
        MessageRef {
            seq: self.seq,
            kind: self.kind,
            re: self.re,
            payload: &self.payload,
        }
    }
}

/// `Debug` shows the payload's length only, as that of a frame does.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("re", &self.re)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

/// What a message to be sent carries.
#[derive(Clone)]
pub enum Payload<'a> {
    /// Bytes that are copied to where the frame is built: right for small ones.
    Copied(&'a [u8]),
    /// Memory that is kept and written from as it is: right from some ten kilobytes on.
    Shared(Bytes),
}

impl Payload<'_> {
    /// The payload's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Copied(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

/// `Debug` shows the length only.
impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.as_bytes().len();
        match self {
            Self::Copied(_) => write!(f, "Copied({len} bytes)"),
            Self::Shared(_) => write!(f, "Shared({len} bytes)"),
        }
    }
}

/// A received payload without number: it was not acknowledged, and does not come again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Volatile {
    /// Whether the payload is bytes, not CBOR.
    pub raw: bool,
    /// One CBOR item, or any bytes.
    pub payload: Bytes,
}

/// `Debug` shows the payload's length only.
impl fmt::Debug for Volatile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Volatile")
            .field("raw", &self.raw)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}
