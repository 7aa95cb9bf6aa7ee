use std::time::Duration;

use korinet_wire::v2::Limits;

/// When a received message is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Acknowledge {
    /// When it is in the session's receive queue.
    #[default]
    Received,
    /// When the application says that it is done with it.
    Processed,
}

/// How sessions behave; the same for client and server where nothing else is said.
#[derive(Debug, Clone)]
pub struct Config {
    /// What a frame may be at most, both ways.
    pub limits: Limits,
    /// When a received message is acknowledged.
    pub acknowledge: Acknowledge,
    /// How many received messages wait for the application, at most; beyond that none is
    /// acknowledged. At least 1.
    pub receive_queue: usize,
    /// How long an acknowledgement may take before the connection counts as lost. Not limited by
    /// default: a peer withholds it while its application does not keep up.
    pub ack_timeout: Option<Duration>,
    /// Client: how long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// Client: how long after a loss to go on trying to connect.
    pub timeout: Duration,
    /// Client: the upper end of the wait before the first attempt after a loss.
    pub backoff_base: Duration,
    /// Client: the upper end of the wait before every attempt.
    pub backoff_cap: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            acknowledge: Acknowledge::default(),
            receive_queue: 16,
            ack_timeout: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(120),
            backoff_base: crate::Backoff::DEFAULT_BASE,
            backoff_cap: crate::Backoff::DEFAULT_CAP,
        }
    }
}
