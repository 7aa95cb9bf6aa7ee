use std::collections::VecDeque;

use bytes::Bytes;

use super::Volatile;
use super::replay_buffer::as_u64;

/// The payloads without number that the application has not read (V3-24); where there are too many, the oldest are
/// dropped.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct VolatileQueue {
    queue: VecDeque<Volatile>,
    /// The bytes of the payloads.
    bytes: u64,
    /// How many have come.
    received: u64,
    dropped: u64,
}

impl VolatileQueue {
    /// Appends a payload; so that there are not more than this many, nor so many bytes but for those of this one.
    pub(super) fn push(&mut self, volatile: Volatile, max: usize, max_bytes: u64) {
        self.bytes += as_u64(volatile.payload.len());
        while !self.queue.is_empty() && (self.queue.len() >= max || self.bytes > max_bytes) {
            self.pop();
            self.dropped = self.dropped.saturating_add(1);
        }
        self.received = self.received.wrapping_add(1);
        self.queue.push_back(volatile);
    }

    /// Takes out the oldest.
    pub(super) fn pop(&mut self) -> Option<Volatile> {
        let volatile = self.queue.pop_front()?;
        self.bytes -= as_u64(volatile.payload.len());
        Some(volatile)
    }

    /// Gives those that have come since `received` had come memory of their own, if that is what `is_to_be` says of their
    /// bytes.
    pub(super) fn copy_since(&mut self, received: u64, is_to_be: impl Fn(u64) -> bool) {
        let new = self.received.wrapping_sub(received);
        let new = usize::try_from(new).unwrap_or(usize::MAX);
        let lens = self.queue.iter().rev().take(new).map(|it| it.payload.len());
        if is_to_be(as_u64(lens.sum())) {
            for volatile in self.queue.iter_mut().rev().take(new) {
                volatile.payload = Bytes::copy_from_slice(&volatile.payload);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}
