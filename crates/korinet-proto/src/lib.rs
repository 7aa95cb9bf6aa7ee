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
//! | [`v3`] | protocol v3: [`FrameCodec`](v3::FrameCodec), [`Connection`](v3::Connection), its [`Windows`](v3::Windows) |
//!
//! [`tokio_util::codec::Framed`]: https://docs.rs/tokio-util/latest/tokio_util/codec/struct.Framed.html

#![warn(missing_docs)]

/// Whether a deliberate defect is active; never, but in the tests of the tests.
#[cfg(korinet_mutations)]
macro_rules! mutated {
    ($name:ident) => {
        crate::mutation::is_active(crate::mutation::Mutation::$name)
    };
}
#[cfg(not(korinet_mutations))]
macro_rules! mutated {
    ($name:ident) => {
        false
    };
}

mod buffer;
#[cfg(feature = "codec")]
mod detect;
mod error;
#[cfg(korinet_mutations)]
pub mod mutation;
mod rate;
mod read_buffer;
pub mod v2;
pub mod v3;

#[cfg(feature = "codec")]
pub use detect::DetectCodec;
pub use error::{CodecError, EncodeError};
pub use rate::{Rate, RateLimit};
