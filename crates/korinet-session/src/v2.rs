//! Sessions over protocol v2, in the manner of the Python package's client and server.
//!
//! The protocol knows no session: a new connection says nothing of the one before it. What can be
//! kept together all the same is kept here. A client's session dials again and sends the message
//! that is not acknowledged once more, under its id. A server's session is one connection; but the
//! server remembers the last message of each ([`ReceivedLog`]) and so recognises the one that comes
//! again on the next.
//!
//! Memory of a session, at most: the message that is not acknowledged, [`Config::receive_queue`]
//! messages and two more that wait for room there, one message being read; each up to
//! `limits.max_frame` bytes, and the read buffer's last step of 256 KiB.

mod client;
mod config;
mod driver;
mod handle;
mod link;
mod received_log;
mod server;
mod socket;

#[cfg(test)]
mod tests;

pub use client::connect;
pub use config::{Acknowledge, Config};
pub use handle::{Delivery, Position, Receipt, Receiver, Sender, Session};
pub use received_log::{ConnectionId, First, ReceivedLog, Repeats};
pub use server::Server;
