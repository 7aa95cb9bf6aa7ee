//! Protocol v2, the wire of the Python package `korinet`.
//!
//! [`FrameCodec`] alone is the package's raw protocol: frames, nothing else. With [`StopAndWait`]
//! on top it is what the package's client and server speak: each message is answered by an
//! acknowledgement, and the next one is sent after that.

#[cfg(feature = "codec")]
mod codec;
mod encoded;
mod frame;
mod message_ids;
mod stop_and_wait;

#[cfg(feature = "codec")]
pub use codec::FrameCodec;
pub use encoded::EncodedFrame;
pub use frame::Frame;
pub use message_ids::MessageIds;
pub use stop_and_wait::{Busy, Received, StopAndWait};
