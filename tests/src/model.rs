//! Models of protocol v3 that a checker explores to the last state.
//!
//! The state machines in them are the real ones: [`Connection`], [`Windows`], [`ClientSession`],
//! [`Greeter`], [`Registry`], [`ServerSession`]. Around them stand small programs, and a network that
//! does what networks do. Whatever can happen next is an action, and the checker tries every one in
//! every state.
//!
//! | model | what is real | what may happen |
//! | --- | --- | --- |
//! | [`link`] | two connections with their windows | cuts, resumes, applications that stop reading, levels, hostile and damaged frames |
//! | [`session`] | clients, greeters, registry, server sessions | lost replies, delayed HELLOs, several links at once, take-over, restart, thief, impostor, copies, expiry, close |
//!
//! What all of them abstract:
//!
//! - **Frames, not bytes.** A frame arrives as a whole or not at all; that every split of a stream
//!   gives the same frames is the business of the property tests.
//! - **Time stands still.** Every call is told the same moment, and every wait that a model explores is
//!   zero: a timer that is set may go off at any moment after, or never. That covers every order in
//!   which timers and events can come in real time. Waits that are not explored (keep-alive,
//!   connecting, a connection's proving itself stable) are switched off or endless. So no state
//!   depends on how late it is, and their number is finite.
//! - **Faults are counted.** Each configuration says how many of which kind there may be; within
//!   that everything is explored, without any other bound.
//!
//! [`Connection`]: korinet_proto::v3::Connection
//! [`Windows`]: korinet_proto::v3::Windows
//! [`ClientSession`]: korinet_session::v3::ClientSession
//! [`Greeter`]: korinet_session::v3::Greeter
//! [`Registry`]: korinet_session::v3::Registry
//! [`ServerSession`]: korinet_session::v3::ServerSession

#![allow(
    clippy::derived_hash_with_manual_eq,
    clippy::enum_variant_names,
    reason = "states are compared by their hash, as the checker does"
)]

mod bounds;
mod drained;
mod explore;
mod flaw;
mod frames;
pub mod link;
pub mod session;

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::OnceLock;
use std::time::Instant;

pub use bounds::Bounds;
pub use explore::Explored;
pub use flaw::Flaw;

/// What came of exploring all models.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// One entry for each configuration.
    pub explored: Vec<Explored>,
}

impl Report {
    /// The different states of all models together.
    #[must_use]
    pub fn states(&self) -> usize {
        self.explored.iter().map(|explored| explored.states).sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for explored in &self.explored {
            writeln!(f, "{explored}")?;
        }
        write!(f, "{:>10} states in all", self.states())
    }
}

/// Explores every model in every configuration of these bounds, to the end.
///
/// # Errors
///
/// The first invariant that does not hold and the shortest way there; or what should have happened in
/// a model and never did.
pub fn check_all(bounds: Bounds) -> Result<Report, String> {
    check_some(bounds, "", |_| {})
}

/// As [`check_all`], but explores only the configurations with these words in their name, and tells of
/// each when it is done.
///
/// # Errors
///
/// See [`check_all`].
pub fn check_some(
    bounds: Bounds,
    words: &str,
    mut tell: impl FnMut(&Explored),
) -> Result<Report, String> {
    let mut report = Report::default();
    let mut add = |explored: Explored| {
        tell(&explored);
        report.explored.push(explored);
    };
    for config in link::Config::all(bounds) {
        let name = config.name;
        if name.contains(words) {
            add(explore::explore(name, link::LinkModel::new(config))?);
        }
    }
    for config in session::Config::all(bounds) {
        let name = config.name;
        if name.contains(words) {
            add(explore::explore(name, session::SessionModel::new(config))?);
        }
    }
    Ok(report)
}

/// The moment at which everything happens.
fn now() -> Instant {
    static NOW: OnceLock<Instant> = OnceLock::new();
    *NOW.get_or_init(Instant::now)
}

/// A number that tells two states apart.
fn fingerprint<T: Hash>(state: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}
