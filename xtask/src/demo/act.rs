//! One act: a client counts, and its link is cut and its server killed while it does.

use std::io::Write;
use std::path::PathBuf;
use std::process::{ChildStdin, Command};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::hosts::{Hosts, Link};
use super::process::{Event, Process, Source};
use super::screen::Screen;
use super::stage::Stage;
use super::tally::{self, Resend, Tally};
use crate::failure::{Failure, while_doing};
use crate::workspace;

pub(crate) struct Act {
    pub(crate) title: &'static str,
    pub(crate) counter: Counter,
    pub(crate) numbers: u64,
    /// Between two numbers, so that there is something to watch; the Python package has its own.
    pub(crate) pace: Duration,
    /// The proxy between client and server at first; without it they are connected directly.
    pub(crate) link: Option<Link>,
    /// What happens, each once this number has arrived.
    pub(crate) troubles: &'static [(u64, Trouble)],
}

#[derive(Clone, Copy)]
pub(crate) enum Trouble {
    /// The server is killed, and another takes its place.
    Kill,
    /// The link is another from here on.
    Link(Link),
    /// Server and link go down at once, and others take their places.
    KillAll(Link),
}

/// Who counts.
pub(crate) enum Counter {
    V3,
    V2,
    /// The Python package, run by this Python.
    Python(PathBuf),
}

impl Act {
    pub(crate) fn play(&self, screen: &Screen, deadline: Instant) -> Result<(), Failure> {
        screen.title(self.title);
        let mut stage = Stage::new(screen, deadline);
        let servers = self.count(&mut stage)?;
        self.judge(&stage, servers)
    }

    /// Plays it through and says how many servers it took.
    fn count(&self, stage: &mut Stage<'_>) -> Result<u32, Failure> {
        let mut hosts = Hosts::start(stage, self.link)?;
        let mut client = self.start_client(hosts.address(), stage.sender())?;
        let (screen, upto, pid) = (stage.screen(), self.numbers, client.id());
        screen.say(&format!("client (process {pid}) counts to {upto}"));
        for (at, trouble) in self.troubles {
            stage.watch_until_number(*at)?;
            match trouble {
                Trouble::Kill => hosts.restart_server(stage)?,
                Trouble::Link(link) => hosts.change_link(stage, *link)?,
                Trouble::KillAll(link) => hosts.restart_all(stage, *link)?,
            }
        }
        stage.watch_until_ended(Source::Client)?;
        let status = client.wait_until(stage.deadline());
        match status.map_err(while_doing("waiting for the client"))? {
            Some(status) if status.success() => {}
            Some(status) => return Err(Failure::Failed(format!("the client ended with {status}"))),
            None => return Err(Failure::Failed("the client did not end".to_owned())),
        }
        screen.say("client is done, its last number is acknowledged");
        hosts.end(stage)?;
        Ok(hosts.servers())
    }

    fn start_client(&self, address: &str, events: &Sender<Event>) -> Result<Process, Failure> {
        let mut client = Process::start(self.client_command(address), Source::Client, events)
            .map_err(while_doing("starting the client"))?;
        if matches!(self.counter, Counter::V3 | Counter::V2)
            && let Some(stdin) = client.take_stdin()
        {
            let (upto, pace) = (self.numbers, self.pace);
            thread::spawn(move || feed(stdin, upto, pace));
        }
        Ok(client)
    }

    fn client_command(&self, address: &str) -> Command {
        match &self.counter {
            Counter::V3 => {
                let mut command = Command::new(workspace::korinet());
                command.args(["connect", address, "--timeout", "30s"]);
                // So that silence is noticed soon enough for someone who watches.
                command.args(["--keepalive", "300ms"]);
                command
            }
            Counter::V2 => {
                let mut command = Command::new(workspace::korinet());
                command.args(["connect", address, "--protocol", "v2", "--timeout", "30s"]);
                command
            }
            Counter::Python(python) => {
                let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
                let mut command = Command::new(python);
                command.args(["-c", include_str!("count.py"), host, port]);
                command.arg(self.numbers.to_string());
                command
            }
        }
    }

    fn judge(&self, stage: &Stage<'_>, servers: u32) -> Result<(), Failure> {
        let (screen, upto) = (stage.screen(), self.numbers);
        let resend = self.counter.resend();
        let tally = tally::tally(stage.lines(), upto, resend).map_err(|fault| {
            screen.bad(&fault.to_string());
            Failure::Failed(fault.to_string())
        })?;
        let (all, kills) = (stage.lines().len(), servers - 1);
        screen.say(&format!("{servers} servers printed {all} lines"));
        for line in repeats(&tally, resend) {
            screen.say(&line);
        }
        let through = match self.link {
            Some(_) if stage.cuts() == 0 => {
                return Err(Failure::Failed(
                    "no link was cut, so nothing was shown".to_owned(),
                ));
            }
            Some(_) => format!("{} cuts and {kills} killed servers", stage.cuts()),
            None => format!("{kills} killed servers"),
        };
        screen.good(&format!(
            "1 to {upto}: all there, in order, through {through}"
        ));
        Ok(())
    }
}

impl Counter {
    /// What it does with a message whose acknowledgement was lost with the server.
    fn resend(&self) -> Resend {
        match self {
            Self::V3 => Resend::Flagged,
            Self::V2 => Resend::SameId,
            Self::Python(_) => Resend::NewId,
        }
    }
}

/// What there is to say of numbers that were printed more than once.
fn repeats(tally: &Tally, resend: Resend) -> Vec<String> {
    match resend {
        Resend::Flagged => vec![
            format!(
                "{} of them came again, all after a killed server and all flagged \"redelivered\"",
                tally.flagged_again
            ),
            format!(
                "{} more came once, flagged like all that waits when a session is found lost",
                tally.flagged_once
            ),
            "no cut and no silence made any number come again".to_owned(),
        ],
        Resend::SameId => vec![format!(
            "{} of them came again under an id already seen, and were left out",
            tally.same_id
        )],
        Resend::NewId => vec![format!(
            "{} of them were sent again by the Python package under a new id",
            tally.new_id
        )],
    }
}

/// Writes the count, one JSON object per line, until the client is gone.
fn feed(mut stdin: ChildStdin, upto: u64, pace: Duration) {
    for number in 1..=upto {
        if writeln!(stdin, r#"{{"n": {number}}}"#).is_err() {
            return;
        }
        thread::sleep(pace);
    }
}
