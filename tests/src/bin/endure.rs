//! Goes through a long conversation over links that break; called by `cargo xtask endure`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks through them"
)]

use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::Instant;

use korinet_tests::endurance::{Ordeal, survive};
use korinet_tests::measure::threads;
use korinet_tests::over::Over;

const USAGE: &str = "usage: endure [--messages N] [--bytes-between-cuts N] [--seed N] [--tls]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ordeal = match parse(&arguments) {
        Ok(ordeal) => ordeal,
        Err(text) => {
            eprintln!("error: {text}; {USAGE}");
            return ExitCode::from(2);
        }
    };
    let Ordeal {
        messages,
        bytes_between_cuts,
        seed,
        over,
    } = ordeal;
    println!(
        "{messages} messages each way, a cut every {bytes_between_cuts} bytes on average, seed {seed}, over {over:?}"
    );
    let start = Instant::now();
    let survived = threads().block_on(survive(ordeal));
    println!("client {:#?}", survived.client);
    println!("server {:#?}", survived.server);
    println!("proxy {:#?}", survived.faults);
    let (early, most) = survived.resident;
    println!("memory {early} bytes after a tenth, at most {most} after that");
    println!(
        "both directions: what was delivered has the digest of what was sent, {} s",
        start.elapsed().as_secs()
    );
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Result<Ordeal, String> {
    let mut ordeal = Ordeal {
        messages: 1_000_000,
        bytes_between_cuts: NonZeroU64::new(1_000_000).expect("it is not zero"),
        seed: 1,
        over: Over::Plain,
    };
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        if option == "--tls" {
            ordeal.over = Over::Tls;
            continue;
        }
        let Some(value) = rest.next() else {
            return Err(format!("{option} needs a number"));
        };
        let number = value.parse::<u64>();
        let number = number.map_err(|_| format!("{option} is {value}, expected a number"))?;
        match option.as_str() {
            "--messages" => ordeal.messages = number,
            "--seed" => ordeal.seed = number,
            "--bytes-between-cuts" => {
                let number = NonZeroU64::new(number);
                ordeal.bytes_between_cuts = number.ok_or("a cut after 0 bytes leaves nothing")?;
            }
            unknown => return Err(format!("no such option: {unknown}")),
        }
    }
    Ok(ordeal)
}
