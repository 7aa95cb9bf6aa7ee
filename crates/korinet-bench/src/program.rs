use std::process::ExitCode;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use crate::{Failure, Meter, Options, Peer, Role, control, drive, machine, serve};

/// The runtime that a program runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// One thread: nothing is measured but the work itself.
    CurrentThread,
    /// As an application has it by default.
    MultiThread,
}

impl Flavour {
    fn start(self) -> Result<Runtime, Failure> {
        let mut builder = match self {
            Self::CurrentThread => Builder::new_current_thread(),
            Self::MultiThread => Builder::new_multi_thread(),
        };
        Ok(builder.enable_all().build()?)
    }
}

/// Runs one of the two processes of a measurement.
#[must_use]
pub fn run<P: Peer>(options: Options, flavour: Flavour) -> ExitCode {
    match until_the_end::<P>(options, flavour) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => tell(&failure),
    }
}

/// For arguments that cannot be gone by.
#[must_use]
#[expect(clippy::print_stderr, reason = "a program says there why it ends")]
pub fn tell(failure: &Failure) -> ExitCode {
    eprintln!("error: {failure}");
    ExitCode::FAILURE
}

fn until_the_end<P: Peer>(options: Options, flavour: Flavour) -> Result<(), Failure> {
    // Before there are threads, which would stay where they are.
    if let Some(core) = options.core {
        machine::pin(core)?;
    }
    let meter = Arc::new(Meter::new()?);
    let end = control::start(Arc::clone(&meter));
    let runtime = flavour.start()?;
    let work = match options.role {
        Role::Server => runtime.spawn(serve::serve::<P>(options, meter)),
        Role::Client => runtime.spawn(drive::drive::<P>(options, meter)),
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            end = end => end?,
            work = work => work?,
        }
    });
    // What is still under way has nobody to tell.
    runtime.shutdown_background();
    ended
}
