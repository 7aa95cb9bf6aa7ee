//! What outlives a KoriNet connection: reconnecting, sending again what was not acknowledged,
//! delivering once what arrives twice.
//!
//! The decisions are plain structs without effects: [`Backoff`], [`Reconnect`], [`v2::ReceivedLog`].
//! The tasks under [`v2`] are the only code here that waits, reads or writes; they work over any
//! transport that can be dialled again, see [`Dial`]. Applications want the crate `korinet`, which
//! adds TCP, typed messages and a builder.

#![warn(missing_docs)]

mod backoff;
mod clock;
mod dial;
mod error;
mod reconnect;
mod state;
pub mod v2;

pub use backoff::Backoff;
pub use dial::Dial;
pub use error::{ConnectionError, SendError, SessionError};
pub use reconnect::{Attempt, Reconnect};
pub use state::State;
