use std::time::Duration;

use korinet_session::Backoff;
use korinet_session::v3::{ClientConfig, OnLost, ServerConfig, Settings};
use korinet_wire::v3::{Features, Level, Limits};

use super::draw::Draw;

/// How the nodes of one world are set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How many clients there are.
    pub clients: usize,
    /// Whether connections are secured.
    pub is_secured: bool,
    keep_alive: Duration,
    handshake_timeout: Duration,
    has_checksum: bool,
    is_checksum_required: bool,
    on_lost: OnLost,
    level: Level,
    server: ServerConfig,
}

/// What an honest peer can come to in a second, and a few that the network adds: far below the default,
/// so that a world shows it if honest peers come anywhere near that.
const MAX_CONTROL_FRAMES: u32 = 25;

impl Setup {
    /// A setup that follows from the draws.
    pub fn draw(draw: &mut Draw) -> Self {
        let keep_alive = Duration::from_millis(draw.pick(&[0, 100, 1000, 5000, 15_000]));
        let handshake_timeout = Duration::from_secs(draw.pick(&[2, 10]));
        let has_checksum = !draw.one_in(3);
        let settings = Settings {
            limits: limits(draw),
            // Where the client wants none, the server's wish counts.
            keep_alive,
            expiry: Duration::from_secs(draw.pick(&[1, 10, 60, 300, 300, 300])),
            handshake_timeout,
            max_control_frames: MAX_CONTROL_FRAMES,
            ..Settings::default()
        };
        Self {
            clients: usize::try_from(draw.between(1, 3)).unwrap(),
            is_secured: draw.one_in(2),
            keep_alive,
            handshake_timeout,
            has_checksum,
            is_checksum_required: has_checksum && draw.one_in(3),
            on_lost: draw.pick(&[OnLost::Resend, OnLost::Resend, OnLost::Fresh, OnLost::Fail]),
            level: draw.pick(&[Level::Received, Level::Processed]),
            server: ServerConfig {
                settings,
                max_tombstones: draw.pick(&[1, 2, 1000, 1000]),
                tombstone_life: Duration::from_secs(draw.pick(&[2, 3600, 3600])),
                ..ServerConfig::default()
            },
        }
    }

    /// How the server is set up; after a restart it may take other messages.
    pub fn server(&self, draw: &mut Draw) -> ServerConfig {
        let mut config = self.server.clone();
        if draw.one_in(3) {
            config.settings.limits = limits(draw);
        }
        config
    }

    /// How a client is set up.
    pub fn client(&self, draw: &mut Draw) -> ClientConfig {
        let checksum = |is_on| {
            if is_on {
                Features::CHECKSUM
            } else {
                Features::NONE
            }
        };
        let settings = Settings {
            limits: limits(draw),
            keep_alive: self.keep_alive,
            expiry: Duration::from_secs(draw.pick(&[60, 3600, 3600])),
            handshake_timeout: self.handshake_timeout,
            features: checksum(self.has_checksum),
            required: checksum(self.is_checksum_required),
            max_control_frames: MAX_CONTROL_FRAMES,
            ..Settings::default()
        };
        let base = Duration::from_millis(draw.pick(&[10, 100, 500]));
        ClientConfig {
            settings,
            level: self.level,
            on_lost: self.on_lost,
            backoff: Backoff::new(base, Duration::from_secs(draw.pick(&[1, 10])), draw.seed()),
            give_up: Duration::from_secs(draw.pick(&[30, 120, 7200, 7200, 7200])),
            connect_timeout: Duration::from_secs(draw.pick(&[2, 10])),
            stable_after: Duration::from_secs(draw.pick(&[1, 10])),
            ..ClientConfig::new(0)
        }
    }

    /// Whether a connection that is silent is found out.
    #[must_use]
    pub fn has_keep_alive(&self) -> bool {
        self.keep_alive > Duration::ZERO
    }

    /// How many ended sessions the server remembers, and how long.
    #[must_use]
    pub const fn memory(&self) -> (usize, Duration) {
        (self.server.max_tombstones, self.server.tombstone_life)
    }
}

fn limits(draw: &mut Draw) -> Limits {
    Limits {
        messages: draw.pick(&[1, 1, 2, 3, 4, 8, 64]),
        bytes: draw.pick(&[1, 60, 120, 300, 2000, 1 << 20]),
        message: draw.pick(&[24, 100, 600]),
    }
}
