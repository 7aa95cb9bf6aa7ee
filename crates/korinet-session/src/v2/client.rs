use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use korinet_proto::v2::MessageIds;

use super::config::Config;
use super::driver::{Driver, Over};
use super::handle::Session;
use super::link::{End, Link, Log, Role};
use super::received_log::{ReceivedLog, Repeats};
use crate::clock::now;
use crate::{Attempt, Backoff, ConnectionError, Dial, Reconnect, SessionError, State};

/// Dials, and keeps a session over this connection and those that follow.
///
/// The session's work is done by a task of the current tokio runtime. `seed` is the session's
/// randomness: message ids and waits follow from it.
///
/// # Errors
///
/// Why the first connection failed: there is one attempt.
///
/// # Cancel safety
///
/// Giving up the future abandons the attempt.
pub async fn connect<D: Dial>(
    mut dial: D,
    config: Config,
    seed: [u8; 32],
) -> Result<Session, ConnectionError> {
    let config = Arc::new(config);
    let io = attempt(&mut dial, &config).await?;
    let mut ids = MessageIds::from_seed(seed);
    let backoff_seed = seed
        .first_chunk()
        .map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let backoff = Backoff::new(config.backoff_base, config.backoff_cap, backoff_seed);
    let (session, driver) = Session::new(&config, ids.fork(), State::Attached);
    let client = Client {
        dial,
        reconnect: Reconnect::new(backoff, config.timeout),
        // Only what comes again under its own id is known to be the same: a Python server sends
        // nothing again by itself.
        log: Mutex::new(ReceivedLog::new(Repeats::DeliverAgain)),
    };
    tokio::spawn(client.run(driver, io));
    Ok(session)
}

async fn attempt<D: Dial>(dial: &mut D, config: &Config) -> Result<D::Io, ConnectionError> {
    match tokio::time::timeout(config.connect_timeout, dial.dial()).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(ConnectionError::ConnectTimeout(config.connect_timeout)),
    }
}

struct Client<D> {
    dial: D,
    reconnect: Reconnect,
    log: Log,
}

impl<D: Dial> Client<D> {
    async fn run(mut self, mut driver: Driver, io: D::Io) {
        let mut over = self.serve(&mut driver, io).await;
        loop {
            let reason = match over {
                ControlFlow::Break(over) => return driver.finish(over).await,
                ControlFlow::Continue(reason) => reason,
            };
            over = self.connect_again(&mut driver, reason).await;
        }
    }

    /// One connection, from its beginning to its loss.
    async fn serve(
        &mut self,
        driver: &mut Driver,
        io: D::Io,
    ) -> ControlFlow<Over, ConnectionError> {
        driver.state.send_replace(State::Attached);
        let id = self
            .log
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .handle_opened(now(), None);
        let (end, is_heard) = Link::new(Role::Client, driver, (io, BytesMut::new()), &self.log, id)
            .run()
            .await;
        if is_heard {
            self.reconnect.handle_progress();
        }
        match end {
            End::Closed | End::Peer => ControlFlow::Break(Over::Closed),
            End::Dropped => ControlFlow::Break(Over::Dropped),
            // What was to be brought to an end is at its end.
            End::Lost(_) if driver.closing.is_some() && driver.unacknowledged.is_none() => {
                ControlFlow::Break(Over::Closed)
            }
            End::Lost(error) if error.is_retryable() => {
                tracing::debug!(%error, "connection lost");
                ControlFlow::Continue(error)
            }
            End::Lost(error) => ControlFlow::Break(Over::Error(SessionError::Incompatible(error))),
        }
    }

    /// One attempt after a loss or a failed attempt, and the connection that it leads to.
    async fn connect_again(
        &mut self,
        driver: &mut Driver,
        reason: ConnectionError,
    ) -> ControlFlow<Over, ConnectionError> {
        let wait = match self.reconnect.handle_failure(now()) {
            Attempt::After(wait) => wait,
            Attempt::GiveUp(after) => {
                let last = reason;
                return ControlFlow::Break(Over::Error(SessionError::GaveUp { after, last }));
            }
        };
        driver.state.send_replace(State::Detached {
            reason,
            attempts: self.reconnect.attempts(),
            wait,
        });
        driver.while_detached(tokio::time::sleep(wait)).await?;
        driver.state.send_replace(State::Connecting);
        let config = Arc::clone(&driver.config);
        match driver
            .while_detached(attempt(&mut self.dial, &config))
            .await?
        {
            Ok(io) => self.serve(driver, io).await,
            Err(error) => {
                tracing::debug!(%error, "attempt failed");
                ControlFlow::Continue(error)
            }
        }
    }
}
