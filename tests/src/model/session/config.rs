use std::time::Duration;

use korinet_session::Backoff;
use korinet_session::v3::{ClientConfig, OnLost, ServerConfig, Settings};
use korinet_wire::v3::{Features, Level, Limits};

use super::scenarios;
use super::seen::Sight;
use crate::model::Bounds;

/// Who does what, and which faults there are.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name in reports.
    pub name: &'static str,
    /// When a message is acknowledged.
    pub level: Level,
    /// Whether messages carry digests.
    pub checksum: bool,
    /// Whether connections are as secure as TLS makes them.
    pub secured: bool,
    /// What a client does that has lost its session.
    pub on_lost: OnLost,
    /// Whether drivers write and retire at once.
    pub prompt: bool,
    /// How many messages a client sends.
    pub client_messages: usize,
    /// How many messages the server sends in each session.
    pub server_messages: usize,
    /// The faults.
    pub faults: Faults,
    /// What has to happen, so that the model means something.
    pub sights: &'static [Sight],
}

/// How often what can go wrong goes wrong; a state holds what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A link breaks.
    pub cuts: u8,
    /// A client does not wait any longer for the answer to its HELLO.
    pub give_ups: u8,
    /// The server starts anew and knows nothing.
    pub restarts: u8,
    /// The server comes back as it was some time ago.
    pub rollbacks: u8,
    /// A thief plays a recorded HELLO.
    pub replays: u8,
    /// A thief makes up a HELLO.
    pub guesses: u8,
    /// An impostor answers a HELLO.
    pub impostors: u8,
    /// A client goes on as two.
    pub copies: u8,
    /// A session expires.
    pub expiries: u8,
    /// The server forgets a session that is over.
    pub forgets: u8,
    /// The client closes.
    pub client_closes: u8,
    /// The server closes a session.
    pub server_closes: u8,
}

impl Faults {
    /// Nothing goes wrong.
    pub(super) const NONE: Self = Self {
        cuts: 0,
        give_ups: 0,
        restarts: 0,
        rollbacks: 0,
        replays: 0,
        guesses: 0,
        impostors: 0,
        copies: 0,
        expiries: 0,
        forgets: 0,
        client_closes: 0,
        server_closes: 0,
    };

    pub(super) fn is_used_up(self) -> bool {
        self == Self::NONE
    }
}

impl Config {
    /// The configurations to explore.
    #[must_use]
    pub fn all(bounds: Bounds) -> Vec<Self> {
        scenarios::all(bounds)
    }

    /// One message each way, over plain connections, with nothing wrong.
    pub(super) const fn base() -> Self {
        Self {
            name: "",
            level: Level::Received,
            checksum: true,
            secured: false,
            on_lost: OnLost::Resend,
            prompt: true,
            client_messages: 1,
            server_messages: 1,
            faults: Faults::NONE,
            sights: &[],
        }
    }

    /// The settings of both sides: no keep-alive, and every other wait over at once.
    fn settings(&self) -> Settings {
        Settings {
            limits: Limits {
                messages: 2,
                bytes: 1024,
                message: 16,
            },
            keep_alive: Duration::ZERO,
            expiry: Duration::ZERO,
            handshake_timeout: Duration::ZERO,
            features: if self.checksum {
                Features::CHECKSUM
            } else {
                Features::NONE
            },
            agent: String::new(),
            ..Settings::default()
        }
    }

    pub(super) fn client(&self) -> ClientConfig {
        ClientConfig {
            settings: self.settings(),
            level: self.level,
            on_lost: self.on_lost,
            backoff: Backoff::new(Duration::ZERO, Duration::ZERO, 0),
            give_up: Duration::MAX,
            connect_timeout: Duration::MAX,
            stable_after: Duration::MAX,
            ..ClientConfig::new(0)
        }
    }

    pub(super) fn server(&self) -> ServerConfig {
        ServerConfig {
            settings: self.settings(),
            tombstone_life: Duration::ZERO,
            ..ServerConfig::default()
        }
    }
}
