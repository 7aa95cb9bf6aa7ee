use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(unix)]
use std::path::Path;
use std::thread;
use std::time::Duration;

use tokio::net::ToSocketAddrs;

use super::Session;
use super::worker::Worker;
use crate::{BindError, ServerBuilder, ServerStats};

/// Where sessions begin on the side that is dialled: [`crate::Server`] without async.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = korinet::blocking::Server::bind("127.0.0.1:1235")?;
/// server.serve(|mut session| {
///     while let Ok(Some(message)) = session.recv() {
///         if session.send(&message).is_err() {
///             break;
///         }
///     }
/// });
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    server: crate::Server,
    worker: Worker,
}

impl Server {
    /// Listens on `addr` with the settings of [`ServerBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`bind_with`](Self::bind_with).
    pub fn bind(addr: impl ToSocketAddrs) -> Result<Self, BindError> {
        Self::bind_with(&ServerBuilder::default(), addr)
    }

    /// Listens on `addr`, as [`ServerBuilder::bind`].
    ///
    /// # Errors
    ///
    /// As there; [`BindError::Listen`] also where the thread that does the work cannot be started.
    pub fn bind_with(builder: &ServerBuilder, addr: impl ToSocketAddrs) -> Result<Self, BindError> {
        let worker = Worker::of_process().map_err(BindError::Listen)?;
        let server = worker.wait(builder.bind(addr))?;
        Ok(Self { server, worker })
    }

    /// Listens on the Unix socket at `path`, as [`ServerBuilder::bind_unix`].
    ///
    /// # Errors
    ///
    /// As [`bind_with`](Self::bind_with).
    #[cfg(unix)]
    pub fn bind_unix_with(
        builder: &ServerBuilder,
        path: impl AsRef<Path>,
    ) -> Result<Self, BindError> {
        let worker = Worker::of_process().map_err(BindError::Listen)?;
        let server = worker.wait(async { builder.bind_unix(path) })?;
        Ok(Self { server, worker })
    }

    /// As [`crate::Server::local_addr`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.server.local_addr()
    }

    /// Waits for the session of the next peer that opens one; `None` once the server is
    /// [shut down](Self::shut_down), by another thread.
    pub fn accept(&self) -> Option<Session> {
        let session = self.worker.wait(self.server.accept())?;
        Some(Session::new(session, self.worker.clone()))
    }

    /// Has `handler` serve each session in a thread of its own, until the server is [shut down](Self::shut_down) by
    /// another thread; returns when the handlers have, too, of which those for sessions of protocol v2 have to end by
    /// themselves. A handler that returns or panics drops its session, which ends it; so does a thread that the system
    /// does not give.
    ///
    /// There are as many threads as sessions: [`max_sessions`](ServerBuilder::max_sessions) bounds them, for protocol v3,
    /// and [`max_connections`](ServerBuilder::max_connections).
    pub fn serve(&self, handler: impl Fn(Session) + Sync) {
        let handler = &handler;
        thread::scope(|scope| {
            while let Some(session) = self.accept() {
                // What a panic leaves is the session, which is dropped; it has told of itself already.
                let serve = move || {
                    let _ = catch_unwind(AssertUnwindSafe(|| handler(session)));
                };
                let thread = thread::Builder::new().name("korinet-session".to_owned());
                if let Err(error) = thread.spawn_scoped(scope, serve) {
                    tracing::warn!(%error, "no thread for a session");
                }
            }
        });
    }

    /// As [`crate::Server::sessions`].
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.server.sessions()
    }

    /// As [`crate::Server::stats`].
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.server.stats()
    }

    /// Ends everything in good order, and waits for it: as [`crate::Server::shut_down`].
    pub fn shut_down(&self, deadline: Duration, retry_after: Option<Duration>) -> usize {
        self.worker
            .wait(self.server.shut_down(deadline, retry_after))
    }
}
