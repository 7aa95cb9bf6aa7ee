//! What outlives a KoriNet connection: reconnecting, sending again what was not acknowledged,
//! delivering once what arrives twice.
//!
//! The decisions are plain structs without effects: [`Backoff`], [`Reconnect`], [`v2::ReceivedLog`],
//! [`v3::ClientSession`], [`v3::ServerSession`]. The tasks under [`v2`] and those of [`v3::connect`] and
//! [`v3::Server`] are the only code here that waits, reads or writes; they work over any
//! transport that can be dialled again, see [`Dial`]. Applications want the crate `korinet`, which
//! adds TCP, typed messages and a builder.

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
