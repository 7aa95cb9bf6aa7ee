use korinet_bench::{Failure, Latency, Snapshot, Workload};
use serde::Serialize;

use crate::case::{Case, Headline};
use crate::measure::Both;
use crate::rows::Row;
use crate::syscalls::Counted;

/// What one run of both processes gave.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Measured {
    pub(crate) messages_per_second: f64,
    pub(crate) bytes_per_second: f64,
    pub(crate) client_cpu_nanos_per_message: f64,
    pub(crate) server_cpu_nanos_per_message: f64,
    pub(crate) latency: Option<Latency>,
    pub(crate) resident_bytes_per_session: Option<f64>,
    pub(crate) client_syscalls_per_message: Option<f64>,
    pub(crate) server_syscalls_per_message: Option<f64>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures are shown in three digits"
)]
impl Measured {
    pub(crate) fn between(before: &Both, after: &Both, case: &Case) -> Result<Self, Failure> {
        let client = Difference::of(&before.client, &after.client);
        let server = Difference::of(&before.server, &after.server);
        let (messages, rate) = match case.workload {
            // Each counts what it received; where a broker acknowledges, the client counts that.
            Workload::Stream | Workload::Duplex => (
                client.messages + server.messages,
                client.rate() + server.rate(),
            ),
            Workload::Rtt | Workload::Connect | Workload::Resume | Workload::Idle => {
                (client.messages, client.rate())
            }
        };
        if messages == 0 {
            return Err("no message arrived in the time of the measurement".into());
        }
        Ok(Self {
            messages_per_second: rate,
            bytes_per_second: rate * case.size as f64,
            client_cpu_nanos_per_message: client.cpu_nanos as f64 / messages as f64,
            server_cpu_nanos_per_message: server.cpu_nanos as f64 / messages as f64,
            latency: after.client.latency,
            resident_bytes_per_session: None,
            client_syscalls_per_message: None,
            server_syscalls_per_message: None,
        })
    }

    pub(crate) fn memory(alone: &Snapshot, with: &Snapshot, case: &Case) -> Result<Self, Failure> {
        let sessions = u64::try_from(case.sessions)?;
        if with.messages < sessions {
            let text = format!("{} of {sessions} sessions have come", with.messages);
            return Err(text.into());
        }
        let bytes = with.resident_bytes.saturating_sub(alone.resident_bytes);
        Ok(Self {
            messages_per_second: 0.0,
            bytes_per_second: 0.0,
            client_cpu_nanos_per_message: 0.0,
            server_cpu_nanos_per_message: 0.0,
            latency: None,
            resident_bytes_per_session: Some(bytes as f64 / case.sessions as f64),
            client_syscalls_per_message: None,
            server_syscalls_per_message: None,
        })
    }

    pub(crate) fn with_syscalls(mut self, counted: Counted) -> Self {
        self.client_syscalls_per_message = Some(counted.client / self.messages_per_second);
        self.server_syscalls_per_message = Some(counted.server / self.messages_per_second);
        self
    }

    pub(crate) fn headline(&self, case: &Case) -> f64 {
        match case.headline() {
            Headline::Time => self.latency.map_or(0.0, |one| one.p50_nanos as f64 / 1e3),
            Headline::Messages => self.messages_per_second,
            Headline::Bytes => self.bytes_per_second / 1e6,
            Headline::Memory => self.resident_bytes_per_session.unwrap_or(0.0),
        }
    }
}

struct Difference {
    messages: u64,
    nanos: u64,
    cpu_nanos: u64,
}

impl Difference {
    const fn of(before: &Snapshot, after: &Snapshot) -> Self {
        Self {
            messages: after.messages - before.messages,
            nanos: after.at_nanos - before.at_nanos,
            cpu_nanos: after.cpu_nanos - before.cpu_nanos,
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "figures are shown in three digits"
    )]
    fn rate(&self) -> f64 {
        self.messages as f64 / (self.nanos as f64 / 1e9)
    }
}

/// All that was measured.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) row: &'static Row,
    pub(crate) case: Case,
    pub(crate) round: usize,
    pub(crate) outcome: Result<Measured, String>,
}

impl Figures {
    pub(crate) fn add(
        &mut self,
        row: &'static Row,
        case: Case,
        round: usize,
        outcome: Result<Measured, String>,
    ) {
        self.0.push(Figure {
            row,
            case,
            round,
            outcome,
        });
    }

    /// What succeeded of a row, by round.
    pub(crate) fn of(&self, row: &str, case: &Case) -> Vec<(usize, Measured)> {
        self.0
            .iter()
            .filter(|figure| figure.row.name == row && figure.case == *case)
            .filter_map(|figure| Some((figure.round, *figure.outcome.as_ref().ok()?)))
            .collect()
    }

    pub(crate) fn all(&self) -> &[Figure] {
        &self.0
    }

    /// One line for each measurement that failed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(|figure| {
            let why = figure.outcome.as_ref().err()?;
            Some(format!("{}, {}: {why}", figure.row.name, figure.case))
        })
    }
}
