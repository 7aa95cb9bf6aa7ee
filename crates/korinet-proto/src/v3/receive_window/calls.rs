//! The messages that belong to calls (V3-47) and that the application has not read.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use korinet_wire::v3::Seq;

use super::super::replay_buffer::as_u64;
use super::unread::{Extent, Unread};
use crate::v3::Message;

/// Their queue, which takes memory once there was one.
#[derive(Debug, Clone, Default)]
pub(super) struct Calls(Option<Box<Queue>>);

#[derive(Debug, Clone, Default)]
struct Queue {
    messages: VecDeque<Queued>,
    unread: Unread,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Queued {
    pub(super) message: Message,
    /// The bytes of its frame.
    pub(super) len: u64,
}

impl Calls {
    /// How much there is in which state.
    #[inline]
    pub(super) fn unread(&self) -> Unread {
        self.0
            .as_ref()
            .map_or_else(Unread::default, |queue| queue.unread)
    }

    pub(super) fn unread_mut(&mut self) -> Option<&mut Unread> {
        Some(&mut self.0.as_mut()?.unread)
    }

    /// How many there are, held ones included.
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.messages.len())
    }

    /// How many the application may have.
    pub(super) fn readable(&self) -> usize {
        self.len() - self.unread().held.messages
    }

    /// Another one is held.
    pub(super) fn hold(&mut self, message: Message, frame_len: usize) {
        let queue = self.0.get_or_insert_default();
        let len = as_u64(frame_len);
        queue.unread.hold(Extent::of_one(len));
        queue.messages.push_back(Queued { message, len });
    }

    /// The first that the application may have.
    pub(super) fn pop(&mut self) -> Option<Queued> {
        if self.readable() == 0 {
            return None;
        }
        let queue = self.0.as_mut()?;
        let queued = queue.messages.pop_front()?;
        queue.unread.bytes -= queued.len;
        Some(queued)
    }

    /// The number of the first.
    pub(super) fn first(&self) -> Option<Seq> {
        Some(self.0.as_ref()?.messages.front()?.message.seq)
    }

    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.0.as_ref().is_some_and(|queue| {
            let found = queue
                .messages
                .binary_search_by_key(&seq, |call| call.message.seq);
            found.is_ok()
        })
    }

    fn messages(&self) -> impl Iterator<Item = &Queued> {
        self.0.iter().flat_map(|queue| &queue.messages)
    }

    /// The last `count`, in order: number and bytes of the frame.
    pub(super) fn last(&self, count: usize) -> impl Iterator<Item = (Seq, u64)> {
        let messages = self.messages().skip(self.len() - count);
        messages.map(|call| (call.message.seq, call.len))
    }

    /// Forgets those that are held.
    pub(super) fn drop_held(&mut self) {
        if let Some(queue) = &mut self.0 {
            let held = queue.unread.drop_held();
            queue
                .messages
                .truncate(queue.messages.len() - held.messages);
        }
    }

    /// Gives those from this index on memory of their own.
    pub(super) fn copy_from(&mut self, index: usize) {
        let messages = self.0.iter_mut().flat_map(|queue| &mut queue.messages);
        for call in messages.skip(index) {
            call.message.payload = Bytes::copy_from_slice(&call.message.payload);
        }
    }
}

/// Whether there ever was one does not count.
impl PartialEq for Calls {
    fn eq(&self, other: &Self) -> bool {
        self.unread() == other.unread() && self.messages().eq(other.messages())
    }
}

impl Eq for Calls {}

impl Hash for Calls {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.unread().hash(state);
        self.messages().for_each(|call| call.hash(state));
    }
}
