use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use korinet_session::v3::{DriverConfig, ServerConfig};
use korinet_session::{v2, v3};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::{Mutex, mpsc, watch};

use super::ServerBuilder;
use crate::server::gate::Gate;
use crate::server::listener::{Listen, listen};
use crate::server::stats::Counters;
use crate::server::{NewSessions, Server, Shared};
use crate::settings::{fill, seed};
use crate::{BindError, ConfigError, Protocol};

impl ServerBuilder {
    /// Listens on `addr`; port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// The settings do not fit together, or the address cannot be bound; or others than this machine could reach it,
    /// and without TLS that is to be [allowed](Self::allow_plaintext) first.
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
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(addr)
            .await
            .map_err(BindError::Listen)?
            .collect();
        if !self.is_plaintext_allowed && !self.has_tls() {
            let mut exposed = addresses.iter().filter(|addr| !addr.ip().is_loopback());
            if let Some(addr) = exposed.next() {
                return Err(BindError::Exposed { addr: *addr });
            }
        }
        let listener = TcpListener::bind(&*addresses).await;
        let listener = listener.map_err(BindError::Listen)?;
        let local_addr = listener.local_addr().map_err(BindError::Listen)?;
        let mut server = self.listen(listener)?;
        server.local_addr = Some(local_addr);
        Ok(server)
    }

    /// Listens on a Unix socket at `path`, which must not exist yet; it is left there. Who may connect is a matter of the
    /// file's permissions.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind); and TLS is of no use there.
    ///
    /// # Panics
    ///
    /// As there.
    #[cfg(unix)]
    pub fn bind_unix(&self, path: impl AsRef<Path>) -> Result<Server, BindError> {
        self.check()?;
        if self.has_tls() {
            return Err(ConfigError::TlsOverUnix.into());
        }
        let listener = tokio::net::UnixListener::bind(path).map_err(BindError::Listen)?;
        Ok(self.listen(listener)?)
    }

    const fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// What peers may speak.
    fn spoken(&self) -> Vec<Protocol> {
        match &self.protocols {
            Some(protocols) => protocols.clone(),
            None if self.has_tls() || self.authenticator.is_some() => vec![Protocol::V3],
            None => vec![Protocol::V2, Protocol::V3],
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let protocols = self.spoken();
        if protocols.is_empty() {
            return Err(ConfigError::NoProtocol);
        }
        let speaks = |wanted| protocols.contains(&wanted);
        if self.authenticator.is_some() && speaks(Protocol::V2) {
            return Err(ConfigError::Needs {
                setting: "authenticate",
                needed: Protocol::V3,
                protocol: Protocol::V2,
            });
        }
        // Beside TLS only what is allowed to be plain.
        if self.has_tls()
            && (!speaks(Protocol::V3) || !self.is_plaintext_allowed)
            && speaks(Protocol::V2)
        {
            return Err(ConfigError::Needs {
                setting: "tls",
                needed: Protocol::V3,
                protocol: Protocol::V2,
            });
        }
        for (setting, number) in [
            ("max_connections", self.gate.connections),
            ("max_handshakes", self.gate.handshakes),
            (
                "max_handshakes per address",
                self.gate.handshakes_per_address,
            ),
        ] {
            if !(1..=MAX_CONNECTIONS).contains(&number) {
                return Err(ConfigError::OutOfRange {
                    setting,
                    found: number,
                    min: 1,
                    max: MAX_CONNECTIONS,
                });
            }
        }
        self.settings.check(&protocols)
    }

    fn listen<L: Listen>(&self, listener: L) -> Result<Server, ConfigError> {
        let settings = self.settings.for_v3()?;
        let handshake_timeout = settings.handshake_timeout;
        let config = ServerConfig {
            settings,
            max_level: self.settings.level(),
            ..self.limits.clone()
        };
        let driver = DriverConfig {
            stalled_after: self.stalled_after,
            ..self.settings.driver()
        };
        let v2 = v2::Server::new(self.settings.for_v2()?, self.repeats, seed());
        let (v3, v3_sessions) = v3::Server::new(config, driver, self.authenticator.clone(), fill);
        let v2 = v2.with_budget(v3.budget().clone());
        let (v2_sender, v2_sessions) = mpsc::channel(v3::Incoming::BACKLOG);
        let shared = Arc::new(Shared {
            protocols: self.spoken(),
            is_plaintext_allowed: self.is_plaintext_allowed || !self.has_tls(),
            #[cfg(feature = "tls")]
            tls: self.tls.clone(),
            handshake_timeout,
            gate: Gate::new(self.gate),
            counters: Counters::default(),
            on_refused: self.on_refused.clone(),
            v2,
            v2_sessions: v2_sender,
            v3,
        });
        let open = watch::Sender::new(true);
        tokio::spawn(listen(listener, Arc::clone(&shared), open.subscribe()));
        Ok(Server {
            local_addr: None,
            shared,
            new_sessions: Mutex::new(NewSessions {
                v2: v2_sessions,
                v3: v3_sessions,
            }),
            open,
        })
    }
}

/// The most that any number of connections can be limited to.
const MAX_CONNECTIONS: usize = 1 << 24;
