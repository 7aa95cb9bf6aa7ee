use korinet_wire::v3::{Level, Limits};

use crate::model::Bounds;

/// How many messages and faults there are.
#[derive(Debug, Clone)]
pub struct Config {
    /// The name in reports.
    pub name: &'static str,
    /// When a message is acknowledged.
    pub level: Level,
    /// Whether messages carry digests.
    pub checksum: bool,
    /// The messages that may be unacknowledged in each direction.
    pub window: u32,
    /// How many messages each side sends.
    pub messages: [u8; 2],
    /// How often the link is cut.
    pub cuts: u8,
    /// How many frames are damaged on their way.
    pub damaged: u8,
    /// How often a peer acknowledges what was not sent.
    pub forged: u8,
    /// How often a message comes again that was delivered.
    pub repeats: u8,
}

impl Config {
    /// The configurations to explore.
    #[must_use]
    pub fn all(bounds: Bounds) -> Vec<Self> {
        let received = Self {
            name: "link: window of 1, both ways",
            level: Level::Received,
            checksum: true,
            window: 1,
            messages: bounds.pick([2, 1], [2, 2], [3, 3]),
            cuts: 1,
            damaged: 0,
            forged: 0,
            repeats: 0,
        };
        vec![
            received.clone(),
            Self {
                name: "link: window of 2, both ways",
                window: 2,
                messages: bounds.pick([2, 1], [3, 1], [3, 3]),
                ..received.clone()
            },
            Self {
                name: "link: window of 3, one way, cut again and again",
                window: 3,
                messages: bounds.pick([4, 0], [4, 0], [4, 1]),
                cuts: bounds.pick(2, 3, 3),
                repeats: 1,
                ..received.clone()
            },
            Self {
                name: "link: processed",
                level: Level::Processed,
                window: 2,
                messages: bounds.pick([3, 0], [3, 1], [3, 2]),
                cuts: bounds.pick(1, 1, 2),
                ..received.clone()
            },
            Self {
                name: "link: damaged frames",
                window: 2,
                messages: bounds.pick([2, 1], [2, 1], [3, 2]),
                cuts: 0,
                damaged: bounds.pick(1, 2, 2),
                ..received.clone()
            },
            Self {
                name: "link: hostile acknowledgements",
                checksum: false,
                window: 2,
                messages: bounds.pick([3, 0], [3, 1], [3, 2]),
                cuts: 0,
                forged: 1,
                ..received
            },
        ]
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits {
            messages: self.window,
            bytes: 1024,
            message: 16,
        }
    }
}
