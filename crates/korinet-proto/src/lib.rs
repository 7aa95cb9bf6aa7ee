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
//! Both sides of a connection of v2, and what is on the wire between them:
//!
//! ```
//! use bytes::BytesMut;
//! use korinet_proto::v2::{EncodedFrame, Frame, MessageIds, Received, StopAndWait};
//! use korinet_wire::v2::Limits;
//!
//! let limits = Limits::default();
//! let mut ids = MessageIds::from_seed([1; 32]); // at random, in earnest
//! let ping = std::collections::BTreeMap::from([("type", "ping")]);
//! let ping = EncodedFrame::new(ids.draw(), &ping, &limits)?;
//!
//! let mut here = StopAndWait::new(ids, None);
//! here.send(ping)?;
//! let mut wire = BytesMut::new();
//! here.poll_transmit(&mut wire);
//!
//! let mut there = StopAndWait::new(MessageIds::from_seed([2; 32]), None);
//! let frame = Frame::decode(&mut wire, &limits)?.expect("a whole one");
//! let Received::Message(message) = there.handle_frame(frame) else { unreachable!() };
//! there.accept();
//! there.poll_transmit(&mut wire);
//!
//! let frame = Frame::decode(&mut wire, &limits)?.expect("a whole one");
//! assert!(matches!(here.handle_frame(frame), Received::Acknowledgement(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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

/// The example of the README, compiled as a documentation test.
#[cfg(all(doctest, feature = "codec"))]
#[doc = include_str!("../README.md")]
struct Readme;
