use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use korinet_session::v2;
use tokio::net::{TcpListener, ToSocketAddrs};

use crate::settings::{Settings, seed};
use crate::tcp::configure;
use crate::{AckLevel, BindError, ConfigError, Protocol, Repeats, Session};

/// How long to pause when the system cannot accept, so that it is not asked in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where sessions begin on the side that is dialled.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let server = korinet::Server::bind("127.0.0.1:1235").await?;
/// loop {
///     let mut session = server.accept().await;
///     tokio::spawn(async move {
///         while let Ok(Some(message)) = session.recv().await {
///             println!("{}", message.id());
///         }
///     });
/// }
/// # }
/// ```
///
/// Dropping it stops accepting; its sessions go on.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    v2: v2::Server,
}

impl Server {
    /// Listens on `addr` with the settings of [`ServerBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`ServerBuilder::bind`].
    pub async fn bind(addr: impl ToSocketAddrs) -> Result<Self, BindError> {
        Self::builder().bind(addr).await
    }

    /// Settings for a server, to be changed before it listens.
    #[must_use]
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// The address that it listens on, with the port that the system chose if it was asked to.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The session of the next peer that connects.
    ///
    /// A peer can do nothing to make this fail; what it does wrong comes out of its session. What
    /// the system does (too many open files, a connection that is gone again) is logged, and after
    /// a pause accepting goes on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&self) -> Session {
        loop {
            match self.try_accept().await {
                Ok(session) => return session,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn try_accept(&self) -> io::Result<Session> {
        let (stream, peer) = self.listener.accept().await?;
        configure(&stream)?;
        let session = self.v2.serve(stream, Some(peer.ip()));
        Ok(Session::new(session, Some(peer)))
    }
}

/// How a server's sessions behave.
#[derive(Debug, Clone)]
pub struct ServerBuilder {
    protocols: Vec<Protocol>,
    settings: Settings,
    repeats: Repeats,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            protocols: vec![Protocol::V2],
            settings: Settings::default(),
            repeats: Repeats::default(),
        }
    }
}

impl ServerBuilder {
    /// The versions of the protocol that peers may speak; by default all that this version of the
    /// crate has, which is [`Protocol::V2`].
    #[must_use]
    pub fn protocols(mut self, protocols: &[Protocol]) -> Self {
        self.protocols = protocols.to_vec();
        self
    }

    /// As [`ClientBuilder::ack_level`](crate::ClientBuilder::ack_level).
    #[must_use]
    pub const fn ack_level(mut self, level: AckLevel) -> Self {
        self.settings.ack_level = level;
        self
    }

    /// As [`ClientBuilder::max_message`](crate::ClientBuilder::max_message).
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.settings.max_message = Some(bytes);
        self
    }

    /// As [`ClientBuilder::ack_timeout`](crate::ClientBuilder::ack_timeout).
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = Some(timeout);
        self
    }

    /// As [`ClientBuilder::keep_alive`](crate::ClientBuilder::keep_alive). Needs protocol v3.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = Some(interval);
        self
    }

    /// What to do with a message that a client of the Python package sends again after a cut;
    /// [`Repeats::DeliverOnce`] by default.
    #[must_use]
    pub const fn repeats(mut self, repeats: Repeats) -> Self {
        self.repeats = repeats;
        self
    }

    /// Listens on `addr`; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// The settings do not fit together, or the address cannot be bound.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O driver enabled.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> Result<Server, BindError> {
        let config = self.config()?;
        let listener = TcpListener::bind(addr).await.map_err(BindError::Listen)?;
        Ok(Server {
            local_addr: listener.local_addr().map_err(BindError::Listen)?,
            listener,
            v2: v2::Server::new(config, self.repeats, seed()),
        })
    }

    fn config(&self) -> Result<v2::Config, ConfigError> {
        if self.protocols.is_empty() {
            return Err(ConfigError::NoProtocol);
        }
        for protocol in &self.protocols {
            match protocol {
                Protocol::V2 => {}
                other @ Protocol::V3 => return Err(ConfigError::Unsupported(*other)),
            }
        }
        self.settings.for_v2()
    }
}
