//! Protocol v3 on one connection: numbered messages, acknowledgements, keep-alive, close.
//!
//! [`Connection`] is the state machine of a connection that has been welcomed; the handshake before
//! it, and what happens between connections, is the business of `korinet-session`. What outlives the
//! connection is in the session's [`Windows`], which are lent to it.
//! [`FrameCodec`] alone is for programs that want v3 frames over
//! [`tokio_util::codec::Framed`](https://docs.rs/tokio-util/latest/tokio_util/codec/struct.Framed.html)
//! and nothing decided for them.
//!
//! The rules are V3-1 to V3-51 of the wire crate's `PROTOCOL.md`.
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use bytes::BytesMut;
//! use korinet_proto::v3::{Agreed, Connection, Payload, ReceiveWindow, SendWindow, Transmit, Windows};
//! use korinet_wire::v3::{Kind, Level, Limits};
//!
//! let limits = Limits { messages: 100, bytes: 65_536, message: 16_384 };
//! let now = Instant::now();
//! let side = || {
//!     let mut windows = Windows {
//!         send: SendWindow::new(limits, true),
//!         receive: ReceiveWindow::new(limits, Level::Received, true),
//!     };
//!     let agreed = Agreed {
//!         keep_alive: Duration::from_secs(15),
//!         max_message: limits.message,
//!         max_control_frames: Connection::MAX_CONTROL_FRAMES,
//!     };
//!     (Connection::new(now, &agreed, &mut windows), windows)
//! };
//! let (mut here, mut here_windows) = side();
//! let (mut there, mut there_windows) = side();
//!
//! here_windows.send.push(Kind::RAW, None, Payload::Copied(b"hello"))?;
//! let mut out = Transmit::new();
//! here.poll_transmit(now, &mut here_windows, &mut out);
//!
//! let mut read = BytesMut::from(&out.into_bytes()[..]);
//! there.handle_bytes(now, &mut there_windows, &mut read);
//! assert_eq!(there_windows.receive.recv().unwrap().payload, "hello");
//! assert!(there.has_transmit(&there_windows, true), "an acknowledgement is owed");
//! # Ok::<(), korinet_proto::v3::PushError>(())
//! ```

mod batch;
#[cfg(feature = "codec")]
mod codec;
mod connection;
mod control_budget;
mod farewell;
mod frame;
mod keep_alive;
mod message;
mod receive_window;
mod replay_buffer;
mod send_window;
mod transmit;
mod violation;
mod volatile_queue;

pub use batch::{Batch, MessageRef};
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
