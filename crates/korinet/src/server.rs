use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use korinet_session::{ConnectionError, v2, v3};
use tokio::net::ToSocketAddrs;
use tokio::sync::{Mutex, mpsc, watch};

use crate::{BindError, Protocol, Session};

mod builder;
mod gate;
mod listener;
mod reception;
mod refusal;
#[cfg(feature = "tls")]
mod secured;
mod stats;

pub use builder::ServerBuilder;
use gate::Gate;
#[cfg(test)]
pub(crate) use gate::{GateLimits, PROTECTION};
use stats::Counters;
pub use stats::{Refused, ServerStats};

/// Where sessions begin on the side that is dialled.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = korinet::Server::bind("127.0.0.1:1235").await?;
/// while let Some(mut session) = server.accept().await {
///     tokio::spawn(async move {
///         while let Ok(Some(message)) = session.recv().await {
///             println!("{:?}", message.value());
///         }
///     });
/// }
/// # Ok(())
/// # }
/// ```
///
/// Connections are accepted, and go on with the sessions that they belong to, by tasks of the runtime in which it was
/// bound, whether anybody waits in [`accept`](Self::accept) or not.
///
/// Dropping it stops that: sessions that have a connection go on until they lose it. [`shut_down`](Self::shut_down) ends
/// them in good order.
#[derive(Debug)]
pub struct Server {
    local_addr: Option<SocketAddr>,
    shared: Arc<Shared>,
    new_sessions: Mutex<NewSessions>,
    /// Whether to go on accepting.
    open: watch::Sender<bool>,
}

/// What a server and its connections share.
struct Shared {
    protocols: Vec<Protocol>,
    is_plaintext_allowed: bool,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::ServerTls>,
    handshake_timeout: Duration,
    gate: Arc<Gate>,
    counters: Counters,
    on_refused: Option<builder::OnRefused>,
    v2: v2::Server,
    v2_sessions: mpsc::Sender<Session>,
    v3: v3::Server,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("protocols", &self.protocols)
            .field("v3", &self.v3)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }

    fn takes_plaintext(&self) -> bool {
        self.speaks(Protocol::V3) && self.is_plaintext_allowed
    }

    fn tell_refused(&self, peer: Option<SocketAddr>, reason: &ConnectionError) {
        self.counters.count_refused(reason);
        tracing::debug!(peer = peer.map(tracing::field::display), %reason, "connection refused");
        if let Some(tell) = &self.on_refused {
            tell.tell(Refused { peer, reason });
        }
    }
}

#[derive(Debug)]
struct NewSessions {
    v2: mpsc::Receiver<Session>,
    v3: v3::Incoming,
}

impl Server {
    /// Listens on `addr` with the settings of [`ServerBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`ServerBuilder::bind`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up nothing listens.
    pub async fn bind(addr: impl ToSocketAddrs) -> Result<Self, BindError> {
        Self::builder().bind(addr).await
    }

    /// Settings for a server, to be changed before it listens.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The address that it listens on, with the port that the system chose if it was asked to.
    ///
    /// # Errors
    ///
    /// It listens on a Unix socket, which has no such address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        let no_address = || {
            let text = "a Unix socket has no internet address";
            io::Error::new(io::ErrorKind::AddrNotAvailable, text)
        };
        self.local_addr.ok_or_else(no_address)
    }

    /// The session of the next peer that opens one; `None` once the server is [shut down](Self::shut_down).
    ///
    /// A peer can do nothing to make this fail; what it does wrong comes out of its session, or is logged where it has
    /// none. What the system does (too many open files, a connection that is gone again) is logged, and after
    /// a pause accepting goes on.
    ///
    /// Sessions that nobody accepts wait, up to 128 of each version of the protocol; clients beyond that wait to be
    /// welcomed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&self) -> Option<Session> {
        let mut open = self.open.subscribe();
        let next = async {
            let mut new_sessions = self.new_sessions.lock().await;
            let NewSessions { v2, v3 } = &mut *new_sessions;
            tokio::select! {
                Some(session) = v2.recv() => Some(session),
                Some(session) = v3.accept() => Some(Session::from_v3(session)),
                else => None,
            }
        };
        tokio::select! {
            biased;
            _ = open.wait_for(|open| !open) => None,
            session = next => session,
        }
    }

    /// Has `handler` serve each session in a task of its own, until the server is [shut down](Self::shut_down). A handler
    /// that returns or panics drops its session, which [ends](Session) it.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = korinet::Server::bind("127.0.0.1:1235").await?;
    /// let serving = server.serve(async |mut session| {
    ///     while let Ok(Some(message)) = session.recv().await {
    ///         if session.send(&message).await.is_err() {
    ///             break;
    ///         }
    ///     }
    /// });
    /// # serving.await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Giving up the future stops accepting; the handlers go on.
    pub async fn serve<H, F>(&self, handler: H)
    where
        H: Fn(Session) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        while let Some(session) = self.accept().await {
            tokio::spawn(handler(session));
        }
    }

    /// How many sessions of protocol v3 there are, those without a connection included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.v3.sessions()
    }

    /// What the server has to do, and what it had to do so far.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        let Shared {
            gate, counters, v3, ..
        } = &*self.shared;
        ServerStats {
            connections: gate.connections(),
            handshakes: gate.handshakes(),
            sessions: v3.sessions(),
            memory: v3.budget().used(),
            peak_memory: v3.budget().peak(),
            ..counters.read()
        }
    }

    /// Ends everything in good order: no connection is accepted any more; clients of protocol v3 are told that theirs
    /// will be closed within `deadline`, and `retry_after` what time to connect again; messages that they have not
    /// acknowledged are waited for until then; and their sessions end. Sessions of protocol v2 are left to the
    /// application.
    ///
    /// How many messages were not acknowledged.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future leaves sessions as they are, but nothing is accepted any more; it can be called again.
    pub async fn shut_down(&self, deadline: Duration, retry_after: Option<Duration>) -> usize {
        self.open.send_replace(false);
        self.shared.v3.shut_down(deadline, retry_after).await
    }
}
