//! The server's process, seen from outside.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Notify, watch};

use super::placement::by_bystander;
use crate::within;

/// Far beyond the time that it takes to say something.
const LONG: Duration = Duration::from_secs(20);

/// A server that runs until this is dropped.
pub(crate) struct Process {
    /// Killed when it is dropped.
    _child: Child,
    input: tokio::sync::Mutex<ChildStdin>,
    addr: SocketAddr,
    said: Arc<Said>,
    figures: watch::Receiver<Figures>,
}

/// What a server says of itself, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(pub(crate) BTreeMap<String, u64>);

impl Figures {
    /// # Panics
    ///
    /// If it says nothing of that.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> u64 {
        let found = self.0.get(name);
        *found.unwrap_or_else(|| panic!("no figure {name}: {self:?}"))
    }
}

/// What a server said of connections and sessions.
#[derive(Debug, Default)]
struct Said {
    lines: Mutex<Vec<Line>>,
    more: Notify,
}

/// What came of one connection or session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// `refused`, `detached` or `closed`.
    pub(crate) what: String,
    /// Whose.
    pub(crate) peer: Option<IpAddr>,
    /// The error, as `Debug` shows it.
    pub(crate) error: String,
}

impl Process {
    /// Starts the program with these settings.
    pub(crate) async fn start(program: &Path, arguments: &[String]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = by_bystander(async move { command.spawn() }).await;
        let mut child = spawned.unwrap_or_else(|error| {
            panic!("cannot start {}: {error}", program.display());
        });
        let input = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = within("the server", lines.next_line()).await.unwrap();
        let first = first.unwrap_or_else(|| panic!("no server: {arguments:?}"));
        let addr = first.strip_prefix("listening ").unwrap().parse().unwrap();
        let said = Arc::new(Said::default());
        let (figures_sender, figures) = watch::channel(Figures::default());
        tokio::spawn(listen(lines, Arc::clone(&said), figures_sender));
        Self {
            _child: child,
            input: tokio::sync::Mutex::new(input),
            addr,
            said,
            figures,
        }
    }

    /// Where it listens.
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How it stands now. What it said before that is known then.
    pub(crate) async fn figures(&self) -> Figures {
        let mut figures = self.figures.clone();
        figures.mark_unchanged();
        // One at a time, so that the answer is to this question.
        let mut input = self.input.lock().await;
        input.write_all(b"\n").await.expect("the server is there");
        let answered = within("the server's figures", figures.changed()).await;
        answered.expect("the server is there");
        let figures = figures.borrow();
        figures.clone()
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> Vec<Line> {
        self.said.lines.lock().unwrap().clone()
    }

    /// Waits until it has said this, or for long; whether it has.
    pub(crate) async fn has_said(&self, is_it: impl Fn(&[Line]) -> bool) -> bool {
        let waiting = async {
            loop {
                let more = self.said.more.notified();
                tokio::pin!(more);
                more.as_mut().enable();
                if is_it(&self.said.lines.lock().unwrap()) {
                    return;
                }
                more.await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.is_ok()
    }
}

async fn listen(
    mut lines: tokio::io::Lines<BufReader<ChildStdout>>,
    said: Arc<Said>,
    figures: watch::Sender<Figures>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(rest) = line.strip_prefix("figures ") {
            figures.send_replace(Figures(rest.split(' ').map(figure).collect()));
            continue;
        }
        said.lines.lock().unwrap().push(parse(&line));
        said.more.notify_waiters();
    }
}

fn figure(text: &str) -> (String, u64) {
    let (name, value) = text.split_once('=').unwrap();
    (name.to_owned(), value.parse().unwrap())
}

fn parse(line: &str) -> Line {
    let mut parts = line.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let (what, peer, error) = (next(), next(), next());
    let peer = peer.parse::<SocketAddr>().ok().map(|peer| peer.ip());
    Line { what, peer, error }
}
