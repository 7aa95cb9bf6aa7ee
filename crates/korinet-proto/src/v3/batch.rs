use std::collections::VecDeque;
use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::{Bytes, BytesMut};
use korinet_wire::v3::{Kind, Seq};

use super::Message;

/// Received messages, in order, in the memory that they were read into.
///
/// They have it in common: a share of its own, which a [`Message`] has, is made for one that is [taken
/// out](Self::pop), and not for one that is [looked at](Self::iter).
#[derive(Clone, Default)]
pub struct Batch {
    places: VecDeque<Place>,
    /// The memory of the places, in their order.
    chunks: VecDeque<Chunk>,
    /// What the messages answer or continue whose kind has it, in their order.
    res: VecDeque<Option<Seq>>,
}

/// Where a message is in its chunk, and what it is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    seq: Seq,
    at: u32,
    len: u32,
    /// The bytes of its frame.
    frame_len: u32,
    kind: Kind,
}

#[derive(Clone)]
struct Chunk {
    bytes: Bytes,
    /// How many of the places are in it, at least one.
    count: usize,
}

/// A received message, where it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageRef<'a> {
    /// Its number in the session it came in.
    pub seq: Seq,
    /// What it is.
    pub kind: Kind,
    /// The message that it answers or continues, where its kind has one.
    pub re: Option<Seq>,
    /// One CBOR item, or any bytes where `kind.raw`. That it is well-formed is not checked (V3-23).
    pub payload: &'a [u8],
}

impl MessageRef<'_> {
    /// The message with a share of the memory that its payload is a part of.
    pub(super) fn to_message(self, memory: &Bytes) -> Message {
        let payload = self.payload;
        let at = payload.as_ptr().addr().wrapping_sub(memory.as_ptr().addr());
        let is_part = at <= memory.len() && payload.len() <= memory.len() - at;
        Message {
            seq: self.seq,
            kind: self.kind,
            re: self.re,
            payload: if is_part {
                memory.slice(at..at + payload.len())
            } else {
                Bytes::copy_from_slice(payload)
            },
        }
    }
}

/// `Debug` shows the payload's length only, as that of a message does.
impl fmt::Debug for MessageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageRef")
            .field("seq", &self.seq)
            .field("kind", &self.kind)
            .field("re", &self.re)
            .field("payload", &format_args!("{} bytes", self.payload.len()))
            .finish()
    }
}

