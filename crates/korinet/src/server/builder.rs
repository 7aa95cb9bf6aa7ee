use std::path::Path;
use std::time::Duration;

use korinet_session::v3::ServerConfig;
use korinet_session::{v2, v3};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::{Mutex, mpsc, watch};

use super::listener::{BACKLOG, Listen, Listener};
use super::{NewSessions, Server};
use crate::settings::{Settings, fill, seed};
use crate::{AckLevel, BindError, ConfigError, Protocol, Repeats, WhenDetached};

/// How a server's sessions behave.
#[derive(Debug, Clone)]
pub struct ServerBuilder {
    protocols: Vec<Protocol>,
    settings: Settings,
    repeats: Repeats,
    max_sessions: usize,
}

impl Default for ServerBuilder {
    fn default() -> Self {
        Self {
            protocols: vec![Protocol::V2, Protocol::V3],
            settings: Settings::default(),
            repeats: Repeats::default(),
            max_sessions: ServerConfig::default().max_sessions,
        }
    }
}

impl ServerBuilder {
    /// The versions of the protocol that peers may speak, both on one port; all by default. A peer that has not sent
    /// anything for a second counts as one of v2, where that is allowed: it may wait to be spoken to.
    #[must_use]
    pub fn protocols(mut self, protocols: &[Protocol]) -> Self {
        self.protocols = protocols.to_vec();
        self
    }

    /// When received messages are acknowledged; [`AckLevel::Received`] by default. In protocol v3 the client chooses, up
    /// to this.
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

    /// As [`ClientBuilder::window`](crate::ClientBuilder::window). Needs protocol v3.
    #[must_use]
    pub const fn window(mut self, messages: usize, bytes: usize) -> Self {
        self.settings.window = Some((messages, bytes));
        self
    }

    /// As [`ClientBuilder::ack_timeout`](crate::ClientBuilder::ack_timeout). Needs protocol v2.
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = Some(timeout);
        self
    }

    /// The longest [`keep_alive`](crate::ClientBuilder::keep_alive) interval that a client is granted; 15 s by default.
    /// Needs protocol v3.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = Some(interval);
        self
    }

    /// The longest [`session_expiry`](crate::ClientBuilder::session_expiry) that a client is granted; 5 minutes by
    /// default. Needs protocol v3.
    #[must_use]
    pub const fn session_expiry(mut self, expiry: Duration) -> Self {
        self.settings.session_expiry = Some(expiry);
        self
    }

    /// As [`ClientBuilder::when_detached`](crate::ClientBuilder::when_detached). Needs protocol v3.
    #[must_use]
    pub const fn when_detached(mut self, when: WhenDetached) -> Self {
        self.settings.when_detached = Some(when);
        self
    }

    /// As [`ClientBuilder::linger`](crate::ClientBuilder::linger). Needs protocol v3.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = Some(linger);
        self
    }

    /// The most sessions of protocol v3 at one time, those without a connection included; 10,000 by default.
    #[must_use]
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
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
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up nothing listens.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn bind(&self, addr: impl ToSocketAddrs) -> Result<Server, BindError> {
        self.check()?;
        let listener = TcpListener::bind(addr).await.map_err(BindError::Listen)?;
        let local_addr = listener.local_addr().map_err(BindError::Listen)?;
        let mut server = self.listen(listener)?;
        server.local_addr = Some(local_addr);
        Ok(server)
    }

    /// Listens on a Unix socket at `path`, which must not exist yet; it is left there.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    ///
    /// As there.
    #[cfg(unix)]
    pub fn bind_unix(&self, path: impl AsRef<Path>) -> Result<Server, BindError> {
        self.check()?;
        let listener = tokio::net::UnixListener::bind(path).map_err(BindError::Listen)?;
        Ok(self.listen(listener)?)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.protocols.is_empty() {
            return Err(ConfigError::NoProtocol);
        }
        self.settings.check(&self.protocols)
    }

    fn listen<L: Listen>(&self, listener: L) -> Result<Server, ConfigError> {
        let config = ServerConfig {
            settings: self.settings.for_v3()?,
            max_level: self.settings.level(),
            max_sessions: self.max_sessions,
            ..ServerConfig::default()
        };
        let v2 = v2::Server::new(self.settings.for_v2()?, self.repeats, seed());
        let (v3, v3_sessions) = v3::Server::new(config, self.settings.driver(), fill);
        let (v2_sender, v2_sessions) = mpsc::channel(BACKLOG);
        let open = watch::Sender::new(true);
        let listening = Listener {
            listener,
            protocols: self.protocols.clone(),
            v2,
            v2_sessions: v2_sender,
            v3: v3.clone(),
        };
        tokio::spawn(listening.run(open.subscribe()));
        Ok(Server {
            local_addr: None,
            v3,
            new_sessions: Mutex::new(NewSessions {
                v2: v2_sessions,
                v3: v3_sessions,
            }),
            open,
        })
    }
}
