//! The `korinet` command.

mod args;
mod connect;
mod failure;
mod json;
mod listen;
mod output;
mod ping;
mod signal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Action, Command};
use crate::failure::Failure;

/// One for the connections, one for whoever waits for stdout.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let command = Command::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let result = match &runtime {
        Ok(runtime) => runtime.block_on(run(command)),
        Err(error) => Err(Failure::from_error(error)),
    };
    if let Ok(runtime) = runtime {
        // Reading stdin cannot be given up, so it is not waited for.
        runtime.shutdown_background();
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told(text)) => {
            output::tell(format_args!("korinet: {text}"));
            ExitCode::FAILURE
        }
        Err(Failure::BrokenPipe) => ExitCode::FAILURE,
        Err(Failure::Signal(code)) => ExitCode::from(code),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command.action {
        Action::Listen(args) => listen::run(args).await,
        Action::Connect(args) => connect::run(args).await,
        Action::Ping(args) => ping::run(args).await,
    }
}