impl Batch {
    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The messages, where they are.
    pub fn iter(&self) -> impl Iterator<Item = MessageRef<'_>> {
        let mut chunks = self.chunks.iter();
        let mut res = self.res.iter();
        let mut memory = &[][..];
        let mut left = 0;
        self.places.iter().map_while(move |place| {
            if left == 0 {
                let chunk = chunks.next()?;
                (memory, left) = (&chunk.bytes[..], chunk.count);
            }
            left -= 1;
            Some(MessageRef {
                seq: place.seq,
                kind: place.kind,
                re: place.kind.role.has_re().then(|| *res.next()?).flatten(),
                payload: place.of(memory),
            })
        })
    }

    /// The first message, where it is, and the memory that it is in.
    #[inline]
    #[must_use]
    pub fn front(&self) -> Option<(MessageRef<'_>, &Bytes)> {
        let place = self.places.front()?;
        let memory = &self.chunks.front()?.bytes;
        let message = MessageRef {
            seq: place.seq,
            kind: place.kind,
            re: match place.kind.role.has_re() {
                true => *self.res.front()?,
                false => None,
            },
            payload: place.of(memory),
        };
        Some((message, memory))
    }

    /// Takes the first message out.
    #[inline]
    pub fn pop(&mut self) -> Option<Message> {
        Some(self.pop_counted()?.0)
    }

    /// Drops the first message, which costs less than to take it out.
    #[inline]
    pub fn drop_front(&mut self) {
        if let Some(place) = self.places.pop_front() {
            self.forget(&place);
        }
    }

    /// Appends a message.
    pub fn push(&mut self, message: Message) {
        let payload = &message.payload;
        self.push_part(&message.as_message_ref(), payload.len(), payload);
    }

    /// Empties it, and keeps the room for as many messages again.
    pub fn clear(&mut self) {
        self.places.clear();
        self.chunks.clear();
        self.res.clear();
    }

    /// Appends a message of which the payload is a part of `memory`, without another share of that for each.
    pub(super) fn push_part(&mut self, message: &MessageRef<'_>, frame_len: usize, memory: &Bytes) {
        let payload = message.payload;
        let at = payload.as_ptr().addr().wrapping_sub(memory.as_ptr().addr());
        let is_part = at <= memory.len() && payload.len() <= memory.len() - at;
        if message.kind.role.has_re() {
            self.res.push_back(message.re);
        }
        let copy;
        let (at, memory) = match u32::try_from(at) {
            Ok(at) if is_part => (at, memory),
            _ => {
                // It is beyond 4 GiB, or somewhere else.
                copy = Bytes::copy_from_slice(payload);
                (0, &copy)
            }
        };
        let len = payload.len();
        self.push_place(Place::new(message.seq, message.kind, frame_len, at, len));
        self.keep_for(memory, 1);
    }

    /// Appends a message that has no `re` and is at this place in the memory that is [kept](Self::keep_for) next.
    #[inline]
    pub(super) fn push_place(&mut self, place: Place) {
        if self.places.capacity() == 0 {
            // A session in which little is said has no memory for more.
            self.places.reserve_exact(1);
        }
        self.places.push_back(place);
    }

    /// As [`push_place`](Self::push_place), with `count` messages behind this one that are of its kind and size, numbered on,
    /// and whose frames follow its own.
    pub(super) fn push_places_behind(&mut self, before: Place, count: usize) {
        let place = |index: u32| Place {
            seq: before.seq.checked_add(index.into()).unwrap_or(Seq::END),
            at: before.at.wrapping_add(before.frame_len.wrapping_mul(index)),
            ..before
        };
        self.places.extend((1..as_u32(count + 1)).map(place));
    }

    /// Keeps the memory of the last `count` messages.
    pub(super) fn keep_for(&mut self, memory: &Bytes, count: usize) {
        if count == 0 {
            return;
        }
        if !self.is_last(memory) {
            self.push_chunk(memory.clone());
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.count += count;
        }
    }

    fn push_chunk(&mut self, bytes: Bytes) {
        if self.chunks.capacity() == 0 {
            // A session in which little is said has no memory for more.
            self.chunks.reserve_exact(1);
        }
        self.chunks.push_back(Chunk { bytes, count: 0 });
    }

    /// Whether this is the memory of the last message.
    #[inline]
    fn is_last(&self, memory: &Bytes) -> bool {
        self.chunks.back().is_some_and(|chunk| {
            chunk.bytes.as_ptr() == memory.as_ptr() && chunk.bytes.len() == memory.len()
        })
    }

    /// As [`pop`](Self::pop), and the bytes of its frame.
    #[inline]
    pub(super) fn pop_counted(&mut self) -> Option<(Message, u64)> {
        let place = self.places.pop_front()?;
        let payload = place.share_of(&self.chunks.front()?.bytes);
        let re = self.forget(&place);
        let message = Message {
            seq: place.seq,
            kind: place.kind,
            re,
            payload,
        };
        Some((message, place.frame_len.into()))
    }

    /// Drops what there is of a place that was the first; what it answered or continued.
    #[inline]
    fn forget(&mut self, place: &Place) -> Option<Seq> {
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.count -= 1;
            if chunk.count == 0 {
                self.chunks.pop_front();
            }
        }
        match place.kind.role.has_re() {
            true => self.res.pop_front().flatten(),
            false => None,
        }
    }

    /// The number of the first message.
    pub(super) fn first(&self) -> Option<Seq> {
        self.seq(0)
    }

    /// The number of the message with this index.
    pub(super) fn seq(&self, index: usize) -> Option<Seq> {
        Some(self.places.get(index)?.seq)
    }

    /// Whether there is a message of this number; those of a batch of one session are in rising order.
    pub(super) fn contains(&self, seq: Seq) -> bool {
        let found = self.places.binary_search_by_key(&seq, |place| place.seq);
        found.is_ok()
    }

    /// The bytes of each frame, in order.
    pub(super) fn frame_lens(&self) -> impl Iterator<Item = u64> {
        self.last_lens(self.places.len())
    }

    /// The bytes of each of the last `count` frames, in order.
    pub(super) fn last_lens(&self, count: usize) -> impl Iterator<Item = u64> {
        let first = self.places.len().saturating_sub(count);
        let places = self.places.iter().skip(first);
        places.map(|place| place.frame_len.into())
    }

    /// Moves the first `count` messages, or as many as there are, to the end of `other`.
    pub fn move_to(&mut self, other: &mut Self, count: usize) {
        let count = count.min(self.places.len());
        if other.is_empty() && count == self.places.len() {
            std::mem::swap(self, other);
            return;
        }
        let mut left = count;
        while left > 0
            && let Some(chunk) = self.chunks.front_mut()
        {
            let moved = left.min(chunk.count);
            left -= moved;
            chunk.count -= moved;
            let bytes = chunk.bytes.clone();
            if chunk.count == 0 {
                self.chunks.pop_front();
            }
            other.chunks.push_back(Chunk {
                bytes,
                count: moved,
            });
        }
        if !self.res.is_empty() {
            let moved = self.places.iter().take(count);
            let res = moved.filter(|place| place.kind.role.has_re()).count();
            other.res.extend(self.res.drain(..res));
        }
        other.places.extend(self.places.drain(..count));
    }

    /// Drops the last `count` messages, or as many as there are.
    pub(super) fn drop_back(&mut self, count: usize) {
        let kept = self.places.len().saturating_sub(count);
        let mut left = self.places.len() - kept;
        while left > 0
            && let Some(chunk) = self.chunks.back_mut()
        {
            let dropped = left.min(chunk.count);
            left -= dropped;
            chunk.count -= dropped;
            if chunk.count == 0 {
                self.chunks.pop_back();
            }
        }
        for place in self.places.drain(kept..) {
            if place.kind.role.has_re() {
                self.res.pop_back();
            }
        }
    }

    /// Gives the messages from this index on memory of their own, all of them together.
    pub(super) fn copy_from(&mut self, index: usize) {
        let new = self.places.len().saturating_sub(index);
        let mut chunks = Vec::new();
        let mut count = 0;
        while count < new
            && let Some(chunk) = self.chunks.pop_back()
        {
            count += chunk.count;
            chunks.push(chunk);
        }
        let index = self.places.len() - count;
        let lens = self.places.iter().skip(index).map(Place::len);
        let mut copy = BytesMut::with_capacity(lens.sum());
        let mut places = self.places.iter_mut().skip(index);
        for chunk in chunks.iter().rev() {
            for place in places.by_ref().take(chunk.count) {
                let payload = place.of(&chunk.bytes);
                let at = as_u32(copy.len());
                copy.extend_from_slice(payload);
                place.at = at;
            }
        }
        if count > 0 {
            self.chunks.push_back(Chunk {
                bytes: copy.freeze(),
                count,
            });
        }
    }
}

