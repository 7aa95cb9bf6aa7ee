use std::time::Duration;

use korinet_session::Backoff;
use korinet_session::v3::{ClientConfig, OnLost, ServerConfig, Settings};
use korinet_wire::v3::{Features, Level, Limits};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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
    pub(super) fn is_used_up(self) -> bool {
        self == Self::default()
    }
}

impl Config {
    /// The configurations to explore.
    #[must_use]
    pub fn all(bounds: Bounds) -> Vec<Self> {
        let mut all = resuming(bounds);
        all.extend(hostile(bounds));
        all.extend(ending(bounds));
        all.extend(combined(bounds));
        all
    }

    const fn base() -> Self {
        Self {
            name: "",
            level: Level::Received,
            checksum: true,
            secured: false,
            on_lost: OnLost::Resend,
            prompt: true,
            client_messages: 1,
            server_messages: 1,
            faults: NONE,
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

const NONE: Faults = Faults {
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

/// Lost replies, late HELLOs, take-over, and messages not yet finished.
fn resuming(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: lost replies and late HELLOs",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(1, 1, 2),
                ..NONE
            },
            sights: &[
                Sight::Resumed,
                Sight::TakenOver,
                Sight::Stale,
                Sight::Reopened,
            ],
            ..Config::base()
        },
        Config {
            name: "session: processed, and written whenever",
            level: Level::Processed,
            prompt: false,
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                ..NONE
            },
            sights: &[Sight::Resumed, Sight::Unfinished],
            ..Config::base()
        },
        Config {
            name: "session: a server that forgets",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: 1,
                restarts: bounds.pick(1, 1, 2),
                ..NONE
            },
            sights: &[Sight::Lost, Sight::Redelivered],
            ..Config::base()
        },
        Config {
            name: "session: a server that was set back",
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                rollbacks: 1,
                cuts: bounds.pick(0, 0, 1),
                ..NONE
            },
            sights: &[Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: a server that was set back and has no digests",
            checksum: false,
            client_messages: bounds.pick(0, 1, 2),
            server_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                rollbacks: 1,
                cuts: bounds.pick(0, 0, 1),
                ..NONE
            },
            sights: &[Sight::Lost],
            ..Config::base()
        },
    ]
}

/// A thief, an impostor, a copy.
fn hostile(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: a thief on plain connections",
            client_messages: bounds.pick(1, 1, 2),
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(0, 1, 1),
                replays: 1,
                guesses: 1,
                ..NONE
            },
            sights: &[Sight::Resumed, Sight::Stale, Sight::Guessed],
            ..Config::base()
        },
        Config {
            name: "session: a thief on secured connections",
            secured: true,
            client_messages: 1,
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                give_ups: bounds.pick(0, 1, 1),
                replays: 1,
                guesses: 1,
                ..NONE
            },
            sights: &[Sight::Resumed, Sight::Replayed, Sight::Guessed],
            ..Config::base()
        },
        Config {
            name: "session: an impostor",
            checksum: false,
            server_messages: bounds.pick(0, 1, 1),
            client_messages: bounds.pick(1, 1, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                impostors: bounds.pick(1, 1, 2),
                ..NONE
            },
            sights: &[Sight::Resumed, Sight::Impersonated],
            ..Config::base()
        },
        Config {
            name: "session: a client that goes on as two",
            client_messages: bounds.pick(2, 2, 2),
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(0, 0, 1),
                copies: 1,
                ..NONE
            },
            sights: &[Sight::Resumed, Sight::TakenOver, Sight::Lost],
            ..Config::base()
        },
    ]
}

/// Two faults that have more to do with each other than with a network.
fn combined(bounds: Bounds) -> Vec<Config> {
    vec![
        Config {
            name: "session: one of two copies closes",
            client_messages: 2,
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                cuts: bounds.pick(0, 0, 1),
                copies: 1,
                client_closes: 1,
                ..NONE
            },
            sights: &[Sight::ClosedHere, Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: two copies at a server that forgets",
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(0, 0, 1),
            faults: Faults {
                restarts: 1,
                copies: 1,
                ..NONE
            },
            sights: &[Sight::Lost, Sight::TakenOver],
            ..Config::base()
        },
        Config {
            name: "session: both sides close, and the server forgets",
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(0, 1, 1),
                restarts: 1,
                client_closes: 1,
                server_closes: 1,
                ..NONE
            },
            sights: &[Sight::ClosedHere, Sight::Lost],
            ..Config::base()
        },
    ]
}

/// Expiry against resume, close against cut, and what is remembered.
fn ending(bounds: Bounds) -> Vec<Config> {
    let closing = Config {
        name: "session: both sides close, and write whenever",
        prompt: false,
        client_messages: 1,
        server_messages: bounds.pick(0, 1, 1),
        faults: Faults {
            cuts: bounds.pick(1, 1, 2),
            client_closes: 1,
            server_closes: 1,
            ..NONE
        },
        sights: &[
            Sight::ClosedHere,
            Sight::ClosedByPeer,
            Sight::ClosedAfterCut,
        ],
        ..Config::base()
    };
    vec![
        Config {
            name: "session: expiry against resume",
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                expiries: 1,
                forgets: 1,
                give_ups: bounds.pick(0, 0, 1),
                ..NONE
            },
            sights: &[
                Sight::Resumed,
                Sight::Expired,
                Sight::ToldExpired,
                Sight::Lost,
            ],
            ..Config::base()
        },
        Config {
            name: "session: expiry ends the client that wants it so",
            on_lost: OnLost::Fail,
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                expiries: 1,
                client_closes: bounds.pick(0, 1, 1),
                ..NONE
            },
            sights: &[Sight::Expired, Sight::ToldExpired],
            ..Config::base()
        },
        Config {
            name: "session: expiry, and what was in doubt is handed back",
            on_lost: OnLost::Fresh,
            client_messages: bounds.pick(1, 2, 2),
            faults: Faults {
                cuts: bounds.pick(1, 1, 2),
                expiries: 1,
                ..NONE
            },
            sights: &[Sight::Expired, Sight::Lost],
            ..Config::base()
        },
        Config {
            name: "session: the client closes while replies are lost",
            client_messages: bounds.pick(1, 2, 2),
            server_messages: bounds.pick(0, 1, 1),
            faults: Faults {
                cuts: bounds.pick(1, 2, 2),
                give_ups: bounds.pick(1, 0, 1),
                client_closes: 1,
                ..NONE
            },
            sights: &[Sight::ClosedHere, Sight::ClosedAfterCut],
            ..Config::base()
        },
        closing,
    ]
}
