//! The only part of a session with effects: it dials, reads, writes, reads the clock, and wakes those who
//! wait.
//!
//! A session's state machine stands behind one lock ([`shared`]), held for the length of a push or of what was
//! read at once, never across anything that waits. Each connection has one task that owns the socket
//! ([`link`]); there is no queue between it and the application, which sends by putting the message where it
//! is written from, and receives by taking it from where it was read to. The task is woken only when it sleeps,
//! so a stream of messages costs a wake-up for each batch and not for each message.
//!
//! An acknowledgement that is owed for something that the application is only now told of waits until the
//! application had its turn, if it has answered the message before: so its answer shares the write. Otherwise
//! it is written at once, and costs nobody a turn.

mod accept;
mod ahead;
mod alarm;
mod calls;
mod client;
mod config;
mod core;
mod events;
mod flight;
mod inner;
mod linger;
mod link;
mod links;
#[cfg(feature = "metrics")]
mod meter;
mod progress;
mod read;
mod receipt;
mod receiver;
mod sender;
mod server;
mod session;
mod shared;
mod standing;
mod stats;
mod trace;
mod waiters;
mod wakes;

pub use accept::Place;
pub use calls::{Call, CallError, CallLimits, IncomingRequest, Requests};
pub use client::connect;
pub use config::{DriverConfig, FirstConnect, WhenDetached};
pub use events::Events;
pub use flight::FlightRecord;
pub use receipt::Receipt;
pub use receiver::{Receiver, VolatileReceiver};
pub use sender::{Sender, WeakSender};
pub use server::{
    Accepted, Admitted, Applicant, Authenticated, Authenticator, Incoming, Introduced, Refusal,
    Server, TurnedAway,
};
pub use session::Session;
pub use stats::Stats;

#[cfg(test)]
mod tests;
