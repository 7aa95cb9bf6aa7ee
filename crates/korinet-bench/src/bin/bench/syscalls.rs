//! How many system calls processes make, by `perf`.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use korinet_bench::Failure;

const EVENT: &str = "raw_syscalls:sys_enter";

/// Long beside the time that it takes to begin, in which the messages are counted and the calls are not.
const SPAN: Duration = Duration::from_secs(1);

/// System calls a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    pub(crate) client: f64,
    pub(crate) server: f64,
}

/// Whether they can be counted here.
pub(crate) fn check() -> Result<(), Failure> {
    let mut command = Command::new("perf");
    command.args(["stat", "-x", ",", "-e", EVENT, "true"]);
    let output = command
        .output()
        .map_err(|error| format!("--syscalls needs perf: {error}"))?;
    if output.status.success() && calls(&output.stderr).is_some() {
        return Ok(());
    }
    Err(format!("--syscalls needs perf to count {EVENT}, which may need privileges").into())
}

/// Watches both processes; the workload goes on meanwhile, so this is a share of it.
pub(crate) fn count(client: u32, server: u32) -> Result<Counted, Failure> {
    let (client, server) = (watch(client)?, watch(server)?);
    Ok(Counted {
        client: rate(client)?,
        server: rate(server)?,
    })
}

fn watch(process: u32) -> Result<Child, Failure> {
    let child = Command::new("perf")
        .args(["stat", "-x", ",", "-e", EVENT, "-p", &process.to_string()])
        .args(["sleep", &SPAN.as_secs_f64().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    child.map_err(|error| format!("perf: {error}").into())
}

fn rate(perf: Child) -> Result<f64, Failure> {
    let output = perf.wait_with_output()?;
    let calls = calls(&output.stderr).ok_or("perf counted nothing")?;
    Ok(calls / SPAN.as_secs_f64())
}

/// The first field of the line that has the event.
fn calls(printed: &[u8]) -> Option<f64> {
    let text = String::from_utf8_lossy(printed);
    let line = text.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_count_is_read_and_its_lack_is_noticed() {
        let calls = |text: &str| super::calls(text.as_bytes());
        assert_eq!(
            calls("109,,raw_syscalls:sys_enter,21,100.00,,\n"),
            Some(109.0)
        );
        assert_eq!(
            calls("<not counted>,,raw_syscalls:sys_enter,0,100.00,,"),
            None
        );
        assert_eq!(calls("event syntax error"), None);
    }
}
