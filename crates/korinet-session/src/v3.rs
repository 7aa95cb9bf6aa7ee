//! Sessions over protocol v3: conversations that outlive their connections, without a socket.
//!
//! [`ClientSession`] is the side that dials, [`ServerSession`] the one that is dialled; a [`Greeter`]
//! reads the HELLO of a connection that a server has accepted, and a [`Registry`] knows which session
//! it is for. They are plain structs: told the time and what happened, asked what to do. No clock, no
//! socket, no task, and no randomness that they were not given.
//!
//! What a server does with a connection:
//!
//! 1. [`Greeter::handle_bytes`] until it gives a [`Greeting`];
//! 2. find out who it is: the [`Principal`];
//! 3. [`Registry::route`]; then [`ServerSession::open`] and [`Registry::insert`], or
//!    [`ServerSession::handle_greeting`], or the answer of a [`Refused`];
//! 4. the connection is the session's, under the greeting's attach number;
//! 5. when the session has a [`tombstone`](ServerSession::tombstone), and its actions and events are
//!    polled, [`Registry::retire`].
//!
//! The rules are V3-10 to V3-42 of the wire crate's `PROTOCOL.md`.

mod channel;
mod client;
mod config;
mod continuity;
mod conversation;
mod credential;
mod deadline;
mod denial;
mod event;
mod greeting;
mod registry;
mod seal;
mod server;

pub use channel::{Binding, Channel, SessionKey};
pub use client::ClientSession;
pub use config::{ClientConfig, OnLost, ServerConfig, Settings};
pub use continuity::Discontinuity;
pub use credential::Credential;
pub use denial::Refused;
pub use event::{Action, Continuity, Delivery, Ending, Event, InDoubt, SendError, Ticket};
pub use greeting::{Greeted, Greeter, Greeting};
pub use registry::{Principal, Registry, Route, Tombstone};
pub use server::{Grant, ServerSession};

#[cfg(test)]
mod tests;
