//! `cargo xtask fuzz`: one target of the cargo-fuzz package under `fuzz/`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::{Failure, while_doing};
use crate::steps;
use crate::workspace;

pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// Far above what any input needs. The one on a single allocation takes hold only with a sanitizer, so
/// the bodies of the targets watch their buffers themselves.
const LIMITS: [&str; 3] = ["-rss_limit_mb=512", "-malloc_limit_mb=128", "-timeout=5"];
/// The targets whose input is a script of what to do, not a format. There is nothing to be guessed in it by
/// watching what it is compared with, and that watching takes two thirds of the time.
const SCRIPTED: [&str; 3] = [
    "connection_frames",
    "server_connection",
    "session_operations",
];
const DEFAULT_SECONDS: u64 = 60;
const EXECUTIONS: &str = "stat::number_of_executed_units:";

#[derive(Debug, PartialEq)]
struct Plan {
    target: String,
    seconds: Option<u64>,
    runs: Option<u64>,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let plan = parse(arguments, &targets()?)?;
    require_cargo_fuzz()?;
    fuzz(&plan)
}

/// Compiles the package as it is, on a stable compiler and without the fuzzer's instrumentation.
pub(crate) fn check() -> Result<(), Failure> {
    let mut command = workspace::cargo(&["check", "--all-targets", "--manifest-path", MANIFEST]);
    // What the workspace has compiled is used again. A check links nothing, and with the fuzzer's
    // engine said to be elsewhere, no C++ compiler is needed to build it.
    command
        .arg("--target-dir")
        .arg(workspace::target_dir())
        .env("CUSTOM_LIBFUZZER_PATH", "./libunused.a");
    steps::run(&mut command)
}

/// The names of the files under `fuzz/fuzz_targets`, in order.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = workspace::root().join("fuzz").join("fuzz_targets");
    let entries = fs::read_dir(&folder).map_err(while_doing("reading fuzz/fuzz_targets"))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn parse(arguments: &[String], targets: &[String]) -> Result<Plan, Failure> {
    let known = targets.join(", ");
    let usage = |text: String| Failure::Usage(format!("{text}; targets: {known}"));
    let mut plan = Plan {
        target: String::new(),
        seconds: None,
        runs: None,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--seconds" => plan.seconds = Some(number(argument, rest.next()).map_err(usage)?),
            "--runs" => plan.runs = Some(number(argument, rest.next()).map_err(usage)?),
            name if targets.iter().any(|target| target == name) && plan.target.is_empty() => {
                plan.target = name.to_owned();
            }
            other if other.starts_with('-') => {
                return Err(usage(format!("no such option: {other}")));
            }
            other if plan.target.is_empty() => {
                return Err(usage(format!("no such fuzz target: {other}")));
            }
            other => return Err(usage(format!("one target at a time, not also {other}"))),
        }
    }
    if plan.target.is_empty() {
        return Err(usage("no fuzz target given".to_owned()));
    }
    if plan.seconds.is_none() && plan.runs.is_none() {
        plan.seconds = Some(DEFAULT_SECONDS);
    }
    Ok(plan)
}

fn number(option: &str, value: Option<&String>) -> Result<u64, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number"))?;
    // The fuzzer takes 0 for "without end".
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{option} needs a number above zero, not {value}")),
    }
}

fn require_cargo_fuzz() -> Result<(), Failure> {
    let found = workspace::cargo(&["fuzz", "--version"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    Err(Failure::Failed(
        "cargo-fuzz is not installed; install it with: cargo install cargo-fuzz --locked"
            .to_owned(),
    ))
}

fn fuzz(plan: &Plan) -> Result<(), Failure> {
    let target = plan.target.as_str();
    let corpus = Path::new("fuzz").join("corpus").join(target);
    fs::create_dir_all(workspace::root().join(&corpus))
        .map_err(while_doing("making the corpus"))?;
    let seeds = Path::new("fuzz").join("seeds").join(target);
    // The project has no unsafe code, so what there is to find is panics, overflows and hangs; without
    // the address sanitizer the same time buys many more executions of it.
    let mut command = workspace::cargo(&["fuzz", "run", "--release", "--debug-assertions"]);
    if SCRIPTED.contains(&target) {
        command.arg("--no-trace-compares");
    }
    command
        .args(["--sanitizer", "none", target])
        // The fuzzer writes what it finds into the first of the two and only reads the second.
        .args([corpus, seeds])
        .arg("--")
        .args(LIMITS)
        .arg("-print_final_stats=1")
        .env("RUSTC_BOOTSTRAP", "1");
    if let Some(seconds) = plan.seconds {
        command.arg(format!("-max_total_time={seconds}"));
    }
    if let Some(runs) = plan.runs {
        command.arg(format!("-runs={runs}"));
    }
    watch(&mut command, target)
}

/// Passes on what the fuzzer prints, and keeps the number of executions for the last line.
fn watch(command: &mut Command, target: &str) -> Result<(), Failure> {
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .map_err(while_doing("starting cargo fuzz"))?;
    let mut executions = None;
    for line in child
        .stderr
        .take()
        .into_iter()
        .flat_map(|pipe| BufReader::new(pipe).split(b'\n'))
    {
        let line = line.map_err(while_doing("reading from cargo fuzz"))?;
        let line = String::from_utf8_lossy(&line);
        eprintln!("{line}");
        if let Some(count) = line.strip_prefix(EXECUTIONS) {
            executions = Some(count.trim().to_owned());
        }
    }
    let status = child
        .wait()
        .map_err(while_doing("waiting for cargo fuzz"))?;
    let executions = executions.unwrap_or_else(|| "an unknown number of".to_owned());
    println!("{target}: {executions} executions");
    if status.success() {
        return Ok(());
    }
    Err(Failure::Failed(format!("fuzzing {target}: {status}")))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_SECONDS, Plan, SCRIPTED, parse, targets};

    fn plan(arguments: &[&str]) -> Result<Plan, String> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let targets = ["codec_chunks".to_owned(), "wire_decode".to_owned()];
        parse(&arguments, &targets).map_err(|failure| failure.to_string())
    }

    #[test]
    fn limits_are_taken_before_and_after_the_target() {
        let expected = Plan {
            target: "wire_decode".into(),
            seconds: Some(3),
            runs: Some(9),
        };
        let arguments = ["--runs", "9", "wire_decode", "--seconds", "3"];
        assert_eq!(plan(&arguments), Ok(expected));
    }

    #[test]
    fn scripts_are_read_by_targets_that_there_are() {
        let targets = targets().unwrap();
        for name in SCRIPTED {
            assert!(targets.iter().any(|target| target == name), "{name}");
        }
    }

    #[test]
    fn without_a_limit_there_is_one_all_the_same() {
        assert_eq!(
            plan(&["wire_decode"]).unwrap().seconds,
            Some(DEFAULT_SECONDS)
        );
        assert_eq!(plan(&["wire_decode", "--runs", "1"]).unwrap().seconds, None);
    }

    #[test]
    fn every_mistake_is_answered_with_the_targets() {
        let mistakes: [&[&str]; 6] = [
            &[],
            &["wire"],
            &["wire_decode", "codec_chunks"],
            &["wire_decode", "--second", "1"],
            &["wire_decode", "--seconds"],
            &["wire_decode", "--runs", "0"],
        ];
        for mistake in mistakes {
            let text = plan(mistake).unwrap_err();
            assert!(
                text.ends_with("targets: codec_chunks, wire_decode"),
                "{text}"
            );
        }
    }
}
