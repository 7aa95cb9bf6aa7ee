//! Sessions over protocol v3: conversations that outlive their connections.
//!
//! [`connect`] and [`Server`] drive them over any transport that can be dialled again, by tasks of tokio; a
//! [`Session`] is what an application holds then. What they drive is the rest of this module, which has no effects
//! and can be driven by anything else.
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
//! The rules are V3-10 to V3-51 of the wire crate's `PROTOCOL.md`.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Instant;
//!
//! use bytes::BytesMut;
//! use korinet_proto::v3::{Payload, Transmit};
//! use korinet_session::v3::{
//!     Action, Channel, ClientConfig, ClientSession, Grant, Greeted, Greeter, ServerConfig,
//!     ServerSession, SessionKey,
//! };
//! use korinet_wire::v3::{InstanceId, Kind, SessionId};
//!
//! let now = Instant::now();
//! let config = Arc::new(ServerConfig::default());
//! let mut client = ClientSession::new(now, ClientConfig::new(1), [1; 32]);
//!
//! // The client dials; here, the connection is a buffer.
//! let Some(Action::Dial(attach)) = client.poll_action() else { unreachable!() };
//! client.handle_connected(now, attach, Channel::Plain, None);
//! let mut out = Transmit::new();
//! client.poll_transmit(now, attach, &mut out);
//!
//! // The server reads the HELLO and opens a session.
//! let mut read = BytesMut::from(&out.into_bytes()[..]);
//! let greeted = Greeter::new(now, &config.settings).handle_bytes(&mut read);
//! let Some(Greeted::Hello(greeting)) = greeted else { unreachable!() };
//! let grant = Grant {
//!     session: SessionId::from_bytes([2; 16]),
//!     key: SessionKey::from_bytes([3; 32]),
//!     instance: InstanceId::from_bytes([4; 16]),
//! };
//! let opened = ServerSession::open(now, &greeting, &Channel::Plain, &grant, &config);
//! let mut server = opened.expect("nothing forbids it");
//! server.send(Kind::RAW, None, Payload::Copied(b"welcome"))?;
//! let mut out = Transmit::new();
//! server.poll_transmit(now, attach, &mut out);
//!
//! // WELCOME and the first message arrive together.
//! let mut read = BytesMut::from(&out.into_bytes()[..]);
//! client.handle_bytes(now, attach, &mut read);
//! assert!(client.is_attached());
//! assert_eq!(client.recv().unwrap().message.payload, "welcome");
//! # Ok::<(), korinet_session::v3::SendError>(())
//! ```

mod batch;
mod channel;
mod client;
mod config;
mod continuity;
mod conversation;
mod credential;
mod deadline;
mod denial;
mod driver;
mod event;
mod greeting;
mod nonces;
mod queue;
mod registry;
mod seal;
mod secret_bytes;
mod server;

pub use batch::Batch;
pub use channel::{Binding, Channel, SessionKey};
pub use client::ClientSession;
pub use config::{ClientConfig, OnLost, ServerConfig, Settings};
pub use continuity::Discontinuity;
pub use credential::Credential;
pub use denial::Refused;
pub use driver::{
    Accepted, Admitted, Applicant, Authenticated, Authenticator, Call, CallError, CallLimits,
    DriverConfig, Events, FirstConnect, FlightRecord, Incoming, IncomingRequest, Introduced, Place,
    Receipt, Receiver, Refusal, Requests, Sender, Server, Session, Stats, TurnedAway,
    VolatileReceiver, WeakSender, WhenDetached, connect,
};
pub use event::{Action, Continuity, Delivery, Ending, Event, InDoubt, SendError, Ticket};
pub use greeting::{Greeted, Greeter, Greeting};
pub use registry::{Principal, Registry, Route, Tombstone};
pub use server::{Grant, ServerSession};

#[cfg(test)]
mod tests;
