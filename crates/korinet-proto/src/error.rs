use std::io;

use korinet_wire::DecodeError;
use korinet_wire::cbor::CborType;
use korinet_wire::v3::PrefaceError;

/// Why a stream of frames broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The peer sent what is no frame. Where the next frame starts is not known, so the connection
    /// is of no use any more.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A message to be sent is not one that the protocol can carry.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The network failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer's first bytes are not the preface of protocol v3.
    #[error(transparent)]
    Preface(#[from] PrefaceError),
    /// The connection ended inside of a frame.
    #[error("connection ended inside of a frame: {missing} more bytes expected")]
    Truncated {
        /// How many bytes were missing, as far as known: up to the end of the length field, or of
        /// the frame.
        missing: usize,
    },
}

/// Why a message cannot be sent: always the caller's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Protocol v2 carries maps only.
    #[error("message is {}, protocol v2 carries only maps", .found.map_or("empty".to_owned(), |found| found.to_string()))]
    NotMap {
        /// What the message is instead; `None` if it has no bytes at all.
        found: Option<CborType>,
    },
    /// The message exceeds the limit.
    #[error("message needs a frame of {len} bytes, the limit is {max}")]
    TooLarge {
        /// The bytes of the frame's body.
        len: usize,
        /// The most bytes that a frame's body may have.
        max: u32,
    },
    /// The message's own implementation of `Encode` failed, with this text, or did not write
    /// exactly one well-formed item.
    #[error("message does not encode: {0}")]
    Value(String),
}
