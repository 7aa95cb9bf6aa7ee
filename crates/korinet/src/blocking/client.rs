#[cfg(unix)]
use std::path::Path;

use super::Session;
use super::worker::Worker;
use crate::{ClientBuilder, ConnectError};

/// Where a session begins on the side that dials; without async.
#[derive(Debug)]
#[non_exhaustive]
pub struct Client {}

impl Client {
    /// Connects to `host:port` with the settings of [`ClientBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub fn connect(addr: impl Into<String>) -> Result<Session, ConnectError> {
        Self::connect_with(&ClientBuilder::default(), addr)
    }

    /// Connects to `host:port`, as [`ClientBuilder::connect`].
    ///
    /// # Errors
    ///
    /// As there; and [`ConnectError::Worker`].
    pub fn connect_with(
        builder: &ClientBuilder,
        addr: impl Into<String>,
    ) -> Result<Session, ConnectError> {
        let worker = Worker::of_process().map_err(ConnectError::Worker)?;
        let session = worker.wait(builder.connect(addr))?;
        Ok(Session::new(session, worker))
    }

    /// Connects to the Unix socket at `path`, as [`ClientBuilder::connect_unix`].
    ///
    /// # Errors
    ///
    /// As there; and [`ConnectError::Worker`].
    #[cfg(unix)]
    pub fn connect_unix_with(
        builder: &ClientBuilder,
        path: impl AsRef<Path>,
    ) -> Result<Session, ConnectError> {
        let worker = Worker::of_process().map_err(ConnectError::Worker)?;
        let session = worker.wait(builder.connect_unix(path))?;
        Ok(Session::new(session, worker))
    }
}
