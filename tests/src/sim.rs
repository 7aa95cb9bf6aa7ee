//! A virtual world in which clients and a server talk over the worst of networks.
//!
//! One seed decides everything: how the nodes are set up, what their applications do, how bytes are
//! cut to pieces, delayed, lost and changed, who is killed, who attacks. No clock is read and no socket
//! opened, so a history can be had again by its seed, byte for byte.
//!
//! The code under test are [`ClientSession`](korinet_session::v3::ClientSession) and what a server is
//! made of. What must hold is said by a [`Ledger`](ledger::Ledger), which knows nothing of them, by the
//! order of [events](course), by what may be [written](observer) where, and by what
//! [explains](verdict) an end.

pub mod applications;
pub mod attacker;
pub mod client;
pub mod conditions;
pub mod course;
pub mod draw;
pub mod ledger;
pub mod life;
pub mod link;
pub mod mischief;
pub mod network;
pub mod observer;
pub mod plan;
pub mod report;
pub mod server;
pub mod settings;
pub mod sky;
pub mod tally;
pub mod tamper;
pub mod tap;
pub mod trace;
pub mod verdict;
pub mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use plan::{Failure, Plan};
pub use report::Report;

/// Lives through the world of a seed.
///
/// # Errors
///
/// What must not happen, and did; a panic counts as that, too.
pub fn run(seed: u64, plan: &Plan) -> Result<Report, Failure> {
    let fail = |what, trace: &str| Failure {
        seed,
        what,
        trace: trace.to_owned(),
    };
    let mut life = life::Life::new(seed, plan).map_err(|what| fail(what, ""))?;
    let outcome = catch_unwind(AssertUnwindSafe(|| life.run(plan)));
    match outcome {
        Ok(Ok(())) => Ok(life.report()),
        Ok(Err(what)) => Err(fail(what, life.trace())),
        Err(panic) => Err(fail(words(&*panic), life.trace())),
    }
}

/// What a panic said.
#[must_use]
pub fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    format!("panic: {}", text.unwrap_or_default())
}
