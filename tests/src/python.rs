//! Scripts that run the Python package `korinet` as a peer.
//!
//! A script takes commands and gives answers as lines of JSON; what the package itself prints is kept apart and
//! shown when a test fails.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, Once};

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::within;

/// The path of a Python that has the package.
const VARIABLE: &str = "KORINET_PYTHON";

/// A Python that has the package.
#[derive(Debug)]
pub struct Interpreter(PathBuf);

/// The Python to test with; without one, says so once and lets the tests return.
///
/// # Panics
///
/// Without one on a build server, where nobody would read that line.
pub fn interpreter() -> Option<Interpreter> {
    static SKIPPED: Once = Once::new();
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return Some(Interpreter(path.into()));
    }
    assert!(
        env::var_os("CI").is_none(),
        "CI is set but {VARIABLE} is not: it must name a Python that has the package korinet"
    );
    SKIPPED.call_once(|| {
        // Not `println!`, which the test harness would hide.
        let _ = writeln!(
            std::io::stdout(),
            "skipped: no Python peer (run `cargo xtask test`)"
        );
    });
    None
}

/// A running script; dropped, it is killed.
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    printed: Arc<Mutex<String>>,
}

impl Interpreter {
    /// Starts the script `python/<name>.py`.
    ///
    /// # Panics
    ///
    /// If the interpreter does not start.
    pub fn start(&self, name: &'static str) -> Script {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("python")
            .join(name)
            .with_extension("py");
        let mut child = Command::new(&self.0)
            .args(["-B", "-X", "utf8"])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{VARIABLE}: {}: {error}", self.0.display()));
        let commands = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut noise = child.stderr.take().expect("it is piped");
        let printed = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&printed);
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = noise.read(&mut buffer).await {
                kept.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..len]));
            }
        });
        Script {
            name,
            child,
            commands,
            answers,
            printed,
        }
    }
}

impl Script {
    /// Gives a command, `{"do": <what>, …}`.
    ///
    /// # Panics
    ///
    /// If the script has ended.
    pub async fn tell(&mut self, command: Json) {
        let line = format!("{command}\n");
        let told = self.commands.write_all(line.as_bytes()).await;
        told.unwrap_or_else(|error| panic!("{self}: {command}: {error}"));
    }

    /// Waits for an answer; the error is the text of an exception.
    ///
    /// # Panics
    ///
    /// If the script ends instead, or does not answer.
    pub async fn hear(&mut self) -> Result<Json, String> {
        let waited = format!("an answer of {self}");
        let line = within(waited, self.answers.next_line()).await;
        let line = line.expect("the script writes UTF-8");
        let line = line.unwrap_or_else(|| panic!("{self}: ended"));
        let answer: Json = serde_json::from_str(&line).expect("the script writes JSON");
        match answer.get("error") {
            Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
            None => Ok(answer),
        }
    }

    /// Gives a command and waits for its answer.
    ///
    /// # Panics
    ///
    /// If that is an exception, or there is none.
    pub async fn ask(&mut self, command: Json) -> Json {
        let asked = command.to_string();
        self.tell(command).await;
        self.hear()
            .await
            .unwrap_or_else(|error| panic!("{self}: {asked}: {error}"))
    }

    /// As [`ask`](Self::ask), for a command without arguments.
    pub async fn ask_to(&mut self, what: &str) -> Json {
        self.ask(json!({"do": what})).await
    }

    /// Kills the process, as `kill -9` does, and waits until it is gone.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("the process can be killed");
    }
}

/// The script and what it printed.
impl std::fmt::Display for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let printed = self.printed.lock().unwrap();
        write!(
            f,
            "{}.py [{}]",
            self.name,
            printed.trim().replace('\n', " | ")
        )
    }
}
