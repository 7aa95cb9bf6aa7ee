use core::fmt;

/// The minor versions that one side speaks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Versions {
    /// The lowest; at most `max`.
    pub min: u16,
    /// The highest.
    pub max: u16,
}

/// `0` or `0-3`.
impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            return self.max.fmt(f);
        }
        write!(f, "{}-{}", self.min, self.max)
    }
}

/// What an acknowledgement says (V3-18); each level includes the ones before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The message stands in the session's receive queue.
    Received,
    /// The application is done with the message.
    Processed,
    /// That much is on disk.
    Durable,
}

impl Level {
    /// The level that `value` stands for on the wire.
    #[must_use]
    pub const fn from_u8(value: u8) -> Option<Self> {
        match value {
            0 => Some(Self::Received),
            1 => Some(Self::Processed),
            2 => Some(Self::Durable),
            _ => None,
        }
    }

    /// Its number on the wire.
    #[must_use]
    pub const fn to_u8(self) -> u8 {
        match self {
            Self::Received => 0,
            Self::Processed => 1,
            Self::Durable => 2,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Durable => "durable",
        })
    }
}

/// What the reader of the frame may send to its writer (V3-21, V3-22); each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// The most messages that may be unacknowledged.
    pub messages: u32,
    /// The most bytes of DATA frames that may be unacknowledged.
    pub bytes: u32,
    /// The largest payload, in bytes.
    pub message: u32,
}

/// In the order of the wire: `64/1048576/65536`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.messages, self.bytes, self.message)
    }
}
