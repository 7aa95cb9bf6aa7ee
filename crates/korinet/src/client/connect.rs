use std::path::Path;

use korinet_session::v3::{ClientConfig, FirstConnect};
use korinet_session::{Backoff, ConnectionError, Dial, v2, v3};
use korinet_wire::v3::Features;

use super::ClientBuilder;
use crate::credentials::Showing;
use crate::settings::{not_zero, seed};
use crate::transport::{Plaintext, TcpDialer};
use crate::{ConfigError, ConnectError, Protocol, Session, SessionError};

impl ClientBuilder {
    /// Connects to `host:port`.
    ///
    /// There is one attempt, unless [`first_connect`](Self::first_connect) says otherwise; what connects again by itself
    /// is the session. Its work is done by a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The settings do not fit together, the attempt failed, or the server refuses the session.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future abandons the attempt.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn connect(&self, addr: impl Into<String>) -> Result<Session, ConnectError> {
        let addr = addr.into();
        let mut addresses = vec![addr.clone()];
        addresses.extend(self.fallbacks.iter().cloned());
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            return self.connect_by(TcpDialer::new(tls, addresses), addr).await;
        }
        self.connect_by(TcpDialer::new(Plaintext, addresses), addr)
            .await
    }

    /// Connects to the Unix socket at `path`; otherwise as [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    ///
    /// # Panics
    ///
    /// As there.
    #[cfg(unix)]
    pub async fn connect_unix(&self, path: impl AsRef<Path>) -> Result<Session, ConnectError> {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return Err(ConfigError::TlsOverUnix.into());
        }
        let path = path.as_ref();
        let dialer = crate::transport::UnixDialer {
            path: path.to_owned(),
        };
        self.connect_by(dialer, path.display().to_string()).await
    }

    async fn connect_by<D: Dial>(&self, dial: D, addr: String) -> Result<Session, ConnectError> {
        self.check()?;
        let dial = Showing {
            dial,
            credentials: self.credentials.clone(),
        };
        let connected =
            match self.protocol {
                Protocol::V2 => {
                    let config = self.config_for_v2()?;
                    let session = v2::connect(dial, config, seed()).await;
                    session.map(|session| Session::from_v2(session, None))
                }
                Protocol::V3 => {
                    let config = self.config_for_v3()?;
                    let driver = v3::DriverConfig {
                        first_connect: self.first_connect,
                        ..self.settings.driver()
                    };
                    match v3::connect(dial, config, driver, seed(), self.observer.clone()).await {
                        Ok(session) => Ok(Session::from_v3(session)),
                        Err(error) => Err(connection_error(error).map_err(|source| {
                            ConnectError::Session {
                                addr: addr.clone(),
                                source,
                            }
                        })?),
                    }
                }
            };
        connected.map_err(|source| ConnectError::Connection { addr, source })
    }

    const fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    fn check(&self) -> Result<(), ConfigError> {
        self.settings.check(&[self.protocol])?;
        let for_v3 = [
            ("first_connect", self.first_connect == FirstConnect::Retry),
            ("on_lost", self.on_lost.is_some()),
            ("application", self.application.is_some()),
            ("events", self.observer.is_some()),
            ("credentials", self.credentials.is_some()),
            ("tls", self.has_tls()),
            ("checksum", self.checksum.is_some()),
        ];
        match for_v3.into_iter().find(|(_, is_set)| *is_set) {
            Some((setting, _)) if self.protocol == Protocol::V2 => Err(ConfigError::Needs {
                setting,
                needed: Protocol::V3,
                protocol: self.protocol,
            }),
            _ => Ok(()),
        }
    }

    fn config_for_v2(&self) -> Result<v2::Config, ConfigError> {
        Ok(v2::Config {
            timeout: self.timeout,
            connect_timeout: not_zero("connect_timeout", self.connect_timeout)?,
            backoff_base: self.backoff_base,
            backoff_cap: self.backoff_cap,
            ..self.settings.for_v2()?
        })
    }

    fn config_for_v3(&self) -> Result<ClientConfig, ConfigError> {
        let waits = seed();
        let waits = waits.first_chunk().map_or(0, |it| u64::from_be_bytes(*it));
        let defaults = ClientConfig::new(waits);
        let mut settings = self.settings.for_v3()?;
        if !self.checksum.unwrap_or_else(|| !self.has_tls()) {
            settings.features = settings.features.without(Features::CHECKSUM);
        }
        Ok(ClientConfig {
            settings,
            level: self.settings.level(),
            application: self.application.clone(),
            on_lost: self.on_lost.unwrap_or(defaults.on_lost),
            backoff: Backoff::new(self.backoff_base, self.backoff_cap, waits),
            give_up: self.timeout,
            connect_timeout: not_zero("connect_timeout", self.connect_timeout)?,
            ..defaults
        })
    }
}

/// What was wrong with the one connection that there was, if that is why there is no session.
fn connection_error(error: SessionError) -> Result<ConnectionError, SessionError> {
    match error {
        SessionError::NotConnected(error)
        | SessionError::Incompatible(error)
        | SessionError::Refused(error)
        | SessionError::Untrusted(error) => Ok(error),
        other @ (SessionError::GaveUp { .. } | _) => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use crate::{Client, ClientBuilder, Protocol};

    fn features(builder: &ClientBuilder) -> String {
        let config = builder.config_for_v3().unwrap();
        config.settings.features.to_string()
    }

    #[test]
    fn a_checksum_is_for_connections_without_tls_unless_said_otherwise() {
        let plain = Client::builder();
        assert_eq!(features(&plain), "checksum");
        assert_eq!(features(&plain.checksum(false)), "none");
        let v2 = Client::builder().protocol(Protocol::V2).checksum(true);
        let error = v2.check().unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn over_tls_there_is_none_unless_asked_for() {
        let tls = crate::tls::ClientTls::new(crate::tls::Roots::platform()).unwrap();
        let secured = Client::builder().tls(&tls);
        assert_eq!(features(&secured), "none");
        assert_eq!(features(&secured.checksum(true)), "checksum");
    }
}
