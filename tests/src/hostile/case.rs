use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use korinet::{ConnectionError, Ending};
use korinet_wire::DecodeErrorKind;

use super::healthy::Healthy;
use super::process::Line;
use super::{Arena, Papers, Report, Size, Told};

/// One thing that somebody does to a server, and what has to come of it.
pub struct Case {
    /// What.
    pub name: &'static str,
    /// Settings of the server.
    pub(super) server: Vec<String>,
    /// All that comes of the attackers' connections and sessions, other than that they go by themselves.
    pub(super) faults: Vec<Fault>,
    /// What may come of them beside that, depending on who is faster.
    pub(super) maybe: Vec<(Fault, Told)>,
    /// All that attackers are told.
    pub(super) told: Vec<Told>,
    attack: Box<dyn Attack>,
}

/// What comes of a connection or session, as the server says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// A connection gets no session.
    Refused(ConnectionError),
    /// The same, since what came was no frame.
    RefusedFrame(DecodeErrorKind),
    /// A session loses its connection.
    Detached(ConnectionError),
    /// The same, since what came was no frame.
    DetachedFrame(DecodeErrorKind),
    /// A session is over.
    Closed(Ending),
    /// Any of this kind whose error, as `Debug` shows it, begins like this: the rest is by chance, or not for programs.
    Like(&'static str, String),
}

trait Attack {
    fn run<'a>(&'a self, arena: &'a Arena) -> Pin<Box<dyn Future<Output = Vec<Told>> + 'a>>;
}

impl<F: AsyncFn(&Arena) -> Vec<Told>> Attack for F {
    fn run<'a>(&'a self, arena: &'a Arena) -> Pin<Box<dyn Future<Output = Vec<Told>> + 'a>> {
        Box::pin(self(arena))
    }
}

impl Case {
    /// The attack gives back all that attackers were told last.
    pub(super) fn new(
        name: &'static str,
        attack: impl AsyncFn(&Arena) -> Vec<Told> + 'static,
    ) -> Self {
        Self {
            name,
            server: Vec::new(),
            faults: Vec::new(),
            maybe: Vec::new(),
            told: Vec::new(),
            attack: Box::new(attack),
        }
    }

    /// With these settings, separated by blanks.
    pub(super) fn server(mut self, settings: &str) -> Self {
        self.server.extend(settings.split(' ').map(str::to_owned));
        self
    }

    pub(super) fn refused(self, reason: ConnectionError) -> Self {
        self.fault(Fault::Refused(reason))
    }

    pub(super) fn refused_frame(self, kind: DecodeErrorKind) -> Self {
        self.fault(Fault::RefusedFrame(kind))
    }

    pub(super) fn detached_frame(self, kind: DecodeErrorKind) -> Self {
        self.fault(Fault::DetachedFrame(kind))
    }

    pub(super) fn detached(self, reason: ConnectionError) -> Self {
        self.fault(Fault::Detached(reason))
    }

    pub(super) fn closed(self, why: Ending) -> Self {
        self.fault(Fault::Closed(why))
    }

    pub(super) fn like(self, what: &'static str, start: impl Into<String>) -> Self {
        self.fault(Fault::Like(what, start.into()))
    }

    /// Depending on who is faster, some are refused like this, and told that.
    pub(super) fn maybe_refused(mut self, reason: ConnectionError, told: Told) -> Self {
        self.maybe.push((Fault::Refused(reason), told));
        self
    }

    fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    pub(super) fn told(mut self, told: Told) -> Self {
        self.told.push(told);
        self
    }

    /// The budget of the server's sessions, in bytes.
    pub(super) fn budget(&self) -> u64 {
        let defaults = super::settings::DEFAULTS.iter().copied();
        let settings = defaults.chain(self.server.iter().map(String::as_str));
        let mut budgets = settings.filter_map(|it| it.strip_prefix("max_memory="));
        budgets
            .next_back()
            .expect("there is a default")
            .parse()
            .unwrap()
    }
}

impl Fault {
    pub(super) fn is(&self, line: &Line) -> bool {
        // Where in the frame it was is of no interest here.
        let frame = |kind: &DecodeErrorKind| format!("Decode(DecodeError {{ kind: {kind:?}, at: ");
        let (what, error) = match self {
            Self::Refused(reason) => ("refused", format!("{reason:?}")),
            Self::RefusedFrame(kind) => ("refused", frame(kind)),
            Self::Detached(reason) => ("detached", format!("{reason:?}")),
            Self::DetachedFrame(kind) => ("detached", format!("Violation({}", frame(kind))),
            Self::Closed(why) => ("closed", format!("{why:?}")),
            Self::Like(what, start) => (*what, start.clone()),
        };
        let is_error = match self {
            Self::RefusedFrame(_) | Self::DetachedFrame(_) | Self::Like(..) => {
                line.error.starts_with(&error)
            }
            Self::Refused(_) | Self::Detached(_) | Self::Closed(_) => line.error == error,
        };
        line.what == what && is_error
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(reason) => write!(f, "refused: {reason}"),
            Self::RefusedFrame(kind) => write!(f, "refused: {kind}"),
            Self::Detached(reason) => write!(f, "detached: {reason}"),
            Self::DetachedFrame(kind) => write!(f, "detached: {kind}"),
            Self::Closed(why) => match why.as_error() {
                Some(error) => write!(f, "over: {}", crate::chain(&error)),
                None => f.write_str("over"),
            },
            Self::Like(what, start) => write!(f, "{what}: {start}.."),
        }
    }
}

/// Goes through a case: the server alone with a healthy session, then under attack, then alone again.
///
/// # Panics
///
/// The healthy session lost something or got it twice; the server hangs; or whoever comes after the attack is not served.
pub async fn run(case: &Case, program: &Path, papers: &Arc<Papers>, size: Size) -> Report {
    let arena = Arena::start(program, papers, size, case).await;
    let healthy = Healthy::connect(arena.patient_client(), arena.host()).await;
    let alone = healthy.exchange(arena.either(30, 500)).await;
    let before = arena.figures().await;
    healthy.go();
    let told = case.attack.run(&arena).await;
    for fault in &case.faults {
        // The report tells what is missing.
        let _ = arena.has_said(1, |line| fault.is(line)).await;
    }
    let attacked = healthy.stop().await;
    let after = arena.figures().await;
    arena.latecomer().await;
    let account = healthy.close().await;
    Report {
        told: told.into_iter().collect(),
        said: arena.said(),
        alone,
        attacked,
        before,
        after,
        account,
    }
}
