//! Structured conversations between two programs over TCP that survive broken connections.
//!
//! Messages are CBOR, each is acknowledged, and a client connects again by itself. It is for LANs,
//! internal services and programs that run for months; there is no broker. It speaks protocol v3, whose
//! sessions outlive their connections on both sides and whose messages do not wait for each other; and v2,
//! and so works with programs of the Python package `korinet`, on the same port.
//!
//! Either side can also [ask and be answered](call), with streams in both directions. It is no publish and subscribe. For
//! networks that are not trusted there is TLS 1.3, with the feature `tls`, and
//! [authentication](ServerBuilder::authenticate); what they protect, and what any peer can have of a server at the most,
//! is told under [security].
//!
//! ```
//! use std::collections::BTreeMap;
//! use korinet::{Client, Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0").await?;
//! let addr = server.local_addr()?.to_string();
//! let client = tokio::spawn(async move {
//!     let session = Client::connect(addr).await?;
//!     session.send(&BTreeMap::from([("num", 1)])).await?; // acknowledged when this resolves
//!     session.close().await?;
//!     Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! });
//!
//! let mut session = server.accept().await.expect("the server is open");
//! let message: BTreeMap<String, u32> = session.recv_as().await?.expect("one message");
//! assert_eq!(message["num"], 1);
//! # client.await?.unwrap();
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! | you want | take |
//! | --- | --- |
//! | a conversation that survives | [`Client`], [`Server`], [`Session`] |
//! | one message to many sessions | [`Group`] |
//! | byte strings that are not copied | the module [`shared_bytes`] |
//! | types of `serde` as messages | `Serde`, with the feature `serde` |
//! | no async | the module `blocking`, with the feature `blocking` |
//! | requests with answers, streams, large data | the module [`call`] |
//! | TLS, and who the clients are | the module `tls`; [`ServerBuilder::authenticate`], [`ClientBuilder::credentials`] |
//! | logs, traces, metrics | the module [`observing`] |
//! | frames over a socket of your own | [`raw`] |
//! | the codec for `tokio_util` | the crate `korinet-proto` |
//! | bytes to frames, `no_std` | the crate `korinet-wire` |
//!
//! The [guide] explains what goes beyond single functions: what happens when a connection breaks, what an
//! acknowledgement says, requests and streams, moving from the Python package, operating a server.
//!
//! # Messages
//!
//! A type of your own derives how it is written and read; the derives name `minicbor`, so that is to be imported, too.
//! Both sides must derive it the same way: a derived struct is an array with the numbers as places, with `#[cbor(map)]`,
//! or by `serde`, a map.
//!
//! Anything that implements [`minicbor::Encode`] can be sent, and any [`minicbor::Decode`] be
//! [received](Session::recv_as), or read from a [`Message`]; [`Value`] holds what has no type.
//! [Raw bytes](Sender::send_raw) go as they are. Protocol v2 carries maps only, so a derived type needs `#[cbor(map)]`
//! there; its keys are numbers then. Programs in Python use text keys, which are written by hand, or by a map:
//!
//! ```
//! use korinet::minicbor::{self, Decode, Encode};
//! use std::collections::BTreeMap;
//!
//! #[derive(Debug, PartialEq, Encode, Decode)]
//! #[cbor(map)]
//! struct Reading<'a> {
//!     #[b(0)] sensor: &'a str, // borrowed from the message
//!     #[n(1)] celsius: f64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (here, there) = tokio::io::duplex(1024);
//! # let (mut here, mut there) = (korinet::raw::Raw::new(here), korinet::raw::Raw::new(there));
//! here.send(&Reading { sensor: "roof", celsius: 21.5 }).await?;
//! here.send(&BTreeMap::from([("celsius", 21.5)])).await?;
//!
//! let message = there.recv().await?.expect("a message");
//! assert_eq!(message.decode::<Reading>()?, Reading { sensor: "roof", celsius: 21.5 });
//! let message = there.recv().await?.expect("a message");
//! assert_eq!(message.value()?.get("celsius").and_then(|value| value.as_f64()), Some(21.5));
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! | | connection lost | sender dies | receiver dies |
//! | --- | --- | --- | --- |
//! | [`raw`] | conversation over | – | – |
//! | v3, [`AckLevel::Received`] | every message once and in order, or an [`Event::Lost`] that says which are sent again, flagged, or hands them back | unacknowledged ones lost | acknowledged ones that were not processed are lost |
//! | v3, [`AckLevel::Processed`] | the same | the same | those that the application was not [done](Session::done) with come again, flagged |
//! | v2, a Rust client to a Rust server | every message once and in order, or an error | unacknowledged ones lost | as in v3 |
//! | v2, a Python client to a Rust server | the same, by [`Repeats::DeliverOnce`] | the same | the same, those that come again under a new id |
//! | v2, a Rust client to a Python server | every message, and again under the same id if the acknowledgement was lost | unacknowledged ones lost | lost |
//! | v2, any server to its client | the session ends, [`Session::send`] tells which message is not acknowledged | – | – |
//!
//! # Errors and cancellation
//!
//! An end in good order is no error: [`Session::recv`] gives `None`. Each asynchronous function says
//! under "Cancel safety" what giving up its future means.

#![warn(missing_docs)]
#![warn(clippy::exhaustive_structs)]

mod batch;
#[cfg(feature = "blocking")]
pub mod blocking;
pub mod call;
mod client;
mod credentials;
mod error;
pub mod guide;
mod message;
#[doc = include_str!("observing.md")]
pub mod observing {}
mod protocol;
pub mod raw;
pub mod security;
mod server;
mod session;
mod settings;
pub mod shared_bytes;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;
pub mod value;
#[cfg(feature = "serde")]
mod with_serde;

pub use batch::{Batch, MessageRef};
pub use client::{Client, ClientBuilder};
pub use error::{BindError, ConfigError, ConnectError, RecvError, SendError};
pub use korinet_proto::{CodecError, EncodeError, Rate};
pub use korinet_session::v2::Repeats;
pub use korinet_session::v3::{
    Applicant, Authenticated, Continuity, Credential, Discontinuity, Ending, Event, Events,
    FirstConnect, FlightRecord, InDoubt, OnLost, Principal, Refusal, Stats, Ticket, WhenDetached,
};
pub use korinet_session::{CertificateFault, ConnectionError, Limit, Loss, SessionError, State};
pub use korinet_wire as wire;
pub use message::Message;
pub use minicbor;
pub use protocol::{AckLevel, ParseProtocolError, Protocol};
pub use server::{Refused, Server, ServerBuilder, ServerStats};
pub use session::{
    Group, GroupReport, Member, MessageSink, OnFull, Receipt, Receiver, Sender, Session,
    VolatileReceiver,
};
pub use value::{Value, ValueError};
#[cfg(feature = "serde")]
pub use with_serde::Serde;
