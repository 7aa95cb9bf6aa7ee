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
use std::time::Duration;

use clap::Parser;

use crate::args::{Action, Command};
use crate::failure::Failure;

/// One for the connections, one for whoever waits for stdout.
const WORKERS: usize = 2;

/// How long a command has to end by itself after a signal.
const SIGNAL_TIME: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let command = Command::parse();
    // What the library notices by itself belongs to what is told on stderr.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time()
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build();
    let result = match &runtime {
        Ok(runtime) => {
            runtime.spawn(end_after_signal());
            runtime.block_on(run(command))
        }
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

/// Ends the program a while after a signal, should the command not have done so: it cannot while it
/// waits for whoever is to read stdout.
async fn end_after_signal() {
    if let Failure::Signal(code) = signal::ended().await {
        tokio::time::sleep(SIGNAL_TIME).await;
        std::process::exit(code.into());
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command.action {
        Action::Listen(args) => listen::run(args).await,
        Action::Connect(args) => connect::run(args).await,
        Action::Ping(args) => ping::run(args).await,
    }
}
