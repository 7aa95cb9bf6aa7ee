//! How much of what the application has not read is in which state.

use std::ops::{Add, AddAssign, SubAssign};

use super::super::replay_buffer::as_u64;

/// Messages, and the bytes of their frames.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Extent {
    pub(super) messages: usize,
    pub(super) bytes: u64,
}

impl Extent {
    /// One message of a frame that is so long.
    pub(super) const fn of_one(bytes: u64) -> Self {
        Self { messages: 1, bytes }
    }

    /// So many messages, each of a frame that is so long.
    pub(super) fn of_series(messages: usize, frame_len: usize) -> Self {
        let bytes = as_u64(messages).saturating_mul(as_u64(frame_len));
        Self { messages, bytes }
    }
}

impl Add for Extent {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl AddAssign for Extent {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

impl SubAssign for Extent {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}

/// The messages of a queue that the application has not read.
///
/// ```text
///      taken          received         held
///        |  ACK owed     |  no room or    |  their digest
///        |  or written   |  work awaited  |  did not come
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Unread {
    /// The bytes of all frames.
    pub(super) bytes: u64,
    /// The first of them, at the level `received`.
    pub(super) taken: Extent,
    /// The last of them, which the application may not have yet.
    pub(super) held: Extent,
}

impl Unread {
    /// Other messages are held.
    #[inline]
    pub(super) fn hold(&mut self, more: Extent) {
        self.held += more;
        self.bytes += more.bytes;
    }

    /// What was held is received.
    pub(super) fn receive_held(&mut self) -> Extent {
        std::mem::take(&mut self.held)
    }

    /// What was held is forgotten.
    pub(super) fn drop_held(&mut self) -> Extent {
        let held = self.receive_held();
        self.bytes -= held.bytes;
        held
    }
}
