//! What lives on one KoriNet connection: frames with owned content, the codec for
//! [`tokio_util::codec::Framed`], and the acknowledgement state machines.
//!
//! Nothing here opens a socket, reads a clock, starts a task or draws a random number; the state
//! machines are plain structs that are told what happened and asked what to write. What survives a
//! connection is the business of `korinet-session`, and applications want the crate `korinet`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`v2`] | protocol v2: [`FrameCodec`](v2::FrameCodec), [`StopAndWait`](v2::StopAndWait) |
//!
//! [`tokio_util::codec::Framed`]: https://docs.rs/tokio-util/latest/tokio_util/codec/struct.Framed.html

#![warn(missing_docs)]

mod error;
mod read_buffer;
pub mod v2;

pub use error::{CodecError, EncodeError};
