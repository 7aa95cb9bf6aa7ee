use std::time::Duration;

use korinet_session::v2;

use crate::settings::{Settings, not_zero, seed};
use crate::tcp::TcpDialer;
use crate::{AckLevel, ConfigError, ConnectError, Protocol, Session};

/// Where a session begins on the side that dials.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::collections::BTreeMap;
///
/// let session = korinet::Client::connect("127.0.0.1:1235").await?;
/// session.send(&BTreeMap::from([("type", "ping")])).await?;
/// session.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Client {}

impl Client {
    /// Connects to `host:port` with the settings of [`ClientBuilder::default`].
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn connect(addr: impl Into<String>) -> Result<Session, ConnectError> {
        Self::builder().connect(addr).await
    }

    /// Settings for a session, to be changed before it connects.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

/// How a client's session behaves.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    protocol: Protocol,
    settings: Settings,
    timeout: Duration,
    connect_timeout: Duration,
    backoff_base: Duration,
    backoff_cap: Duration,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        let v2::Config {
            timeout,
            connect_timeout,
            backoff_base,
            backoff_cap,
            ..
        } = v2::Config::default();
        Self {
            protocol: Protocol::V2,
            settings: Settings::default(),
            timeout,
            connect_timeout,
            backoff_base,
            backoff_cap,
        }
    }
}

impl ClientBuilder {
    /// The version of the protocol; [`Protocol::V2`] by default. The server must speak it: a client
    /// does not find out.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// How long after the loss of a connection to go on trying to connect again; 120 s by default,
    /// as in the Python package. Zero: not at all.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long one attempt to connect may take; 10 s by default.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The waits between attempts to connect again: the first is drawn evenly from zero to `base`,
    /// each further one from a range twice as long, up to `cap`. 100 ms and 10 s by default.
    #[must_use]
    pub const fn backoff(mut self, base: Duration, cap: Duration) -> Self {
        self.backoff_base = base;
        self.backoff_cap = cap;
        self
    }

    /// When received messages are acknowledged; [`AckLevel::Received`] by default.
    #[must_use]
    pub const fn ack_level(mut self, level: AckLevel) -> Self {
        self.settings.ack_level = level;
        self
    }

    /// The most bytes of a message, both ways; 524,288 by default, which is what the Python package
    /// takes. 64 to 67,108,864.
    ///
    /// Protocol v2 counts the frame around the message too, which is 43 bytes more.
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.settings.max_message = Some(bytes);
        self
    }

    /// How long to wait for an acknowledgement before the connection counts as lost.
    ///
    /// Not limited by default: a peer whose application does not keep up withholds it, and a peer
    /// whose machine is gone is noticed by the system within about 30 s. Protocol v2 has no other
    /// way to notice one that hangs, or a link that swallows bytes behind a proxy.
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = Some(timeout);
        self
    }

    /// How often an idle peer is probed. Needs protocol v3.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = Some(interval);
        self
    }

    /// How long the server keeps the session without a connection. Needs protocol v3.
    #[must_use]
    pub const fn session_expiry(mut self, expiry: Duration) -> Self {
        self.settings.session_expiry = Some(expiry);
        self
    }

    /// Connects to `host:port`. There is one attempt; what connects again by itself is the session.
    ///
    /// The session's work is done by a task of the current tokio runtime.
    ///
    /// # Errors
    ///
    /// The settings do not fit together, or the attempt failed.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future abandons the attempt.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with its I/O and time drivers enabled.
    pub async fn connect(&self, addr: impl Into<String>) -> Result<Session, ConnectError> {
        let config = self.config()?;
        let addr = addr.into();
        let dialer = TcpDialer { addr: addr.clone() };
        match v2::connect(dialer, config, seed()).await {
            Ok(session) => Ok(Session::new(session, None)),
            Err(source) => Err(ConnectError::Connection { addr, source }),
        }
    }

    fn config(&self) -> Result<v2::Config, ConfigError> {
        match self.protocol {
            Protocol::V2 => {}
            other @ Protocol::V3 => return Err(ConfigError::Unsupported(other)),
        }
        Ok(v2::Config {
            timeout: self.timeout,
            connect_timeout: not_zero("connect_timeout", self.connect_timeout)?,
            backoff_base: self.backoff_base,
            backoff_cap: self.backoff_cap,
            ..self.settings.for_v2()?
        })
    }
}
