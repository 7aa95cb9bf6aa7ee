//! What outlives a KoriNet connection: reconnecting, sending again what was not acknowledged,
//! delivering once what arrives twice.
//!
//! The decisions are plain structs without effects: [`Backoff`], [`Reconnect`], [`v2::ReceivedLog`],
//! [`v3::ClientSession`], [`v3::ServerSession`]. The tasks under [`v2`] and those of [`v3::connect`] and
//! [`v3::Server`] are the only code here that waits, reads or writes; they work over any
//! transport that can be dialled again, see [`Dial`]. Applications want the crate `korinet`, which
//! adds TCP, typed messages and a builder.
//!
//! A session over pipes within one process; any other transport that can be dialled does as well:
//!
//! ```
//! use std::io;
//!
//! use korinet_proto::v3::Payload;
//! use korinet_session::Dial;
//! use korinet_session::v3::{Accepted, ClientConfig, DriverConfig, Server, ServerConfig, connect};
//! use korinet_wire::v3::Kind;
//! use tokio::io::{DuplexStream, duplex};
//! use tokio::sync::mpsc;
//!
//! struct Pipes(mpsc::UnboundedSender<DuplexStream>);
//!
//! impl Dial for Pipes {
//!     type Io = DuplexStream;
//!
//!     async fn dial(&mut self) -> io::Result<DuplexStream> {
//!         let (here, there) = duplex(64 * 1024);
//!         self.0.send(there).map_err(io::Error::other)?;
//!         Ok(here)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let random = |bytes: &mut [u8]| bytes.fill(7);
//! let (server, mut sessions) = Server::new(ServerConfig::default(), DriverConfig::default(), None, random);
//! let (dialled, mut connections) = mpsc::unbounded_channel();
//! tokio::spawn(async move {
//!     while let Some(io) = connections.recv().await {
//!         let server = server.clone();
//!         tokio::spawn(async move { server.serve(Accepted::new(io)).await });
//!     }
//! });
//!
//! let seed = [1; 32]; // at random, in earnest
//! let client = connect(Pipes(dialled), ClientConfig::new(1), DriverConfig::default(), seed, None);
//! let client = client.await?;
//! let mut session = sessions.accept().await.expect("the server is open");
//! let (sent, received) = tokio::join!(
//!     client.sender().send(Kind::RAW, None, Payload::Copied(b"hello")),
//!     session.recv(),
//! );
//! sent?;
//! assert_eq!(received?.expect("a message").message.payload, "hello");
//! # Ok(())
//! # }
//! ```

#![warn(missing_docs)]

/// Whether a deliberate defect is active; never, but in the tests of the tests.
#[cfg(korinet_mutations)]
macro_rules! mutated {
    ($name:ident) => {
        korinet_proto::mutation::is_active(korinet_proto::mutation::Mutation::$name)
    };
}
#[cfg(not(korinet_mutations))]
macro_rules! mutated {
    ($name:ident) => {
        false
    };
}

mod backoff;
mod budget;
mod clock;
mod dial;
mod drain;
mod error;
mod reconnect;
mod state;
pub mod v2;
pub mod v3;

pub use backoff::Backoff;
pub use budget::Budget;
pub use dial::Dial;
pub use error::{CertificateFault, ConnectionError, Limit, Loss, SendError, SessionError};
pub use reconnect::{Attempt, Reconnect};
pub use state::State;

/// The example of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