impl Place {
    /// A message of which `len` bytes from `at` on are the payload.
    #[inline]
    pub(super) fn new(seq: Seq, kind: Kind, frame_len: usize, at: u32, len: usize) -> Self {
        Self {
            seq,
            at,
            len: as_u32(len),
            frame_len: as_u32(frame_len),
            kind,
        }
    }

    fn len(&self) -> usize {
        usize::try_from(self.len).unwrap_or(usize::MAX)
    }

    #[inline]
    fn of<'a>(&self, memory: &'a [u8]) -> &'a [u8] {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let rest = memory.get(at..).unwrap_or_default();
        rest.get(..self.len()).unwrap_or_default()
    }

    #[inline]
    fn share_of(&self, memory: &Bytes) -> Bytes {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        memory.slice(at..at + self.len())
    }
}

/// Frames and their parts have no more bytes than their length says, which is of 4 bytes.
fn as_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// `Debug` shows how many messages there are.
impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} messages)", self.len())
    }
}

/// The messages count, not in which memory they are.
impl PartialEq for Batch {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Batch {}

impl Hash for Batch {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.len().hash(state);
        self.iter().for_each(|message| message.hash(state));
    }
}

#[cfg(test)]
mod tests {
    use korinet_wire::v3::Role;

    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// Messages of the payloads 1 to 9, three in each piece of memory, each third of which answers another.
    fn filled() -> Batch {
        let mut batch = Batch::default();
        for first in [1, 4, 7] {
            let memory = Bytes::from(vec![0, first, first + 1, first + 2, 0]);
            for index in 1..=3 {
                let number = u64::from(memory[index]);
                let role = match index {
                    3 => Role::Response,
                    _ => Role::Message,
                };
                let message = MessageRef {
                    seq: seq(number),
                    kind: Kind::of(role),
                    re: role.has_re().then_some(seq(100 + number)),
                    payload: &memory[index..=index],
                };
                batch.push_part(&message, 10, &memory);
            }
        }
        assert_eq!((batch.len(), batch.chunks.len()), (9, 3));
        batch
    }

