use std::error::Error;
use std::time::Duration;

use korinet_session::v2;
use korinet_session::v3::{CallLimits, Credential, Event, FirstConnect};
use tokio::sync::mpsc;

use crate::credentials::Credentials;
use crate::settings::Settings;
use crate::{AckLevel, OnLost, Protocol, WhenDetached};

/// How a client's session behaves.
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    pub(super) protocol: Protocol,
    pub(super) settings: Settings,
    pub(super) fallbacks: Vec<String>,
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) first_connect: FirstConnect,
    pub(super) backoff_base: Duration,
    pub(super) backoff_cap: Duration,
    pub(super) on_lost: Option<OnLost>,
    pub(super) checksum: Option<bool>,
    pub(super) application: Option<(String, String)>,
    pub(super) observer: Option<mpsc::UnboundedSender<Event>>,
    pub(super) credentials: Option<Credentials>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<crate::tls::ClientTls>,
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
            protocol: Protocol::V3,
            settings: Settings::default(),
            fallbacks: Vec::new(),
            timeout,
            connect_timeout,
            first_connect: FirstConnect::Once,
            backoff_base,
            backoff_cap,
            on_lost: None,
            checksum: None,
            application: None,
            observer: None,
            credentials: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl ClientBuilder {
    /// The version of the protocol; [`Protocol::V3`] by default. The server must speak it: a client
    /// does not find out.
    #[must_use]
    pub const fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Connects with TLS, and not without; see [`tls`](crate::tls). The server's certificate has to be for the host that
    /// is dialled. Needs protocol v3.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: &crate::tls::ClientTls) -> Self {
        self.tls = Some(tls.clone());
        self
    }

    /// Where to get what to show to the server: asked anew before each attempt to connect, and within its time. An error
    /// ends the attempt, and the next one asks again. Needs protocol v3.
    ///
    /// A server that refuses what is shown is shown what comes next, once; if it refuses that for the same reason, the
    /// session is over. Without TLS whoever is on the way can read it.
    ///
    /// ```
    /// use korinet::{Client, Credential};
    ///
    /// let client = Client::builder().credentials(async || {
    ///     let token = std::fs::read("token")?;
    ///     Ok::<_, std::io::Error>(Credential::new("token", token.trim_ascii_end()))
    /// });
    /// ```
    #[must_use]
    pub fn credentials<P, F, E>(mut self, provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credential, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        self.credentials = Some(Credentials::new(provide));
        self
    }

    /// Another `host:port` of the same service, tried when those before it cannot be reached. May be called more than
    /// once.
    #[must_use]
    pub fn fallback(mut self, addr: impl Into<String>) -> Self {
        self.fallbacks.push(addr.into());
        self
    }

    /// How long after the loss of a connection to go on trying to connect again; 120 s by default,
    /// as in the Python package. Zero: not at all.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long one attempt to connect may take, over all addresses; 10 s by default.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// What [`connect`](Self::connect) does when the first attempt fails: [`FirstConnect::Once`] by default. Needs
    /// protocol v3 to be repeated.
    #[must_use]
    pub const fn first_connect(mut self, first: FirstConnect) -> Self {
        self.first_connect = first;
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

    /// When received messages are acknowledged; [`AckLevel::Received`] by default. In protocol v3 it goes for both
    /// sides, and the server refuses what it cannot keep.
    #[must_use]
    pub const fn ack_level(mut self, level: AckLevel) -> Self {
        self.settings.ack_level = level;
        self
    }

    /// The most bytes of a message, both ways in protocol v2, from the peer in v3: 64 to 67,108,864. In v2 524,288 by
    /// default, which is what the Python package takes; the frame around the message counts too, which is 43 bytes
    /// more. In v3 1,048,576 by default.
    #[must_use]
    pub const fn max_message(mut self, bytes: usize) -> Self {
        self.settings.max_message = Some(bytes);
        self
    }

    /// How much may be unacknowledged at a time, each way, if the peer agrees: 1 to 1,048,576 messages, 4,096 by
    /// default, of 1 KiB to 1 GiB in all, 1 MiB by default. One message is always allowed. Needs protocol v3.
    ///
    /// It bounds the memory of a session: these bytes to be sent again, twice these bytes received and not read, some 360
    /// bytes beside for each of the messages, and what is being read and written, up to a few 100 KiB and one message.
    #[must_use]
    pub const fn window(mut self, messages: usize, bytes: usize) -> Self {
        self.settings.window = Some((messages, bytes));
        self
    }

    /// How long to wait for an acknowledgement before the connection counts as lost. Needs protocol v2; v3 has
    /// [`keep_alive`](Self::keep_alive).
    ///
    /// Not limited by default: a peer whose application does not keep up withholds it, and a peer
    /// whose machine is gone is noticed by the system within about 30 s. Protocol v2 has no other
    /// way to notice one that hangs, or a link that swallows bytes behind a proxy.
    #[must_use]
    pub const fn ack_timeout(mut self, timeout: Duration) -> Self {
        self.settings.ack_timeout = Some(timeout);
        self
    }

    /// The time without a byte from the peer after which it is asked whether it is there; after twice that the connection
    /// counts as lost. 15 s by default, 100 ms at the least; zero for never. The server may grant less. Needs protocol
    /// v3.
    #[must_use]
    pub const fn keep_alive(mut self, interval: Duration) -> Self {
        self.settings.keep_alive = Some(interval);
        self
    }

    /// How long the server keeps the session without a connection; 5 minutes by default. The server may grant less.
    /// Needs protocol v3.
    #[must_use]
    pub const fn session_expiry(mut self, expiry: Duration) -> Self {
        self.settings.session_expiry = Some(expiry);
        self
    }

    /// What becomes of messages that are to be sent while there is no connection; [`WhenDetached::Wait`] by default.
    /// Needs protocol v3.
    #[must_use]
    pub const fn when_detached(mut self, when: WhenDetached) -> Self {
        self.settings.when_detached = Some(when);
        self
    }

    /// What becomes of unacknowledged messages when the server no longer has the session, be it that it was restarted;
    /// [`OnLost::Resend`] by default. Needs protocol v3.
    #[must_use]
    pub const fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.on_lost = Some(on_lost);
        self
    }

    /// Whether messages carry a running CRC-32C, which finds what was changed on the way, and histories that do not fit
    /// together; by default without TLS only, which finds more. Needs protocol v3.
    #[must_use]
    pub const fn checksum(mut self, is_on: bool) -> Self {
        self.checksum = Some(is_on);
        self
    }

    /// As [`ServerBuilder::max_control_frames`](crate::ServerBuilder::max_control_frames).
    #[must_use]
    pub const fn max_control_frames(mut self, per_second: u32) -> Self {
        self.settings.max_control_frames = Some(per_second);
        self
    }

    /// How much of [calls](crate::call) a session holds: requests of either side that are not answered, and streams
    /// that nobody reads. Needs protocol v3.
    #[must_use]
    pub const fn call_limits(mut self, limits: CallLimits) -> Self {
        self.settings.calls = Some(limits);
        self
    }

    /// How long a session that is dropped without being closed goes on, to bring what it had accepted to the peer; 5 s by
    /// default. Needs protocol v3.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.settings.linger = Some(linger);
        self
    }

    /// Records what happened last in the session: so many entries, one for each frame and each change, 0 to 65,536; none
    /// by default, and then it costs nothing. [`Session::flight_record`](crate::Session::flight_record) tells it at any
    /// time. The last 16 entries go to the log, by `tracing` as a warning, when the session is lost or ends otherwise than
    /// in good order, and the first time that a connection of it ends by a violation. Needs protocol v3.
    ///
    /// An entry takes 56 bytes, from the beginning on, and the text of a change up to some 200 more.
    #[must_use]
    pub const fn flight_recorder(mut self, entries: usize) -> Self {
        self.settings.flight_recorder = Some(entries);
        self
    }

    /// The name and version of the application, shown to the server; at most 128 bytes each. Needs protocol v3.
    #[must_use]
    pub fn application(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.application = Some((name.into(), version.into()));
        self
    }

    /// Where to tell of the session's events, from the first attempt to connect on. Needs protocol v3.
    #[must_use]
    pub fn events(mut self, observer: mpsc::UnboundedSender<Event>) -> Self {
        self.observer = Some(observer);
        self
    }
}
