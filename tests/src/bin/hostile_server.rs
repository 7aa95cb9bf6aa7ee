//! A server under attack; started by the tests and by `hostile`.
#![expect(
    clippy::print_stderr,
    reason = "its standard output is for who started it"
)]

use std::process::ExitCode;

use korinet_tests::hostile::serve;
use korinet_tests::measure::threads;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match threads().block_on(serve(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::from(2)
        }
    }
}
