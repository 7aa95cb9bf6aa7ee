//! The contract between `cargo xtask bench` and the programs that it measures.
//!
//! A peer is a program that is run twice, as `server` and as `client`, with the same [`Options`]. Both talk in lines
//! of JSON on standard output ([`Line`]): the server tells where it listens, the client that it is ready, and each
//! answers the word `mark` on standard input with a [`Snapshot`] of its counters. What happened in a span of time is
//! the difference of two of them, so no process has to know when the measuring begins, and warming up costs nothing.
//! The end of standard input ends a program.
//!
//! A peer written in Rust implements [`Peer`], and [`run`] does the rest.

mod broker;
mod certificate;
mod control;
mod drive;
mod machine;
mod meter;
mod options;
mod peer;
mod program;
mod relay;
mod report;
mod resume;
mod serve;

use std::error::Error;

pub use broker::Broker;
pub use certificate::Certificate;
pub use drive::DRIVEN_AT_ONCE;
pub use machine::cores;
pub use meter::{Meter, Tally};
pub use options::{Options, Role, Workload};
pub use peer::{Flow, Peer};
pub use program::{Flavour, run, tell};
pub use relay::Relay;
pub use report::{Endpoint, Latency, Line, Snapshot};

/// Why a program cannot go on.
pub type Failure = Box<dyn Error + Send + Sync>;
