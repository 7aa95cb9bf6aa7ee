use std::time::{Duration, Instant};

use korinet_wire::v3::Level;

use super::inner::Inner;
use super::wakes::Wakes;
use crate::clock::now;
use crate::v3::{Batch, Delivery};

/// The most messages that are taken out of a session at once.
const MAX_MESSAGES: usize = 64;

/// The most bytes of their frames, but for the last.
const MAX_BYTES: u64 = 64 * 1024;

/// An application that comes back within this time reads so fast that it gets more at once.
const SOON: Duration = Duration::from_millis(1);

/// What was taken out of a session ahead of the application: one that reads fast takes the session's lock once for
/// many messages. For one that reads slowly nothing is taken ahead, since what is taken counts as read: it is
/// acknowledged, and the peer sends more.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// It has memory for it once messages were taken ahead.
    messages: Option<Box<Batch>>,
    /// How many were taken the last time.
    count: usize,
    /// When that was.
    at: Option<Instant>,
    /// The session asks to be told when the application is done with a message, as far as known.
    is_finish_awaited: bool,
}

impl Ahead {
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Delivery> {
        self.messages()?.pop()
    }

    /// What was taken, if anything ever was.
    #[inline]
    pub(super) fn messages(&mut self) -> Option<&mut Batch> {
        self.messages.as_deref_mut()
    }

    /// Whether the session asks to be told when the application is done with a message, as far as known.
    pub(super) const fn is_finish_awaited(&self) -> bool {
        self.is_finish_awaited
    }

    /// Moves what was taken, at most `limit` messages, to `batch`, which is empty.
    pub(super) fn move_to(&mut self, batch: &mut Batch, limit: usize) {
        if let Some(messages) = &mut self.messages {
            messages.move_to(batch, limit);
        }
    }

    /// The next message out of the session, where nothing of what was taken is left.
    pub(super) fn take(&mut self, inner: &mut Inner, wakes: &mut Wakes) -> Option<Delivery> {
        self.is_finish_awaited = inner.core.level() > Some(Level::Received);
        let most = self.allowed(inner.core.unread_messages().checked_sub(1)?);
        if most == 1 {
            // It needs no memory to be taken ahead in.
            self.count = 1;
            let delivery = inner.core.recv();
            handle_taken(inner, 1, wakes);
            return delivery;
        }
        let messages = self.messages.get_or_insert_default();
        self.count = take(inner, messages, most, MAX_BYTES, wakes);
        messages.pop()
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

/// Moves messages of the session to `batch`, until it has `limit`, or they have so many bytes; how many.
pub(super) fn take(
    inner: &mut Inner,
    batch: &mut Batch,
    limit: usize,
    bytes: u64,
    wakes: &mut Wakes,
) -> usize {
    let before = batch.len();
    inner.core.recv_many(batch, limit, bytes);
    let count = batch.len() - before;
    if count > 0 {
        handle_taken(inner, count, wakes);
    }
    count
}

fn handle_taken(inner: &mut Inner, count: usize, wakes: &mut Wakes) {
    inner.received += u64::try_from(count).unwrap_or(u64::MAX);
    inner.charge();
    inner.wake_if_owing(wakes);
}
