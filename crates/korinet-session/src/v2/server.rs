use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use korinet_proto::v2::MessageIds;
use tokio::io::{AsyncRead, AsyncWrite};

use super::config::Config;
use super::driver::{Driver, Over};
use super::handle::Session;
use super::link::{End, Link, Log, Role};
use super::received_log::{ConnectionId, ReceivedLog, Repeats};
use crate::budget::Account;
use crate::clock::now;
use crate::{Budget, SessionError, State};

/// What the sessions of one server share: their configuration, and the memory of what came last.
#[derive(Debug, Clone)]
pub struct Server {
    config: Arc<Config>,
    log: Arc<Log>,
    /// Where the sessions' ids come from.
    ids: Arc<Mutex<MessageIds>>,
    budget: Option<Budget>,
}

impl Server {
    /// A server without connections; `seed` is its randomness.
    #[must_use]
    pub fn new(config: Config, repeats: Repeats, seed: [u8; 32]) -> Self {
        Self {
            config: Arc::new(config),
            log: Arc::new(Mutex::new(ReceivedLog::new(repeats))),
            ids: Arc::new(Mutex::new(MessageIds::from_seed(seed))),
            budget: None,
        }
    }

    /// Bounds the memory of all sessions together. A connection that would need more ends with
    /// [`ConnectionError::LimitReached`](crate::ConnectionError::LimitReached).
    #[must_use]
    pub fn with_budget(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }

    /// The session on an accepted connection, which ends with it.
    ///
    /// Its work is done by the future, which is to be spawned; where that is dropped, the session is over. `read` was read from the connection to find
    /// out what it speaks; `peer` is the address by which a client is recognised that sends a message again.
    pub fn serve<Io>(
        &self,
        io: Io,
        read: BytesMut,
        peer: Option<IpAddr>,
    ) -> (Session, impl Future<Output = ()> + Send + use<Io>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ids = self
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fork();
        let (session, mut driver) = Session::new(&self.config, ids, State::Attached);
        driver.account = self.budget.clone().map(Account::new);
        // Opened here and not in the task, so that connections are in the order of their accept.
        let id = self
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .handle_opened(now(), peer);
        let log = Arc::clone(&self.log);
        (session, run(driver, io, read, log, id))
    }
}

async fn run<Io>(mut driver: Driver, io: Io, read: BytesMut, log: Arc<Log>, id: ConnectionId)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let (end, _) = Link::new(Role::Server, &mut driver, (io, read), &log, id)
        .run()
        .await;
    let over = match end {
        End::Closed | End::Peer => Over::Closed,
        End::Dropped => Over::Dropped,
        End::Lost(error) => Over::Error(SessionError::ConnectionLost(error)),
    };
    driver.finish(over).await;
}
