//! Where an act takes place: the events of its processes, and what the servers printed so far.

use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::process::{Event, Process, Source, What};
use super::screen::Screen;
use super::tally::Line;
use crate::failure::{Failure, while_doing};

/// What the command says on standard error once it can be connected to.
const LISTENING: &str = "listening on ";
/// The count is told of when it has gone on by so much.
const STRIDE: u64 = 250;

pub(crate) struct Stage<'a> {
    screen: &'a Screen,
    deadline: Instant,
    sender: Sender<Event>,
    events: Receiver<Event>,
    lines: Vec<Line>,
    /// The highest number that was told of as it came.
    told: u64,
    cuts: u32,
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
            told: 0,
            cuts: 0,
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

    /// How often the proxies cut a connection.
    pub(crate) fn cuts(&self) -> u32 {
        self.cuts
    }

    /// Starts a process that listens, and waits until it can be connected to at the address returned.
    pub(crate) fn start_host(
        &mut self,
        command: Command,
        who: Source,
    ) -> Result<(Process, String), Failure> {
        let host = Process::start(command, who, &self.sender)
            .map_err(while_doing("starting the korinet command"))?;
        loop {
            let event = self.next()?;
            if event.from == who
                && let What::Remarked(text) = &event.what
                && let Some(text) = text.strip_prefix(LISTENING)
            {
                // The proxy goes on with its target and its seed, the listener with what it speaks.
                let address = text.split([',', ' ']).next().unwrap_or(text);
                return Ok((host, address.to_owned()));
            }
            self.take(event)?;
        }
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

    pub(crate) fn last_number(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.number)
    }

    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match (event.from, event.what) {
            (Source::Server(run), What::Printed(text)) => {
                let line = read(run, &text).ok_or_else(|| {
                    failed(format!("server {run} printed something else: {text}"))
                })?;
                self.take_line(line);
            }
            (Source::Proxy(run), What::Remarked(text)) => self.take_remark_of_proxy(run, &text),
            (Source::Server(run), What::Remarked(text)) => {
                self.screen.aside(&format!("server {run}: {text}"));
            }
            (Source::Client, What::Remarked(text)) => self.screen.aside(&format!("client: {text}")),
            // The Python package prints remarks of its own, and a proxy sums up.
            (Source::Client | Source::Proxy(_), What::Printed(_)) => {}
            // Where an end is right it is waited for, and does not come here.
            (Source::Client, What::Ended) => {
                return Err(failed("the client ended too early".to_owned()));
            }
            (Source::Server(run), What::Ended) => {
                return Err(failed(format!("server {run} ended by itself")));
            }
            (Source::Proxy(run), What::Ended) => {
                return Err(failed(format!("proxy {run} ended by itself")));
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: Line) {
        let (run, number) = (line.run, line.number);
        if run > 1 && self.lines.last().is_some_and(|last| last.run != run) {
            let flag = if line.redelivered { ", flagged" } else { "" };
            self.screen
                .say(&format!("server {run} goes on with number {number}{flag}"));
        }
        if number.is_multiple_of(STRIDE) && number > self.told {
            self.screen.say(&format!("number {number} has arrived"));
            self.told = number;
        }
        self.lines.push(line);
    }

    /// Of what happens to connections only the cuts are of interest: the two ends tell of the rest.
    fn take_remark_of_proxy(&mut self, run: u32, text: &str) {
        let is_of_connection = text.starts_with("connection ");
        if is_of_connection && text.contains(" cut by ") {
            self.cuts += 1;
            self.screen.bad(&format!("proxy {run}: {text}"));
        } else if !is_of_connection && !text.starts_with("faults: ") {
            self.screen.aside(&format!("proxy {run}: {text}"));
        }
    }
}

fn failed(text: String) -> Failure {
    Failure::Failed(text)
}

/// A line of the command's output: `{"id": …, "data": {"n": …}}`, with `"redelivered": true` or without.
fn read(run: u32, text: &str) -> Option<Line> {
    let message: Value = serde_json::from_str(text).ok()?;
    let id = message.get("id")?.as_str()?.to_owned();
    let number = message.get("data")?.get("n")?.as_u64()?;
    let redelivered = match message.get("redelivered") {
        Some(flag) => flag.as_bool()?,
        None => false,
    };
    Some(Line {
        run,
        id,
        number,
        redelivered,
    })
}

#[cfg(test)]
mod tests {
    use super::{Line, read};

    #[test]
    fn a_printed_message_is_read() {
        let mut expected = Line {
            run: 2,
            id: "00ff/7".into(),
            number: 7,
            redelivered: false,
        };
        let text = r#"{"id":"00ff/7","data":{"n":7}}"#;
        assert_eq!(read(2, text).as_ref(), Some(&expected));
        expected.redelivered = true;
        let text = r#"{"id":"00ff/7","data":{"n":7},"redelivered":true}"#;
        assert_eq!(read(2, text), Some(expected));
    }

    #[test]
    fn anything_else_is_not_a_message() {
        for text in ["", "ok", r#"{"id":"a"}"#, r#"{"id":"a","data":{"n":-1}}"#] {
            assert_eq!(read(1, text), None, "{text}");
        }
    }
}
