//! What to know beyond single functions, a chapter each.
//!
//! - [`continuity`]: what happens when a connection breaks, with a picture.
//! - [`levels`]: what an acknowledgement says, and which kind of message to take for what.
//! - [`calls`]: requests, streams and large bodies, and whether a request ran that has no answer.
//! - [`from_python`]: for who knows the Python package `korinet`.
//! - [`operation`]: a server that runs for months.
//!
//! What peers can do to each other, and what of it is prevented, is told under [`security`](crate::security).
//!
//! The folder `examples` of the crate has whole programs: typed requests, an agent that streams what commands print, a chat
//! room, live audio, a ping in both versions of the protocol, the codec alone.

#[doc = include_str!("guide/calls.md")]
pub mod calls {}

#[doc = include_str!("guide/continuity.md")]
pub mod continuity {}

#[doc = include_str!("guide/from_python.md")]
#[cfg_attr(feature = "blocking", doc = include_str!("guide/from_python_blocking.md"))]
pub mod from_python {}

#[doc = include_str!("guide/levels.md")]
pub mod levels {}

#[doc = include_str!("guide/operation.md")]
#[cfg_attr(feature = "tls", doc = include_str!("guide/operation_tls.md"))]
pub mod operation {}
