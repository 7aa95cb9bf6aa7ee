//! The bytes of the KoriNet protocol: frames to bytes and bytes to frames, nothing else.
//!
//! No sockets, no clock, no decisions about what a frame means: those live in the crates above
//! (`korinet-proto`, `korinet-session`, `korinet`). This crate is `no_std`, needs no allocator, and
//! decodes into views that borrow from the input, so it serves a microcontroller or a dissector as
//! well as a server.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`v2`] | frames of protocol v2, the wire of the Python package `korinet` |
//! | [`v3`] | preface and frames of protocol v3, the project's own |
//! | [`cbor`] | the check that bytes are one well-formed CBOR item, without recursion |
//!
//! ```
//! use korinet_wire::v2::{self, Decoded, Frame, Id, Limits};
//!
//! let limits = Limits::default();
//! let ping = Frame { id: Id::Text("7f"), data: b"\xa1\x64type\x64ping" };
//! let mut buffer = [0; 64];
//! ping.encode(&limits, &mut buffer[..])?;
//!
//! let Decoded::Complete { frame, len } = v2::decode(&buffer, &limits)? else { unreachable!() };
//! assert_eq!(frame, ping);
//! assert_eq!(len, ping.encoded_len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ```
//! use korinet_wire::v3::{self, Ack, Decoded, Frame, Seq};
//!
//! let bytes = b"\0\0\0\x03\x82\x05\x08";
//! let decoded = v3::decode(bytes, v3::MAX_HANDSHAKE_FRAME)?;
//!
//! let Decoded::Complete { frame, .. } = decoded else { unreachable!() };
//! assert_eq!(frame, Frame::Ack(Ack { next: Seq::new(8).unwrap(), digest: None }));
//! assert_eq!(frame.to_string(), "ACK next=8");
//! # Ok::<(), korinet_wire::DecodeError>(())
//! ```
//!
//! # Panics
//!
//! Nothing here panics, whatever the input.

#![no_std]
#![warn(missing_docs)]
#![warn(
    clippy::alloc_instead_of_core,
    clippy::as_conversions,
    clippy::host_endian_bytes,
    clippy::indexing_slicing,
    clippy::little_endian_bytes,
    clippy::std_instead_of_core
)]

#[cfg(test)]
extern crate std;

pub mod cbor;
mod error;
mod framing;
mod opening;
mod small;
pub mod v2;
pub mod v3;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use opening::{Detection, Opening};

/// The example of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
