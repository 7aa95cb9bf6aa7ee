use bytes::Bytes;
use korinet_proto::v3::{Batch as Messages, MessageRef};
use korinet_wire::v3::SessionId;

use super::Delivery;
use super::queue::Queue;

/// Messages for the application, all of one session, in order and in the memory that they were read into.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// There is one where there is a message.
    session: Option<SessionId>,
    messages: Messages,
}

impl Batch {
    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The session that they came in; their numbers count in there.
    #[must_use]
    pub const fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The messages, where they are.
    pub fn iter(&self) -> impl Iterator<Item = MessageRef<'_>> {
        self.messages.iter()
    }

    /// Takes the first message out.
    #[inline]
    pub fn pop(&mut self) -> Option<Delivery> {
        let session = self.session?;
        let message = self.messages.pop()?;
        Some(Delivery { session, message })
    }

    /// The first message, where it is, and the memory that it is in.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<(MessageRef<'_>, &Bytes)> {
        self.messages.front()
    }

    /// Drops the first message, which costs less than to take it out.
    #[inline]
    pub fn drop_front(&mut self) {
        self.messages.drop_front();
    }

    /// Empties it, and keeps the room for as many messages again.
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    /// Moves the first messages, at most `limit`, to `other`, which is empty.
    pub(super) fn move_to(&mut self, other: &mut Self, limit: usize) {
        other.session = self.session;
        self.messages.move_to(&mut other.messages, limit);
    }

    /// Where messages of this session can be put, if those that are there are of the same.
    pub(super) fn of(&mut self, session: SessionId) -> Option<&mut Messages> {
        if self.is_empty() {
            self.session = Some(session);
        }
        (self.session == Some(session)).then_some(&mut self.messages)
    }

    /// Moves the first of `inbox` here, at most until there are `limit`, as long as they are of the same session as
    /// those that are here.
    pub(super) fn take_from(&mut self, inbox: &mut Queue<Delivery>, limit: usize) {
        while self.len() < limit
            && let Some(first) = inbox.front()
            && let Some(messages) = self.of(first.session)
            && let Some(first) = inbox.pop_front()
        {
            messages.push(first.message);
        }
    }
}
