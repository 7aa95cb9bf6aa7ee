//! Explores the models of protocol v3; see `cargo xtask model`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

use std::process::ExitCode;

use korinet_tests::model::{Bounds, check_some};

fn main() -> ExitCode {
    let bounds = match std::env::args().nth(1).as_deref() {
        Some("layer") => Bounds::Layer,
        Some("gate") => Bounds::Gate,
        Some("large") | None => Bounds::Large,
        Some(other) => {
            eprintln!("error: no such bounds: {other}; there are layer, gate and large");
            return ExitCode::from(2);
        }
    };
    let words = std::env::args().nth(2).unwrap_or_default();
    match check_some(bounds, &words, |explored| println!("{explored}")) {
        Ok(report) => {
            println!("{:>10} states in all", report.states());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
