//! The `korinet` command.

mod args;
mod bench;
mod bind;
mod cert;
mod chaos;
mod connect;
mod events;
mod failure;
mod file;
mod inspect;
mod json;
mod listen;
mod output;
mod peer;
mod ping;
mod purpose;
mod refused;
mod shell;
mod signal;
mod tls;
mod token;
mod tunnel;

use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime::Builder;

use crate::args::{Action, Command};
use crate::failure::Failure;

/// One for the connections, one for whoever waits for stdout.
const WORKERS: usize = 2;

/// How long a command has to end by itself after a signal.
const SIGNAL_TIME: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let command = Command::parse_or_exit();
    // What only the library notices belongs to what is told on stderr.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_level(false)
        .with_target(false)
        .without_time()
        .init();
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Told(text)) => {
            output::tell(format_args!("korinet: {text}"));
            ExitCode::FAILURE
        }
        Err(Failure::BrokenPipe) => ExitCode::FAILURE,
        Err(Failure::Signal(code)) => ExitCode::from(code),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    end_after_signal()?;
    match command.action {
        Action::Listen(args) => on_workers(listen::run(args)),
        Action::Connect(args) => on_workers(connect::run(args)),
        Action::Chaos(args) => on_workers(chaos::run(args)),
        Action::Cert(args) => cert::run(&args),
        Action::Bench(args) => on_workers(bench::run(args)),
        Action::Inspect(args) => on_workers(inspect::run(args)),
        Action::Completions(args) => shell::completions(&args),
        Action::Man(args) => shell::man(&args),
        Action::ReceiveFile(args) => on_workers(file::run_receive(args)),
        Action::SendFile(args) => on_workers(file::run_send(args)),
        Action::Tunnel(args) => on_workers(tunnel::run(args)),
        // Nothing is measured but the round trip: no thread wakes another.
        Action::Ping(args) => {
            let runtime = Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::from_error(&error))?;
            runtime.block_on(ping::run(args))
        }
    }
}

/// Runs a command of which one connection must not wait while another waits for stdout.
fn on_workers(
    command: impl Future<Output = Result<(), Failure>> + Send + 'static,
) -> Result<(), Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?;
    // On a worker too, so that it and its connections wake each other without a thread between them.
    let ended = runtime.block_on(runtime.spawn(command));
    // Reading stdin cannot be given up, so it is not waited for.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| Err(Failure::from_error(&error)))
}

/// Ends the program a while after a signal, should the command not have done so: it cannot while it
/// waits for whoever is to read stdout.
fn end_after_signal() -> Result<(), Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::from_error(&error))?;
    std::thread::spawn(move || {
        if let Failure::Signal(code) = runtime.block_on(signal::ended()) {
            std::thread::sleep(SIGNAL_TIME);
            std::process::exit(code.into());
        }
    });
    Ok(())
}
