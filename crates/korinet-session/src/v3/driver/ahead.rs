use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::inner::Inner;
use super::wakes::Wakes;
use crate::clock::now;
use crate::v3::Delivery;

/// The most messages that are taken out of a session at once.
const MAX_MESSAGES: usize = 64;

/// The most bytes of payloads of those, but for the last.
const MAX_BYTES: usize = 64 * 1024;

/// An application that comes back within this time reads so fast that it gets more at once.
const SOON: Duration = Duration::from_millis(1);

/// What was taken out of a session ahead of the application: one that reads fast takes the session's lock once for
/// many messages. For one that reads slowly nothing is taken ahead, since what is taken counts as read: it is
/// acknowledged, and the peer sends more.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    messages: VecDeque<Delivery>,
    /// How many were taken the last time.
    count: usize,
    /// When that was.
    at: Option<Instant>,
}

impl Ahead {
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        self.messages.pop_front()
    }

    /// The same for up to so many messages.
    pub(super) fn drain(&mut self, most: usize) -> impl Iterator<Item = Delivery> {
        let count = most.min(self.messages.len());
        self.messages.drain(..count)
    }

    /// The next message out of the session, where nothing of what was taken is left.
    pub(super) fn take(&mut self, inner: &mut Inner, wakes: &mut Wakes) -> Option<Delivery> {
        let first = inner.core.recv()?;
        let most = self.allowed(inner.core.unread());
        self.count = 1;
        let mut bytes = first.message.payload.len();
        while self.count < most
            && bytes < MAX_BYTES
            && let Some(delivery) = inner.core.recv()
        {
            bytes += delivery.message.payload.len();
            self.messages.push_back(delivery);
            self.count += 1;
        }
        inner.received += u64::try_from(self.count).unwrap_or(u64::MAX);
        inner.charge();
        inner.wake_if_owing(wakes);
        Some(first)
    }

    /// How many may be taken at once where so many are there beside the first.
    fn allowed(&mut self, unread: usize) -> usize {
        if unread == 0 {
            // It is not worth a look at the clock.
            self.at = None;
            return 1;
        }
        let now = now();
        let before = self.at.replace(now);
        match before {
            Some(before) if now.saturating_duration_since(before) <= SOON => {
                (2 * self.count).min(MAX_MESSAGES)
            }
            _ => 1,
        }
    }
}
