//! One act: a client counts, and its server is killed and started again while it does.

use std::io::Write;
use std::path::PathBuf;
use std::process::{ChildStdin, Command};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Event, Process, Source};
use super::screen::Screen;
use super::stage::Stage;
use super::tally::{self, Resend};
use crate::failure::{Failure, while_doing};
use crate::workspace;

/// How long the port stays deserted after a kill.
const DOWN: Duration = Duration::from_millis(300);
/// Between two numbers, so that there is something to watch.
const PACE: Duration = Duration::from_millis(2);

pub(crate) struct Act {
    pub(crate) title: &'static str,
    pub(crate) counter: Counter,
    pub(crate) numbers: u64,
    pub(crate) kills: u32,
    pub(crate) resend: Resend,
}

/// Who counts.
pub(crate) enum Counter {
    Rust,
    /// The Python package, run by this Python.
    Python(PathBuf),
}

impl Act {
    pub(crate) fn play(&self, screen: &Screen, deadline: Instant) -> Result<(), Failure> {
        screen.title(self.title);
        let mut stage = Stage::new(screen, deadline);
        self.count(&mut stage)?;
        self.judge(&stage)
    }

    fn count(&self, stage: &mut Stage<'_>) -> Result<(), Failure> {
        let (mut server, address) = stage.start_server(1, "127.0.0.1:0")?;
        let mut client = self.start_client(&address, stage.sender())?;
        let (screen, upto, pid) = (stage.screen(), self.numbers, client.id());
        screen.say(&format!("client (process {pid}) counts to {upto}"));
        for kill in 1..=self.kills {
            let enough = upto * u64::from(kill) / u64::from(self.kills + 1);
            stage.watch_until_number(enough)?;
            stage.kill_server(kill, &mut server)?;
            stage.pause(DOWN)?;
            (server, _) = stage.start_server(kill + 1, &address)?;
        }
        stage.watch_until_ended(Source::Client)?;
        let status = client.wait_until(stage.deadline());
        match status.map_err(while_doing("waiting for the client"))? {
            Some(status) if status.success() => {}
            Some(status) => return Err(Failure::Failed(format!("the client ended with {status}"))),
            None => return Err(Failure::Failed("the client did not end".to_owned())),
        }
        screen.say("client is done, its last number is acknowledged");
        server.kill().map_err(while_doing("killing the server"))?;
        stage.watch_until_ended(Source::Server(self.kills + 1))
    }

    fn start_client(&self, address: &str, events: &Sender<Event>) -> Result<Process, Failure> {
        let command = match &self.counter {
            Counter::Rust => {
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
        };
        let mut client = Process::start(command, Source::Client, events)
            .map_err(while_doing("starting the client"))?;
        if let (Counter::Rust, Some(stdin)) = (&self.counter, client.take_stdin()) {
            let upto = self.numbers;
            thread::spawn(move || feed(stdin, upto));
        }
        Ok(client)
    }

    fn judge(&self, stage: &Stage<'_>) -> Result<(), Failure> {
        let (screen, upto) = (stage.screen(), self.numbers);
        let tally = tally::tally(stage.lines(), upto, self.resend).map_err(|fault| {
            screen.bad(&fault.to_string());
            Failure::Failed(fault.to_string())
        })?;
        let (all, servers) = (stage.lines().len(), self.kills + 1);
        screen.say(&format!("{servers} servers printed {all} lines"));
        match self.resend {
            Resend::SameId => screen.say(&format!(
                "{} of them came again under an id already seen, and were left out",
                tally.same_id
            )),
            Resend::NewId => screen.say(&format!(
                "{} of them were sent again by the Python package under a new id",
                tally.new_id
            )),
        }
        screen.good(&format!(
            "1 to {upto}: all there, in order, through {} kills",
            self.kills
        ));
        Ok(())
    }
}

/// Writes the count, one JSON object per line, until the client is gone.
fn feed(mut stdin: ChildStdin, upto: u64) {
    for number in 1..=upto {
        if writeln!(stdin, r#"{{"n": {number}}}"#).is_err() {
            return;
        }
        thread::sleep(PACE);
    }
}