    /// The payloads, which have to go with the rest.
    fn payloads(batch: &Batch) -> Vec<u8> {
        let payloads = batch.iter().map(|message| {
            let number = u64::from(message.payload[0]);
            assert_eq!(message.seq, seq(number));
            let re = (number % 3 == 0).then(|| seq(100 + number));
            assert_eq!(message.re, re);
            message.payload[0]
        });
        payloads.collect()
    }

    #[test]
    fn messages_come_out_as_they_were_put_in() {
        let mut batch = filled();
        assert_eq!(payloads(&batch), (1..=9).collect::<Vec<_>>());
        let popped: Vec<Message> = std::iter::from_fn(|| batch.pop()).collect();
        assert!(batch.is_empty() && batch.chunks.is_empty() && batch.res.is_empty());
        let mut again = Batch::default();
        popped.into_iter().for_each(|message| again.push(message));
        assert_eq!(again, filled());
    }

    #[test]
    fn the_first_message_can_be_looked_at_and_dropped() {
        let (mut batch, mut popped) = (filled(), filled());
        while let Some((first, memory)) = batch.front() {
            assert!(memory.as_ptr_range().contains(&first.payload.as_ptr()));
            let (seq, re, payload) = (first.seq, first.re, first.payload.to_vec());
            batch.drop_front();
            let expected = popped.pop().unwrap();
            assert_eq!((seq, re), (expected.seq, expected.re));
            assert_eq!(payload, expected.payload);
            assert_eq!(batch, popped);
        }
        assert!(popped.is_empty() && batch.chunks.is_empty() && batch.res.is_empty());
        batch.drop_front();
    }

    #[test]
    fn any_number_can_be_moved() {
        for count in 0..=10 {
            let (mut batch, mut other) = (filled(), Batch::default());
            batch.move_to(&mut other, count);
            assert_eq!(other.len(), count.min(9));
            batch.move_to(&mut other, 9);
            assert_eq!(other, filled());
            assert!(batch.is_empty() && batch.chunks.is_empty());
        }
    }

    #[test]
    fn any_number_can_be_dropped_from_the_end() {
        for count in 0..=10 {
            let mut batch = filled();
            batch.drop_back(count);
            let left = u8::try_from(9_usize.saturating_sub(count)).unwrap();
            assert_eq!(payloads(&batch), (1..=left).collect::<Vec<_>>());
            assert_eq!(batch.chunks.len(), usize::from(left.div_ceil(3)));
            assert_eq!(batch.res.len(), usize::from(left / 3));
        }
    }

    #[test]
    fn a_copy_has_the_messages_and_not_the_memory() {
        for index in 0..=9 {
            let mut batch = filled();
            let before = batch.chunks.back().unwrap().bytes.clone();
            batch.copy_from(index);
            assert_eq!(batch, filled(), "from {index}");
            assert_eq!(batch.is_last(&before), index == 9);
        }
    }
}
