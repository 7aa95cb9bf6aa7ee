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
use crate::clock::now;
use crate::{SessionError, State};

/// What the sessions of one server share: their configuration, and the memory of what came last.
#[derive(Debug, Clone)]
pub struct Server {
    config: Arc<Config>,
    log: Arc<Log>,
    /// Where the sessions' ids come from.
    ids: Arc<Mutex<MessageIds>>,
}

impl Server {
    /// A server without connections; `seed` is its randomness.
    #[must_use]
    pub fn new(config: Config, repeats: Repeats, seed: [u8; 32]) -> Self {
        Self {
            config: Arc::new(config),
            log: Arc::new(Mutex::new(ReceivedLog::new(repeats))),
            ids: Arc::new(Mutex::new(MessageIds::from_seed(seed))),
        }
    }

    /// The session on an accepted connection, which ends with it.
    ///
    /// Its work is done by a task of the current tokio runtime. `read` was read from the connection to find
    /// out what it speaks; `peer` is the address by which a client is recognised that sends a message again.
    pub fn serve<Io>(&self, io: Io, read: BytesMut, peer: Option<IpAddr>) -> Session
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ids = self
            .ids
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fork();
        let (session, driver) = Session::new(&self.config, ids, State::Attached);
        // Opened here and not in the task, so that connections are in the order of their accept.
        let id = self
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .handle_opened(now(), peer);
        tokio::spawn(run(driver, io, read, Arc::clone(&self.log), id));
        session
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
