//! Where an act takes place: the events of its processes, and what the servers printed so far.

use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{Event, Process, Source, What};
use super::screen::Screen;
use super::tally::Line;
use crate::failure::{Failure, while_doing};
use crate::workspace;

/// What the command says on standard error once it can be connected to.
const LISTENING: &str = "listening on ";

pub(crate) struct Stage<'a> {
    screen: &'a Screen,
    deadline: Instant,
    sender: Sender<Event>,
    events: Receiver<Event>,
    lines: Vec<Line>,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(screen: &'a Screen, deadline: Instant) -> Self {
        let (sender, events) = mpsc::channel();
        Self {
            screen,
            deadline,
            sender,
            events,
            lines: Vec::new(),
        }
    }

    pub(crate) fn screen(&self) -> &'a Screen {
        self.screen
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Where a process that joins the act sends its events.
    pub(crate) fn sender(&self) -> &Sender<Event> {
        &self.sender
    }

    /// What the servers have printed, in the order of its arrival.
    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(crate) fn start_server(
        &mut self,
        run: u32,
        address: &str,
    ) -> Result<(Process, String), Failure> {
        let mut command = Command::new(workspace::korinet());
        command.args(["listen", address, "--protocol", "auto"]);
        let server = Process::start(command, Source::Server(run), &self.sender)
            .map_err(while_doing("starting the server"))?;
        loop {
            let event = self.next()?;
            if event.from == Source::Server(run)
                && let What::Remarked(text) = &event.what
                && let Some(address) = text.strip_prefix(LISTENING)
            {
                let pid = server.id();
                self.screen.say(&format!(
                    "server {run} (process {pid}) listens on {address}"
                ));
                return Ok((server, address.to_owned()));
            }
            self.take(event)?;
        }
    }

    pub(crate) fn kill_server(&mut self, run: u32, server: &mut Process) -> Result<(), Failure> {
        server.kill().map_err(while_doing("killing the server"))?;
        self.watch_until_ended(Source::Server(run))?;
        let last = self.last_number();
        self.screen.bad(&format!(
            "server {run} killed, the last number that it printed is {last}"
        ));
        Ok(())
    }

    pub(crate) fn watch_until_number(&mut self, number: u64) -> Result<(), Failure> {
        while self.last_number() < number {
            let event = self.next()?;
            self.take(event)?;
        }
        Ok(())
    }

    pub(crate) fn watch_until_ended(&mut self, who: Source) -> Result<(), Failure> {
        loop {
            let event = self.next()?;
            if event.from == who && matches!(event.what, What::Ended) {
                return Ok(());
            }
            self.take(event)?;
        }
    }

    /// Goes on watching while nothing is awaited.
    pub(crate) fn pause(&mut self, pause: Duration) -> Result<(), Failure> {
        let end = Instant::now() + pause;
        while let Some(event) = self.next_until(end)? {
            self.take(event)?;
        }
        Ok(())
    }

    fn next(&self) -> Result<Event, Failure> {
        let last = self.last_number();
        self.next_until(self.deadline)?
            .ok_or_else(|| failed(format!("the demo took too long, stopped at {last}")))
    }

    fn next_until(&self, end: Instant) -> Result<Option<Event>, Failure> {
        let left = end.saturating_duration_since(Instant::now());
        match self.events.recv_timeout(left) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(error @ RecvTimeoutError::Disconnected) => Err(failed(error.to_string())),
        }
    }

    fn last_number(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.number)
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match (event.from, event.what) {
            (Source::Server(run), What::Printed(text)) => {
                let line = read(run, &text).ok_or_else(|| {
                    failed(format!("server {run} printed something else: {text}"))
                })?;
                if run > 1 && self.lines.last().is_some_and(|last| last.run != run) {
                    let number = line.number;
                    self.screen
                        .say(&format!("server {run} goes on with number {number}"));
                }
                self.lines.push(line);
            }
            (Source::Server(run), What::Remarked(text)) => {
                self.screen.aside(&format!("server {run}: {text}"));
            }
            (Source::Client, What::Remarked(text)) => self.screen.aside(&format!("client: {text}")),
            // The Python package prints remarks of its own.
            (Source::Client, What::Printed(_)) => {}
            // Where an end is right it is waited for, and does not come here.
            (Source::Client, What::Ended) => {
                return Err(failed("the client ended too early".to_owned()));
            }
            (Source::Server(run), What::Ended) => {
                return Err(failed(format!("server {run} ended by itself")));
            }
        }
        Ok(())
    }
}

fn failed(text: String) -> Failure {
    Failure::Failed(text)
}

/// A line of the command's output: `{"id": …, "data": {"n": …}}`.
fn read(run: u32, text: &str) -> Option<Line> {
    let message: Value = serde_json::from_str(text).ok()?;
    let id = message.get("id")?.as_str()?.to_owned();
    let number = message.get("data")?.get("n")?.as_u64()?;
    Some(Line { run, id, number })
}

#[cfg(test)]
mod tests {
    use super::{Line, read};

    #[test]
    fn a_printed_message_is_read() {
        let expected = Line {
            run: 2,
            id: "00ff".into(),
            number: 7,
        };
        assert_eq!(read(2, r#"{"id":"00ff","data":{"n":7}}"#), Some(expected));
    }

    #[test]
    fn anything_else_is_not_a_message() {
        for text in ["", "ok", r#"{"id":"a"}"#, r#"{"id":"a","data":{"n":-1}}"#] {
            assert_eq!(read(1, text), None, "{text}");
        }
    }
}
