use std::fmt;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use korinet_wire::v3::InstanceId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};

use super::config::DriverConfig;
use super::session::Session;
use crate::Budget;
use crate::v3::{Registry, ServerConfig};

mod admission;
mod authenticator;
mod host;
mod introduction;
mod shut_down;

pub use admission::{Admitted, TurnedAway};
pub use authenticator::{Applicant, Authenticated, Authenticator, Refusal};
use host::Host;
pub use introduction::{Accepted, Introduced};

/// What the sessions of one server share. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    host: Arc<Host>,
}

/// The new sessions of a server.
#[derive(Debug)]
pub struct Incoming {
    sessions: mpsc::Receiver<Session>,
}

impl Incoming {
    /// How many new sessions may wait to be accepted; further clients wait with them.
    pub const BACKLOG: usize = 128;

    /// The session of the next client that opens one; `None` when the server is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&mut self) -> Option<Session> {
        self.sessions.recv().await
    }

    /// As [`accept`](Self::accept), for who polls.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Session>> {
        self.sessions.poll_recv(cx)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("instance", &self.host.instance)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without sessions. `entropy` fills memory with random bytes that nobody can guess: the names and
    /// keys of sessions are made of them.
    ///
    /// Without an authenticator a client is whoever has its certificate; and where it has none, nothing is known of it.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        driver: DriverConfig,
        authenticator: Option<Authenticator>,
        mut entropy: impl FnMut(&mut [u8]) + Send + 'static,
    ) -> (Self, Incoming) {
        let (new_sessions, sessions) = mpsc::channel(Incoming::BACKLOG);
        let mut instance = [0; 16];
        entropy(&mut instance);
        let host = Host {
            registry: Mutex::new(Registry::new(&config)),
            budget: Budget::new(config.max_memory),
            config: Arc::new(config),
            driver: Arc::new(driver),
            authenticator,
            instance: InstanceId::from_bytes(instance),
            entropy: Mutex::new(Box::new(entropy)),
            new_sessions,
            serving: watch::Sender::new(0),
        };
        let host = Arc::new(host);
        (Self { host }, Incoming { sessions })
    }

    /// The memory of the sessions. A server of another protocol can share it.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.host.budget
    }

    /// How many sessions there are, those without a connection included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.host.registry().len()
    }

    /// Reads the HELLO of a connection. Takes no longer than a handshake may, counted from when the connection was
    /// accepted.
    ///
    /// # Errors
    ///
    /// The connection gets no session; its client is to be told.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection.
    pub async fn introduce<Io>(
        &self,
        accepted: Accepted<Io>,
    ) -> Result<Introduced<Io>, TurnedAway<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        introduction::introduce(&self.host, accepted).await
    }

    /// Finds out who the client is, and finds or opens its session. A new one goes to [`Incoming`]. Takes no longer than
    /// what is left of the time for the handshake.
    ///
    /// # Errors
    ///
    /// The connection gets no session; its client is to be told.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection.
    pub async fn admit<Io>(
        &self,
        introduced: Introduced<Io>,
    ) -> Result<Admitted<Io>, TurnedAway<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        admission::admit(&self.host, introduced).await
    }

    /// Serves a connection, from its HELLO on: [`introduce`](Self::introduce), [`admit`](Self::admit), and what follows.
    /// Resolves when the connection is over and the session over, too, or served by another.
    ///
    /// To be spawned, one task for each connection.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection, and ends its session.
    pub async fn serve<Io>(&self, accepted: Accepted<Io>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Apart, so that a session that is only there has no memory for it.
        let admitting = async { self.admit(self.introduce(accepted).await?).await };
        match Box::pin(admitting).await {
            Ok(admitted) => admitted.run().await,
            Err(turned_away) => turned_away.finish().await,
        }
    }
}
