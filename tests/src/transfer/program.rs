//! The command as a process, and how much memory it takes.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::measure::idle::of_status_of;

/// How often the memory of a process is looked at that ends by itself.
const LOOK: Duration = Duration::from_millis(50);

/// A process to be started.
#[derive(Debug)]
pub(super) struct Program(Command);

/// One that is; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Program {
    pub(super) fn new(path: &Path) -> Self {
        let mut command = Command::new(path);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.kill_on_drop(true);
        Self(command)
    }

    pub(super) fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.0.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(&mut self, args: impl IntoIterator<Item = A>) -> &mut Self {
        self.0.args(args);
        self
    }

    /// Starts it, and waits until it listens; where it does.
    pub(super) async fn listen(&mut self) -> (Running, String) {
        self.0.stderr(Stdio::piped());
        let mut running = self.spawn();
        let stderr = running.0.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines();
        let line = lines.next_line().await;
        let line = line.expect("it tells text").expect("it tells something");
        let addr = line
            .strip_prefix("listening on ")
            .and_then(|rest| rest.split_once(' '));
        let (addr, _) = addr.unwrap_or_else(|| panic!("{line}"));
        let addr = addr.to_owned();
        // What it tells of the link is read, so that it is not held up, and of no interest.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        (running, addr)
    }

    /// Runs it to its end, which is to be a success; the most memory that it took.
    pub(super) async fn succeed(&mut self) -> u64 {
        self.0.stderr(Stdio::null());
        let mut running = self.spawn();
        let mut most = 0;
        loop {
            tokio::select! {
                status = running.0.wait() => {
                    let status = status.expect("it can be waited for");
                    assert!(status.success(), "{status}");
                    return most;
                }
                () = tokio::time::sleep(LOOK) => most = most.max(running.peak_memory()),
            }
        }
    }

    fn spawn(&mut self) -> Running {
        Running(self.0.spawn().expect("the command starts"))
    }
}

impl Running {
    /// The most memory that it took so far, in bytes; 0 where the system does not tell.
    pub(super) fn peak_memory(&self) -> u64 {
        let id = self.0.id().map_or_else(String::new, |id| id.to_string());
        of_status_of(&id, "VmHWM:")
    }
}
