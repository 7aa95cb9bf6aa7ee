//! Which programs there are, and how each is used.

use std::path::PathBuf;
use std::process::Command;

use korinet_bench::Failure;

use crate::case::{Case, Group};

/// The variable that names the Python.
const PYTHON: &str = "KORINET_PYTHON";

const SCRIPT: &str = include_str!("../../../python/peer.py");

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
    /// The program of others that it runs.
    needs: Option<&'static str>,
    /// What it cannot be built without.
    built_with: Option<&'static str>,
    /// Whether it is a script of Python.
    is_script: bool,
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

const STREAM: &[Group] = &[Group::Stream];

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
        limits: Limits {
            needs: None,
            built_with: None,
            is_script: false,
            largest: None,
        },
    }
}

impl Row {
    /// By the program of another peer, encrypted.
    const fn secured(mut self, program: &'static str, floor: &'static str) -> Self {
        self.program = program;
        self.floor = floor;
        self
    }

    const fn needing(mut self, other: &'static str) -> Self {
        self.limits.needs = Some(other);
        self
    }

    const fn built_with(mut self, library: &'static str) -> Self {
        self.limits.built_with = Some(library);
        self
    }

    const fn by_python(mut self) -> Self {
        self.limits.is_script = true;
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

static ROWS: [Row; 17] = [
    row(FLOOR, "tcp", "", ALL),
    row("hand", "hand", "", NO_RESUME),
    row("hand w16384", "hand", "w16384", &[Group::Stream]).up_to(1024),
    row("korinet", "korinet", "", ALL),
    row("korinet typed", "korinet", "typed", ALL),
    row("korinet nosum", "korinet", "nosum", STREAM),
    row(SECURED, "tls", "tls", ALL).secured("tcp", FLOOR),
    row("korinet tls", "tls", "tls", ALL).secured("korinet", SECURED),
    row("tonic", "tonic", "", NO_RESUME),
    row("websocket", "websocket", "", NO_RESUME),
    row("quinn", "quinn", "", NEITHER_RESUME_NOR_FAR),
    // Its PULL socket was seen to give nothing with ten that push.
    row("zeromq", "zeromq", "", &[Group::Rtt, Group::Stream]),
    row("tarpc", "tarpc", "", SIMPLE),
    row("zmq", "zmq", "", &[Group::Rtt, Group::Stream]).built_with("libzmq and pkg-config"),
    row("nats jetstream", "nats", "", SIMPLE).needing("nats-server"),
    row("mqtt qos 1", "mqtt", "", SIMPLE).needing("mosquitto"),
    row("python", "python", "", &[Group::Rtt, Group::Stream]).by_python(),
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
        if self.limits.is_script {
            let is_given = std::env::var_os(PYTHON).is_some_and(|value| !value.is_empty());
            let text = format!("{PYTHON} does not name a Python that has the package korinet");
            return (!is_given).then_some(text);
        }
        if let Some(needed) = self.limits.needs
            && !is_on_the_path(needed)
        {
            return Some(format!("{needed} is not installed"));
        }
        match self.beside() {
            Ok(path) if path.exists() => None,
            Ok(_) => Some(match self.limits.built_with {
                Some(library) => format!("it was not built, which takes {library}"),
                None => format!("the program {} was not built", self.program),
            }),
            Err(failure) => Some(failure.to_string()),
        }
    }

    /// How it is run, up to the options.
    pub(crate) fn command(&self) -> Result<Command, Failure> {
        if !self.limits.is_script {
            return Ok(Command::new(self.beside()?));
        }
        let python = std::env::var_os(PYTHON).ok_or("no Python was named")?;
        let mut command = Command::new(python);
        // From standard input it could not be read, which is the contract's; and the folder of this package is not
        // known where the program runs.
        command.args(["-c", SCRIPT]);
        Ok(command)
    }

    /// The programs lie beside this one.
    fn beside(&self) -> Result<PathBuf, Failure> {
        let name = format!("{}{}", self.program, std::env::consts::EXE_SUFFIX);
        Ok(std::env::current_exe()?.with_file_name(name))
    }
}

fn is_on_the_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
