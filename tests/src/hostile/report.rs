use std::collections::BTreeSet;
use std::time::Duration;

use super::healthy::Account;
use super::process::{Figures, Line};
use super::{Case, Told};

/// How a case went.
#[derive(Debug)]
pub struct Report {
    pub(super) told: BTreeSet<Told>,
    pub(super) said: Vec<Line>,
    pub(super) alone: Vec<Duration>,
    pub(super) attacked: Vec<Duration>,
    pub(super) before: Figures,
    pub(super) after: Figures,
    pub(super) account: Account,
}

/// What a server may take beyond its process and its budget: a quarter of the budget.
const fn bound(budget: u64) -> u64 {
    budget / 4 * 5
}

/// Connections that end without a word of the attacker, as they all do some time.
const GONE: [&str; 5] = [
    "ClosedByPeer",
    "Error(Expired {",
    "Io { kind: ConnectionReset,",
    "Io { kind: BrokenPipe,",
    "Truncated {",
];

impl Report {
    /// What is not as it has to be, for people; nothing, if it is.
    #[must_use]
    pub fn complaints(&self, case: &Case) -> Vec<String> {
        let mut all = Vec::new();
        for line in &self.said {
            let maybe = case.maybe.iter().map(|(fault, _)| fault);
            let is_expected = case.faults.iter().chain(maybe).any(|fault| fault.is(line));
            let is_gone = GONE.iter().any(|error| line.error.starts_with(error));
            if !is_expected && !is_gone {
                all.push(format!("unexpected: {} {}", line.what, line.error));
            }
        }
        for fault in &case.faults {
            if !self.said.iter().any(|line| fault.is(line)) {
                all.push(format!("missing: {fault}"));
            }
        }
        let expected: BTreeSet<Told> = case.told.iter().copied().collect();
        let maybe: BTreeSet<Told> = case.maybe.iter().map(|(_, told)| *told).collect();
        let is_told = expected.is_subset(&self.told)
            && self
                .told
                .is_subset(&expected.union(&maybe).copied().collect());
        if !is_told {
            all.push(format!("told {:?}, not {expected:?}", self.told));
        }
        let budget = case.budget();
        if self.peak() > bound(budget) {
            all.push(format!("{} bytes of {budget}", self.peak()));
        }
        if self.account.connections != 1 || self.account.lost != 0 {
            all.push(format!("the healthy session suffered: {:?}", self.account));
        }
        all.sort();
        all.dedup();
        all
    }

    /// The most memory that the server's process had, beyond what it had before, in bytes.
    #[must_use]
    pub fn peak(&self) -> u64 {
        let (before, after) = (self.before.get("peak_rss"), self.after.get("peak_rss"));
        after.saturating_sub(before)
    }

    /// A line of the table.
    #[must_use]
    pub fn row(&self, case: &Case) -> Vec<String> {
        let told: Vec<String> = self.told.iter().map(ToString::to_string).collect();
        let maybe = case.maybe.iter().map(|(fault, _)| fault);
        let faults = case.faults.iter().chain(maybe);
        let faults: Vec<String> = faults.map(ToString::to_string).collect();
        let [alone, attacked] = [&self.alone, &self.attacked].map(|times| percentiles(times));
        let ratio = |of: usize| micros(attacked[of]) / micros(alone[of]);
        let both =
            |times: [Duration; 2]| format!("{:.0}/{:.0}", micros(times[0]), micros(times[1]));
        vec![
            case.name.to_owned(),
            faults.join("; "),
            told.join("; "),
            format!("{:.1} of {}", mib(self.peak()), case.budget() >> 20),
            format!("{:.1}", mib(self.after.get("peak_counted"))),
            both(alone),
            both(attacked),
            format!("{:.1}/{:.1}", ratio(0), ratio(1)),
            format!("{}/{}", self.account.sent, self.account.received),
        ]
    }

    /// What the columns are.
    pub const COLUMNS: [&str; 9] = [
        "case",
        "error at the server",
        "attacker is told",
        "peak MiB",
        "counted",
        "alone µs",
        "attacked µs",
        "ratio",
        "sent/back",
    ];
}

/// The median, and what 99 of 100 are below.
fn percentiles(times: &[Duration]) -> [Duration; 2] {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    [50, 99].map(|percent| sorted[(sorted.len() - 1) * percent / 100])
}

const fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1024.0
}
