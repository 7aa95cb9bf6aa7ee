use std::error::Error;
use std::io;

use crate::output::chain;

/// Why a command ends without success.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What to tell on stderr; the exit code is 1.
    Told(String),
    /// Nobody reads stdout any more, so nobody wants to be told; the exit code is 1.
    BrokenPipe,
    /// A signal ended it; the exit code is 128 and the signal's number, as shells have it.
    Signal(u8),
}

impl Failure {
    pub(crate) fn from_error(error: &dyn Error) -> Self {
        Self::Told(chain(error))
    }

    /// Standard output cannot be written.
    pub(crate) fn from_stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Told(format!("cannot write to standard output: {error}"))
    }
}
