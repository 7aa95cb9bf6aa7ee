use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use korinet_bench::{Endpoint, Failure, Line, Snapshot};

use crate::rows::Row;

/// How long a program may take for one line; opening 10,000 sessions is the longest, where each takes 130 KiB.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long a program may take to end when it is told to.
const ENDING: Duration = Duration::from_secs(3);

/// One of the two processes of a measurement.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    pub(crate) fn start(row: &Row, arguments: &[String]) -> Result<Self, Failure> {
        let role = arguments.first().map_or("", String::as_str);
        let name = format!("{} {role}", row.name);
        let mut child = row
            .command()?
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("starting {name}: {error}"))?;
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let complaints = child.stderr.take().map(|mut stderr| {
            thread::spawn(move || {
                let mut text = String::new();
                // What is no text has been said in vain.
                let _ = stderr.read_to_string(&mut text);
                text
            })
        });
        Ok(Self {
            name,
            stdin: child.stdin.take(),
            child,
            lines,
            complaints,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn listening(&mut self) -> Result<Endpoint, Failure> {
        match self.line()? {
            Line::Listening(endpoint) => Ok(endpoint),
            other @ (Line::Ready | Line::Snapshot(_)) => Err(self.unexpected(&other)),
        }
    }

    pub(crate) fn ready(&mut self) -> Result<(), Failure> {
        match self.line()? {
            Line::Ready => Ok(()),
            other @ (Line::Listening(_) | Line::Snapshot(_)) => Err(self.unexpected(&other)),
        }
    }

    /// Asks for a snapshot, which [`snapshot`](Self::snapshot) waits for.
    pub(crate) fn mark(&mut self) -> Result<(), Failure> {
        let written = self.stdin.as_mut().map(|stdin| stdin.write_all(b"mark\n"));
        match written {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(self.complaint()),
        }
    }

    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, Failure> {
        match self.line()? {
            Line::Snapshot(snapshot) => match snapshot.failure {
                Some(failure) => Err(format!("{}: {failure}", self.name).into()),
                None => Ok(snapshot),
            },
            other @ (Line::Listening(_) | Line::Ready) => Err(self.unexpected(&other)),
        }
    }

    fn line(&mut self) -> Result<Line, Failure> {
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            return Err(self.complaint());
        };
        let wrong = |error| format!("{} said \"{line}\": {error}", self.name).into();
        serde_json::from_str(&line).map_err(wrong)
    }

    fn unexpected(&self, line: &Line) -> Failure {
        format!("{} said {line:?} out of turn", self.name).into()
    }

    /// Why it says nothing more.
    fn complaint(&mut self) -> Failure {
        self.end();
        let text = self.complaints.take().and_then(|thread| thread.join().ok());
        let text = text.unwrap_or_default();
        let last = text.lines().rev().find(|line| !line.trim().is_empty());
        let last = last.unwrap_or("it said nothing in time, and no word why");
        format!("{}: {last}", self.name).into()
    }

    /// Tells it to end, and makes it if it does not.
    fn end(&mut self) {
        drop(self.stdin.take());
        let start = Instant::now();
        while let Ok(None) = self.child.try_wait() {
            if start.elapsed() > ENDING {
                // It may have ended just now, which is as good.
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
