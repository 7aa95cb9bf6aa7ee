use bytes::Bytes;
use korinet_wire::v3::{Kind, Seq};

/// A received message, sharing the memory that it was read into.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

/// What a message to be sent carries.
#[derive(Debug, Clone)]
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

/// A received payload without number: it was not acknowledged, and does not come again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Volatile {
    /// Whether the payload is bytes, not CBOR.
    pub raw: bool,
    /// One CBOR item, or any bytes.
    pub payload: Bytes,
}
