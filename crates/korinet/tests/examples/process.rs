use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A running example; dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

/// An example's program, as cargo puts it beside the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "there is no {}: build it by `cargo build --workspace --examples`",
        path.display()
    );
    path
}

impl Process {
    pub(crate) fn start(name: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(path(name)).args(arguments))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let mut lines = stdout.lines().map_while(Result::ok);
            lines.try_for_each(|line| sender.send(line))
        });
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            stderr: Some(stderr),
        }
    }

    /// One that listens, and where.
    pub(crate) fn listening(name: &str, arguments: &[&str]) -> (Self, String) {
        let mut process = Self::start(name, arguments);
        let line = process.line();
        let (_, addr) = line
            .split_once("ing on ")
            .expect("where it listens or serves");
        (process, addr.to_owned())
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        self.lines.recv_timeout(LONG).unwrap_or_else(|_| {
            self.kill();
            panic!("no line came: {}", self.errors())
        })
    }

    /// The next line that it prints; `None` when it ends without one.
    pub(crate) fn line_or_end(&self) -> Option<String> {
        match self.lines.recv_timeout(LONG) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("neither a line nor its end came"),
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("its input is open");
        writeln!(stdin, "{line}").unwrap();
    }

    /// The end of its input.
    pub(crate) fn hush(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end, which is a good one; what it printed last.
    pub(crate) fn succeeds(mut self) -> Vec<String> {
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.errors());
        self.lines.iter().collect()
    }

    /// Waits for its end, which is a bad one; what it says about it.
    pub(crate) fn fails(mut self) -> String {
        let status = self.wait();
        let errors = self.errors();
        assert_eq!(status.code(), Some(1), "{errors}");
        errors
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// As Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let pid = self.child.id().to_string();
        let kill = ["-c", "kill -s INT \"$0\"", &pid];
        assert!(Command::new("sh").args(kill).status().unwrap().success());
    }

    /// Whoever waits for it for ever is killed by whoever runs the tests, as are all tests.
    fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn errors(&mut self) -> String {
        let reader = self.stderr.take().expect("nobody has read it");
        reader.join().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
