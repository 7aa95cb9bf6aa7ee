//! Starts the command, waits for what it prints, and ends it with the test.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Long enough for the slowest machine; only a failure takes that long.
const DEADLINE: Duration = Duration::from_secs(20);

/// A running `korinet`, killed when the test is over.
pub(crate) struct Korinet {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Korinet {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::start_with(args, Stdio::piped())
    }

    /// As `start`, with stdout going to a file of the system.
    pub(crate) fn start_into(args: &[&str], path: &str) -> Self {
        let file = File::options().write(true).open(path).unwrap();
        Self::start_with(args, file.into())
    }

    pub(crate) fn start_with(args: &[&str], stdout: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_korinet"));
        command.args(args).stdout(stdout);
        Self::start_command(command)
    }

    /// Starts another program, in the same way.
    pub(crate) fn start_command(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: lines(child.stdout.take()),
            stderr: lines(child.stderr.take()),
            child,
        }
    }

    /// Starts a listener on a port of the system's choice; its address.
    pub(crate) fn listen(args: &[&str]) -> (Self, String) {
        let listener = Self::start(&[&["listen", "127.0.0.1:0"], args].concat());
        let addr = listener.listening_on();
        (listener, addr)
    }

    pub(crate) fn listening_on(&self) -> String {
        let line = self.err_line();
        let rest = line.strip_prefix("listening on ").expect(&line);
        // Behind it is what is spoken there.
        let (addr, _) = rest.split_once(' ').expect(&line);
        addr.to_owned()
    }

    pub(crate) fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn write_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        stdin.write_all(bytes).unwrap();
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn out_line(&self) -> String {
        self.stdout
            .recv_timeout(DEADLINE)
            .expect("a line on stdout")
    }

    pub(crate) fn err_line(&self) -> String {
        self.stderr
            .recv_timeout(DEADLINE)
            .expect("a line on stderr")
    }

    /// Reads stderr up to a line that contains this; that line.
    pub(crate) fn err_line_with(&self, text: &str) -> String {
        loop {
            let line = self.err_line();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for the end; the exit code, and what was not read yet of stdout and stderr.
    pub(crate) fn end(mut self) -> (i32, Vec<String>, Vec<String>) {
        self.close_stdin();
        let status = self.wait();
        let code = status.code().expect("an exit code");
        (code, rest(&self.stdout), rest(&self.stderr))
    }

    /// Waits for the end, while stdin is open.
    #[cfg(unix)]
    pub(crate) fn exit_code(mut self) -> i32 {
        self.wait().code().expect("an exit code")
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &pid])
            .status();
        assert!(status.unwrap().success());
    }

    fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < DEADLINE, "the command does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Korinet {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        thread::spawn(move || {
            for line in BufReader::new(stream).lines() {
                if line.is_ok_and(|line| sender.send(line).is_err()) {
                    return;
                }
            }
        });
    }
    receiver
}

fn rest(lines: &Receiver<String>) -> Vec<String> {
    let mut rest = Vec::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => rest.push(line),
            Err(RecvTimeoutError::Disconnected) => return rest,
            Err(RecvTimeoutError::Timeout) => panic!("the stream does not end"),
        }
    }
}

/// Runs `korinet connect` with this on stdin, to its end.
pub(crate) fn connect(addr: &str, args: &[&str], stdin: &str) -> (i32, Vec<String>, Vec<String>) {
    let mut connect = Korinet::start(&[&["connect", addr], args].concat());
    connect.write(stdin);
    connect.end()
}

/// What a line of stdout holds.
#[track_caller]
pub(crate) fn data(line: &str) -> Value {
    let line: Value = serde_json::from_str(line).unwrap();
    let id = line["id"].as_str().unwrap();
    // In protocol v3 the session, and the message's number in it.
    let (name, number) = id.split_once('/').unwrap_or((id, "1"));
    assert_eq!(name.len(), 32, "{id}");
    assert!(number.parse::<u64>().is_ok(), "{id}");
    line["data"].clone()
}

/// A frame with the id `"1"`.
pub(crate) fn frame(data: &[u8]) -> Vec<u8> {
    let body = [b"\xa2\x64data", data, b"\x62id\x611"].concat();
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], &body].concat()
}

/// A connection that the test writes to and reads from by itself.
pub(crate) fn dial(addr: &str) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// The next connection to a listener of the test's own.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}
