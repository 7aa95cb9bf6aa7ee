use std::thread;
use std::time::Duration;

use korinet_bench::{Failure, Options, Role, Snapshot, Workload, cores};

use crate::case::{Case, Group, Placement};
use crate::far::Far;
use crate::figures::Measured;
use crate::plan::Plan;
use crate::process::Process;
use crate::rows::Row;
use crate::syscalls;

/// How long the memory of idle sessions is left to settle.
const SETTLING: Duration = Duration::from_secs(1);

/// Runs both processes of a row once.
pub(crate) fn measure(row: &Row, case: &Case, plan: &Plan) -> Result<Measured, Failure> {
    let core = match case.placement {
        Placement::Pinned => cores().last().copied(),
        Placement::Free => None,
    };
    let mut options = Options {
        variant: row.variant.to_owned(),
        size: case.size,
        sessions: case.sessions,
        window: (case.group == Group::Far).then_some(crate::far::WINDOW),
        core,
        ..Options::new(Role::Server, case.workload)
    };
    let mut server = Process::start(row, &options.arguments())?;
    let endpoint = server.listening()?;
    let far = match case.group {
        Group::Far => Some(Far::before(endpoint.port)?),
        Group::Rtt
        | Group::Stream
        | Group::Duplex
        | Group::Sessions
        | Group::Connect
        | Group::Resume
        | Group::Idle => None,
    };
    options.role = Role::Client;
    options.port = far.as_ref().map_or(endpoint.port, Far::port);
    options.certificate = endpoint.certificate;
    server.mark()?;
    let alone = server.snapshot()?;
    let mut client = Process::start(row, &options.arguments())?;
    client.ready()?;
    if case.workload == Workload::Idle {
        thread::sleep(SETTLING);
        server.mark()?;
        let with = server.snapshot()?;
        return Measured::memory(&alone, &with, case);
    }
    thread::sleep(warm_up(case, plan));
    let before = Both::of(&mut client, &mut server)?;
    let counted = if plan.syscalls {
        let server = endpoint.process.unwrap_or_else(|| server.id());
        Some(syscalls::count(client.id(), server)?)
    } else {
        thread::sleep(span(case, plan));
        None
    };
    let after = Both::of(&mut client, &mut server)?;
    let measured = Measured::between(&before, &after, case)?;
    Ok(match counted {
        Some(counted) => measured.with_syscalls(counted),
        None => measured,
    })
}

/// A far way is filled in several round trips.
fn warm_up(case: &Case, plan: &Plan) -> Duration {
    match case.group {
        Group::Far => plan.warm_up + 10 * crate::far::ROUND_TRIP,
        Group::Sessions => plan.warm_up + wave(case),
        Group::Rtt
        | Group::Stream
        | Group::Duplex
        | Group::Connect
        | Group::Resume
        | Group::Idle => plan.warm_up,
    }
}

fn span(case: &Case, plan: &Plan) -> Duration {
    match case.group {
        Group::Far => plan.span.max(10 * crate::far::ROUND_TRIP),
        Group::Sessions => plan.span.max(wave(case)),
        Group::Rtt
        | Group::Stream
        | Group::Duplex
        | Group::Connect
        | Group::Resume
        | Group::Idle => plan.span,
    }
}

/// On one thread, many sessions that send as fast as they can take turns in filling their whole windows, so what
/// arrives comes in waves, and several of them are watched.
fn wave(case: &Case) -> Duration {
    let sessions = u32::try_from(case.sessions).unwrap_or(u32::MAX);
    match case.workload {
        Workload::Stream => Duration::from_millis(3) * sessions,
        Workload::Rtt
        | Workload::Duplex
        | Workload::Connect
        | Workload::Resume
        | Workload::Idle => Duration::ZERO,
    }
}

/// What both processes say at one moment.
#[derive(Debug)]
pub(crate) struct Both {
    pub(crate) client: Snapshot,
    pub(crate) server: Snapshot,
}

impl Both {
    fn of(client: &mut Process, server: &mut Process) -> Result<Self, Failure> {
        // Both are asked before either is waited for.
        client.mark()?;
        server.mark()?;
        Ok(Self {
            client: client.snapshot()?,
            server: server.snapshot()?,
        })
    }
}
