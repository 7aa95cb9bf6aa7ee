use std::time::Duration;

use korinet_proto::Rate;
use korinet_proto::v3::Connection;
use korinet_wire::v3::{Features, Level, Limits};

use crate::Backoff;

/// What both sides of a session are told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// What the peer may have unacknowledged, and the largest message that it may send. By default
    /// 4,096 messages, 1 MiB of frames and 1 MiB in one message.
    pub limits: Limits,
    /// How many messages this side keeps unacknowledged at the most, whatever the peer allows; 4,096
    /// by default.
    pub max_unacknowledged: u32,
    /// How many bytes of frames this side keeps unacknowledged at the most, whatever the peer allows;
    /// one message is always allowed. 1 MiB by default.
    pub max_unacknowledged_bytes: u32,
    /// The time without a byte after which the peer is asked, and after twice of which it counts as
    /// gone; zero for never. A client wishes, a server grants that much at the most, and not less than
    /// 100 ms. 15 s by default.
    pub keep_alive: Duration,
    /// How long a session lives without a connection. A client wishes, a server grants that much at
    /// the most. 5 minutes by default.
    pub expiry: Duration,
    /// How many frames that carry nothing forward the peer may send, at once and in each second (V3-46);
    /// more end the connection, not the session. 100 by default.
    pub max_control_frames: u32,
    /// How long a handshake may take. 10 s by default (V3-15).
    pub handshake_timeout: Duration,
    /// Features that may be used; by default, the checksum.
    pub features: Features,
    /// Features without which there is no session; by default, none.
    pub required: Features,
    /// The name of this implementation, for people; at most 128 bytes.
    pub agent: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits {
                messages: 4096,
                bytes: 1024 * 1024,
                message: 1024 * 1024,
            },
            max_unacknowledged: 4096,
            max_unacknowledged_bytes: 1024 * 1024,
            keep_alive: Duration::from_secs(15),
            expiry: Duration::from_secs(300),
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
            handshake_timeout: Duration::from_secs(10),
            features: Features::CHECKSUM,
            required: Features::NONE,
            agent: concat!("korinet-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl Settings {
    /// What limits the sending to a peer with these limits.
    pub(super) fn towards(&self, peer: Limits) -> Limits {
        Limits {
            messages: peer.messages.min(self.max_unacknowledged),
            bytes: peer.bytes.min(self.max_unacknowledged_bytes),
            message: peer.message,
        }
    }

    /// The least keep-alive interval that a server grants and a client heeds, so that neither makes the
    /// other write without pause.
    pub const MIN_KEEP_ALIVE: Duration = Duration::from_millis(100);
}

/// What a client does besides.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// What it shares with the server.
    pub settings: Settings,
    /// When the peer acknowledges. A server that cannot do that refuses the session.
    pub level: Level,
    /// The name and version of the application, shown to the server; at most 128 bytes each.
    pub application: Option<(String, String)>,
    /// What becomes of unacknowledged messages when a session is lost.
    pub on_lost: OnLost,
    /// How long to wait between attempts.
    pub backoff: Backoff,
    /// How long after the loss of a connection to give up. 2 minutes by default.
    pub give_up: Duration,
    /// How long an attempt to connect may take. 10 s by default.
    pub connect_timeout: Duration,
    /// How long a connection has to last without having carried anything, for the waits to start
    /// over. 10 s by default.
    pub stable_after: Duration,
    /// The longest wait that a server can impose. 1 minute by default.
    pub max_retry_after: Duration,
}

impl ClientConfig {
    /// The defaults, with waits that follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            settings: Settings::default(),
            level: Level::Received,
            application: None,
            on_lost: OnLost::Resend,
            backoff: Backoff::new(Backoff::DEFAULT_BASE, Backoff::DEFAULT_CAP, seed),
            give_up: Duration::from_secs(120),
            connect_timeout: Duration::from_secs(10),
            stable_after: Duration::from_secs(10),
            max_retry_after: Duration::from_secs(60),
        }
    }
}

/// What a client does when its session cannot be resumed, be it that the server was restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnLost {
    /// Opens a new session and sends the unacknowledged messages first, flagged as redelivered.
    #[default]
    Resend,
    /// Opens a new session and hands the unacknowledged messages back.
    Fresh,
    /// Ends, and hands the unacknowledged messages back.
    Fail,
}

/// What a server does besides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerConfig {
    /// What it shares with its clients.
    pub settings: Settings,
    /// The levels that its application can keep; by default up to `processed`.
    pub max_level: Level,
    /// The most sessions at one time, those without a connection included. 10,000 by default.
    pub max_sessions: usize,
    /// The most of them that one principal may have, unless it is the one of clients of which nothing is known. 1,000
    /// by default.
    pub max_sessions_per_principal: usize,
    /// The most memory of all sessions together, in bytes: messages that are not acknowledged or not read, and what is
    /// being read. Above four fifths of it there are no new sessions, and those that hold more than 64 KiB get no more;
    /// above all of it nobody does. A client that would need more is disconnected, and may come back to its session
    /// later. 256 MiB by default.
    pub max_memory: u64,
    /// How often the client of a session without connection may come back to it. 1,000 times at once and 100 a second by
    /// default.
    pub resumes: Rate,
    /// How often a connection of a session may take the place of another, which two copies of a client can do to each
    /// other for ever. 100 times at once and 10 a second by default.
    pub take_overs: Rate,
    /// How long a connection lasts at the most, give or take a tenth, drawn at random: then the client has to come back
    /// and be authenticated anew. Zero for as long as it holds. 24 hours by default.
    pub max_connection_age: Duration,
    /// The most ended sessions that are remembered; the oldest are forgotten first. 10,000 by default.
    pub max_tombstones: usize,
    /// How long an ended session is remembered. 1 hour by default.
    pub tombstone_life: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            max_level: Level::Processed,
            max_sessions: 10_000,
            max_sessions_per_principal: 1_000,
            max_memory: 256 * 1024 * 1024,
            resumes: Rate {
                burst: 1000,
                per_second: 100,
            },
            take_overs: Rate {
                burst: 100,
                per_second: 10,
            },
            max_connection_age: Duration::from_secs(24 * 3600),
            max_tombstones: 10_000,
            tombstone_life: Duration::from_secs(3600),
        }
    }
}
