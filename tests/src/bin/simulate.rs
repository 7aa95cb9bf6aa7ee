//! Lives through worlds; called by `cargo xtask simulate`, which says how.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

use std::process::ExitCode;
use std::time::Instant;

use korinet_tests::reference::{self, How};
use korinet_tests::sim::{self, Plan, Report};

const USAGE: &str =
    "usage: simulate --faults N [--first SEED] | simulate --seed SEED | simulate --pairs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments) {
        Ok(Order::One(seed)) => one(seed),
        Ok(Order::Many { faults, first }) => many(faults, first),
        Ok(Order::Pairs) => pairs(),
        Err(text) => {
            eprintln!("error: {text}; {USAGE}");
            ExitCode::from(2)
        }
    }
}

#[derive(Debug)]
enum Order {
    /// The history of one world, as text.
    One(u64),
    /// Worlds from a seed on, until there were so many faults.
    Many { faults: u64, first: u64 },
    /// One conversation with every pair of cuts, in every way.
    Pairs,
}

fn parse(arguments: &[String]) -> Result<Order, String> {
    if arguments == ["--pairs"] {
        return Ok(Order::Pairs);
    }
    let (mut faults, mut first, mut seed) = (None, None, None);
    for pair in arguments.chunks(2) {
        let [option, value] = pair else {
            return Err(format!("{} needs a number", pair[0]));
        };
        let number = value
            .parse::<u64>()
            .map_err(|_| format!("{option} needs a number, not {value}"))?;
        match option.as_str() {
            "--faults" => faults = Some(number),
            "--first" => first = Some(number),
            "--seed" => seed = Some(number),
            other => return Err(format!("no such option: {other}")),
        }
    }
    match (faults, first, seed) {
        (None, None, Some(seed)) => Ok(Order::One(seed)),
        (Some(0), ..) => Err("--faults needs a number above zero".to_owned()),
        (Some(faults), first, None) => Ok(Order::Many {
            faults,
            first: first.unwrap_or(0),
        }),
        (Some(_), _, Some(_)) | (None, Some(_), Some(_)) => {
            Err("either one seed or many faults".to_owned())
        }
        (None, _, None) => Err("how many faults?".to_owned()),
    }
}

fn one(seed: u64) -> ExitCode {
    let plan = Plan {
        trace: true,
        ..Plan::default()
    };
    match sim::run(seed, &plan) {
        Ok(report) => {
            println!("{report}\nseed {seed}: all is as it must be");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{}\nseed {seed}: {}", failure.trace, failure.what);
            ExitCode::FAILURE
        }
    }
}

fn pairs() -> ExitCode {
    let mut all = 0;
    for first in How::ALL {
        for second in How::ALL {
            match reference::converse_with_every_pair(&[first], &[second]) {
                Ok(count) => {
                    println!("{count} pairs of cuts: {first:?}, then {second:?}");
                    all += count;
                }
                Err(what) => {
                    eprintln!("error: {what}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!("{all} pairs of cuts, nothing lost, doubled or out of order");
    ExitCode::SUCCESS
}

fn many(faults: u64, first: u64) -> ExitCode {
    let started = Instant::now();
    let mut all = Report::default();
    let mut shown = 0;
    for seed in first.. {
        match sim::run(seed, &Plan::default()) {
            Ok(report) => all.merge(&report),
            Err(failure) => {
                eprintln!("error: {failure}");
                return ExitCode::FAILURE;
            }
        }
        let injected = all.injected();
        if injected >= faults {
            break;
        }
        let percent = injected.saturating_mul(100) / faults;
        if percent >= shown + 10 {
            shown = percent;
            println!("{percent:>3} %: {injected} faults in {} worlds", all.worlds);
        }
    }
    println!("{all}");
    println!(
        "seeds from {first} on, {:.0} s, history {:016x}",
        started.elapsed().as_secs_f64(),
        all.hash
    );
    let missing = all.missing();
    if missing.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("error: never happened: {}", missing.join(", "));
    ExitCode::FAILURE
}
