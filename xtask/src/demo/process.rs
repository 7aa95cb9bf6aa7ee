//! A child process whose output arrives as events, and that does not outlive its handle.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

/// Who an event is from: the counting client, or the server or proxy process with this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Client,
    Server(u32),
    Proxy(u32),
}

#[derive(Debug)]
pub(crate) enum What {
    Printed(String),
    Remarked(String),
    /// Both outputs are at their end: the process is gone, or about to be.
    Ended,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) from: Source,
    pub(crate) what: What,
}

pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(
        mut command: Command,
        from: Source,
        events: &Sender<Event>,
    ) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let sender = events.clone();
        let remarks = thread::spawn(move || forward(stderr, &sender, from, What::Remarked));
        let events = events.clone();
        thread::spawn(move || {
            forward(stdout, &events, from, What::Printed);
            // The last words of a process that fails come before its end, not after it.
            let _ = remarks.join();
            let what = What::Ended;
            // Nobody listens any more when the act is over.
            let _ = events.send(Event { from, what });
        });
        Ok(Self { child })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// SIGKILL on Unix: the process gets no chance to say goodbye.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// How the process ended, or nothing if it still runs at the deadline.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already, and there is no one to tell if it cannot be killed.
        let _ = self.kill();
    }
}

fn forward(
    pipe: Option<impl Read>,
    events: &Sender<Event>,
    from: Source,
    what: fn(String) -> What,
) {
    let Some(pipe) = pipe else { return };
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    // A line without its end was cut off by a kill: whoever wrote it had not finished writing it.
    while lines.read_until(b'\n', &mut line).is_ok() && line.pop() == Some(b'\n') {
        let text = String::from_utf8_lossy(&line).into_owned();
        let what = what(text);
        if events.send(Event { from, what }).is_err() {
            return;
        }
        line.clear();
    }
}
