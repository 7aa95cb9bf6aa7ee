use serde::{Deserialize, Serialize};

/// A line that a program writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// The server can be reached.
    Listening(Endpoint),
    /// The client's sessions are open, and it is at work.
    Ready,
    /// The answer to a mark.
    Snapshot(Snapshot),
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// On the loopback interface.
    pub port: u16,
    /// Its own, in PEM, where it speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// What does the work, where that is another process: a broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
}

impl Endpoint {
    #[must_use]
    pub const fn plain(port: u16) -> Self {
        Self {
            port,
            certificate: None,
            process: None,
        }
    }
}

/// What a process has done so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Since the process began.
    pub at_nanos: u64,
    /// Messages that its application received, or had acknowledged, by the workload.
    pub messages: u64,
    /// Processor time, in user and system mode, of all its threads.
    pub cpu_nanos: u64,
    pub resident_bytes: u64,
    /// Of what was timed since the last snapshot; nothing if nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Why the figures are worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How long something took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    pub p50_nanos: u64,
    pub p99_nanos: u64,
    pub max_nanos: u64,
}

/// Writes a line to standard output.
#[expect(clippy::print_stdout, reason = "it is how a program reports")]
pub(crate) fn say(line: &Line) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => unreachable!("numbers and texts have a JSON form: {error}"),
    }
}
