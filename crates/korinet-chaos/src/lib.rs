//! A TCP proxy that breaks, delays and splits connections, and counts all it does.
//!
//! What happens to a connection is its [`Plan`]. A test that needs a fault at an exact place gives the [`Proxy`]
//! the plans of the connections to come; all other connections get theirs from [`Faults`], drawn at random from
//! a seed and the connection's number. Faults are counted when they are done ([`Counts`]), so a test can tell a
//! fault survived from a fault that never happened.
//!
//! ```no_run
//! use std::num::NonZeroU64;
//!
//! use korinet_chaos::{Cut, Direction, Faults, Place, Plan, Proxy};
//!
//! # async fn test() -> std::io::Result<()> {
//! let faults = Faults::new(7).cut_at_random(NonZeroU64::new(20_000).expect("not zero"));
//! let proxy = Proxy::bind("127.0.0.1:0", "127.0.0.1:1235", faults).await?;
//! // The first connection is reset in the middle of a length field, the others wherever the seed has it.
//! proxy.plan([Plan::cut(Direction::ToServer, Place::Byte(2), Cut::Reset)]);
//! // ... what is tested connects to `proxy.addr()`; the fault happened, or this would not return:
//! proxy.wait_for(|counts| counts.reset == 1).await;
//! # Ok(())
//! # }
//! ```
//!
//! The proxy ends TCP on both sides, so what it does is what the two ends see of a network, not what a network
//! does to packets: to connect is never delayed, and what was written before a reset may be lost with it.

#![warn(missing_docs)]

mod carry;
mod counts;
mod draw;
mod event;
mod faults;
mod gate;
mod pipe;
mod plan;
mod proxy;
mod silence;

pub use counts::Counts;
pub use event::{Carried, Event, What};
pub use faults::Faults;
pub use plan::{Chunks, Cut, Direction, Place, Plan};
pub use proxy::Proxy;

/// The example of the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
