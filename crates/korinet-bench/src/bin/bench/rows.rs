//! Which programs there are, and how each is used.

use std::path::PathBuf;

use korinet_bench::Failure;

use crate::case::{Case, Group};

/// A line of the table: a program, used in one way.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// The word of `--peers` that asks for it.
    pub(crate) peer: &'static str,
    /// The name of its file.
    program: &'static str,
    pub(crate) variant: &'static str,
    /// The row that it is compared with.
    pub(crate) floor: &'static str,
    groups: &'static [Group],
    /// What it cannot do beside that.
    limits: Limits,
}

#[derive(Debug, Default)]
struct Limits {
    /// The largest message for which the row says anything.
    largest: Option<usize>,
}

const ALL: &[Group] = &Group::ALL;

const NO_RESUME: &[Group] = &[
    Group::Rtt,
    Group::Stream,
    Group::Duplex,
    Group::Sessions,
    Group::Connect,
    Group::Idle,
    Group::Far,
];

/// The proxy that makes the way long carries TCP.
const NEITHER_RESUME_NOR_FAR: &[Group] = &[
    Group::Rtt,
    Group::Stream,
    Group::Duplex,
    Group::Sessions,
    Group::Connect,
    Group::Idle,
];

/// For peers that have one side ask and the other answer.
const SIMPLE: &[Group] = &[Group::Rtt, Group::Stream, Group::Sessions];

const fn row(
    name: &'static str,
    peer: &'static str,
    variant: &'static str,
    groups: &'static [Group],
) -> Row {
    Row {
        name,
        peer,
        program: peer,
        variant,
        floor: FLOOR,
        groups,
        limits: Limits { largest: None },
    }
}

impl Row {
    /// By the program of another peer, encrypted.
    const fn secured(mut self, program: &'static str, floor: &'static str) -> Self {
        self.program = program;
        self.floor = floor;
        self
    }

    const fn up_to(mut self, largest: usize) -> Self {
        self.limits.largest = Some(largest);
        self
    }
}

/// The floor, which all others are compared with,
pub(crate) const FLOOR: &str = "tcp";

/// but for those that are encrypted.
const SECURED: &str = "tcp tls";

static ROWS: [Row; 12] = [
    row(FLOOR, "tcp", "", ALL),
    row("hand", "hand", "", NO_RESUME),
    row("hand w16384", "hand", "w16384", &[Group::Stream]).up_to(1024),
    row("korinet", "korinet", "", ALL),
    row("korinet typed", "korinet", "typed", ALL),
    row(SECURED, "tls", "tls", ALL).secured("tcp", FLOOR),
    row("korinet tls", "tls", "tls", ALL).secured("korinet", SECURED),
    row("tonic", "tonic", "", NO_RESUME),
    row("websocket", "websocket", "", NO_RESUME),
    row("quinn", "quinn", "", NEITHER_RESUME_NOR_FAR),
    row("zeromq", "zeromq", "", SIMPLE),
    row("tarpc", "tarpc", "", SIMPLE),
];

/// The rows of these peers, in the order of the table.
pub(crate) fn of(peers: &[String]) -> Vec<&'static Row> {
    let wanted = |row: &&Row| peers.iter().any(|peer| peer == row.peer);
    ROWS.iter().filter(wanted).collect()
}

/// All words that `--peers` takes.
pub(crate) fn peers() -> Vec<&'static str> {
    let mut peers: Vec<_> = ROWS.iter().map(|row| row.peer).collect();
    peers.dedup();
    peers
}

impl Row {
    pub(crate) fn takes(&self, case: &Case) -> bool {
        self.groups.contains(&case.group)
            && self
                .limits
                .largest
                .is_none_or(|largest| case.size <= largest)
    }

    /// What it would need to run here.
    pub(crate) fn missing(&self) -> Option<String> {
        match self.path() {
            Ok(path) if path.exists() => None,
            Ok(_) => Some(format!("the program {} was not built", self.program)),
            Err(failure) => Some(failure.to_string()),
        }
    }

    /// The programs lie beside this one.
    pub(crate) fn path(&self) -> Result<PathBuf, Failure> {
        let name = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        Ok(std::env::current_exe()?.with_file_name(name))
    }
}
