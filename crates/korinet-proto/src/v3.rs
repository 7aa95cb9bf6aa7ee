//! Protocol v3 on one connection: numbered messages, acknowledgements, keep-alive, close.
//!
//! [`Connection`] is the state machine of a connection that has been welcomed; the handshake before
//! it, and what happens between connections, is the business of `korinet-session`. What outlives the
//! connection is in the session's [`Windows`], which are lent to it.
//! [`FrameCodec`] alone is for programs that want v3 frames over
//! [`tokio_util::codec::Framed`](https://docs.rs/tokio-util/latest/tokio_util/codec/struct.Framed.html)
//! and nothing decided for them.
//!
//! The rules are V3-1 to V3-42 of the wire crate's `PROTOCOL.md`.

#[cfg(feature = "codec")]
mod codec;
mod connection;
mod farewell;
mod frame;
mod keep_alive;
mod message;
mod receive_window;
mod replay_buffer;
mod send_window;
mod transmit;
mod violation;

#[cfg(feature = "codec")]
pub use codec::FrameCodec;
pub use connection::{Agreed, Connection, End, Windows};
pub use farewell::GoAway;
pub use frame::Frame;
pub use message::{Message, Payload, Volatile};
pub use receive_window::ReceiveWindow;
pub use send_window::{PushError, SendWindow};
pub use transmit::Transmit;
pub use violation::Violation;
