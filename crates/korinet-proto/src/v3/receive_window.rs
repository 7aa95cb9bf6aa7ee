use std::collections::VecDeque;

use bytes::Bytes;
use korinet_wire::v3::{Ack, Digest, Level, Limits, Seq};

use super::batch::Batch;
use super::replay_buffer::as_u64;
use super::volatile_queue::VolatileQueue;
use super::{Message, Violation, Volatile};

mod calls;
mod group;
mod unread;

use calls::{Calls, Queued};
use group::Group;
use unread::{Extent, Unread};

/// The messages that the peer has sent: which are received, which are taken, which the application
/// has read (V3-17 to V3-19).
///
/// It outlives the connections of its session.
///
/// ```text
///      acked              taken             received              next
///        |  taken, ACK not  |  received, room    |  came, a digest   |  did not come
///        |  written yet     |  or work awaited   |  of it did not    |
/// ```
///
/// What is taken is at the level `received` one window beyond what the application has read; at the
/// levels above, as far as it has [`finish`](Self::finish)ed. While nothing more can be taken ACKs
/// stop, and the peer's window fills: that is the back-pressure. So the queue holds at most two
/// windows of messages, as [`Limits`] count them, at the level `received`, and one above it; and
/// [`MAX_VOLATILE`](Self::MAX_VOLATILE) volatile payloads, of one window's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReceiveWindow {
    limits: Limits,
    level: Level,
    checksum: bool,
    /// All below is received: the application may have it.
    received: Seq,
    /// The digest at `received`.
    digest: Digest,
    /// The messages that came beyond `received`: without a checksum none.
    group: Group,
    /// `acked <= taken <= received`
    taken: Seq,
    /// The last digest at `taken` or before it.
    taken_digest: Digest,
    /// The highest position that was written in an ACK.
    acked: Seq,
    is_ack_owed: bool,
    /// The bytes of the frames from `acked` to `taken`.
    unacked_bytes: u64,
    /// The messages from `taken` on, whether the application has read them or not.
    untaken: VecDeque<Arrived>,
    untaken_bytes: u64,
    /// The messages that stand for themselves and the application has not read.
    queue: Batch,
    /// How much of that is in which state.
    unread: Unread,
    /// Those that belong to calls (V3-47): they are read apart, so that neither waits for the other.
    calls: Calls,
    /// Once there was a volatile payload.
    volatile: Option<Box<VolatileQueue>>,
    duplicates: u64,
}

/// What a window had at some moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    queued: usize,
    calls: usize,
    bytes: u64,
    volatile_received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Arrived {
    len: u64,
    /// That which came with this message.
    digest: Option<Digest>,
    is_finished: bool,
    is_read: bool,
    /// It belongs to a call.
    is_call: bool,
}

impl ReceiveWindow {
    /// The most volatile payloads that wait for the application; the oldest make room for new ones.
    pub const MAX_VOLATILE: usize = 64;

    /// The window of a new session with these limits for what the peer sends.
    #[must_use]
    pub fn new(limits: Limits, level: Level, checksum: bool) -> Self {
        Self::starting_at(Seq::FIRST, limits, level, checksum)
    }

    /// As [`new`](Self::new), but expecting `first` first: for tests near the top of the numbers.
    #[must_use]
    pub fn starting_at(first: Seq, limits: Limits, level: Level, checksum: bool) -> Self {
        Self {
            limits,
            level,
            checksum,
            received: first,
            digest: Digest::ZERO,
            group: Group {
                next: first,
                digest: Digest::ZERO,
            },
            taken: first,
            taken_digest: Digest::ZERO,
            acked: first,
            is_ack_owed: false,
            unacked_bytes: 0,
            untaken: VecDeque::new(),
            untaken_bytes: 0,
            queue: Batch::default(),
            unread: Unread::default(),
            calls: Calls::default(),
            volatile: None,
            duplicates: 0,
        }
    }

    /// All of a group, which begins at `first`, is received and not taken.
    fn put_to_untaken(&mut self, first: Seq, messages: Extent, calls: Extent) {
        let mut lens = self.queue.last_lens(messages.messages);
        let mut call_lens = self.calls.last(calls.messages).peekable();
        let mut seq = first;
        while seq < self.received {
            let after = seq.next().unwrap_or(Seq::END);
            let call_len = call_lens.next_if(|(number, _)| *number == seq);
            let len = call_len.map(|(_, len)| len).or_else(|| lens.next());
            self.untaken.push_back(Arrived {
                len: len.unwrap_or_default(),
                digest: (after == self.received).then_some(self.digest),
                is_finished: false,
                is_read: false,
                is_call: call_len.is_some(),
            });
            seq = after;
        }
        self.untaken_bytes += messages.bytes + calls.bytes;
    }

    /// Takes what can be taken (V3-18).
    #[inline]
    fn take_all(&mut self) {
        while self
            .untaken
            .front()
            .is_some_and(|arrived| self.may_take(arrived))
        {
            self.take_first();
        }
    }

    fn take_first(&mut self) {
        if let Some(arrived) = self.untaken.pop_front() {
            self.untaken_bytes -= arrived.len;
            self.take(&arrived);
        }
    }

    fn may_take(&self, arrived: &Arrived) -> bool {
        match self.level {
            Level::Received => arrived.is_read || self.has_room(Extent::of_one(arrived.len)),
            Level::Processed | Level::Durable => arrived.is_finished,
        }
    }

    /// Takes the message `taken`.
    fn take(&mut self, arrived: &Arrived) {
        if self.level == Level::Received && !arrived.is_read {
            let unread = match arrived.is_call {
                true => self.calls.unread_mut(),
                false => Some(&mut self.unread),
            };
            if let Some(unread) = unread {
                unread.taken += Extent::of_one(arrived.len);
            }
        }
        self.unacked_bytes += arrived.len;
        if let Some(digest) = arrived.digest {
            self.taken_digest = digest;
        }
        self.taken = self.taken.next().unwrap_or(Seq::END);
        self.is_ack_owed = true;
    }

    /// Takes all of a group that is received, as each of its messages would be.
    #[inline]
    fn take_group(&mut self, messages: Extent, calls: Extent) {
        self.unread.taken += messages;
        if let Some(unread) = self.calls.unread_mut() {
            unread.taken += calls;
        }
        self.unacked_bytes += messages.bytes + calls.bytes;
        self.taken = self.received;
        self.taken_digest = self.digest;
        self.is_ack_owed = true;
    }

    /// Whether there is room for each of these messages, the others included.
    fn has_room(&self, more: Extent) -> bool {
        let all = self.unread.taken + self.calls.unread().taken + more;
        as_u64(all.messages) <= u64::from(self.limits.messages)
            && (all.messages == 1 || all.bytes <= u64::from(self.limits.bytes))
    }

    /// The next message for the application, of whatever kind.
    pub fn recv(&mut self) -> Option<Message> {
        let call = self.calls.first();
        match (self.queue.first(), call) {
            (Some(message), Some(call)) if call < message => self.recv_call(),
            (None, _) => self.recv_call(),
            (Some(_), _) => self.recv_message(),
        }
    }

    /// The next message that stands for itself.
    pub fn recv_message(&mut self) -> Option<Message> {
        if self.unread_messages() == 0 {
            return None;
        }
        let len = self.queue.frame_lens().next()?;
        self.handle_read(1, len);
        self.queue.pop()
    }

    /// The next message that belongs to a call: it is a request, or names one.
    pub fn recv_call(&mut self) -> Option<Message> {
        let Queued { message, len } = self.calls.pop()?;
        if self.level == Level::Received {
            match self.calls.unread_mut() {
                Some(unread) if message.seq < self.taken => unread.taken -= Extent::of_one(len),
                Some(_) | None => self.handle_read_untaken(message.seq),
            }
            self.take_all();
        }
        Some(message)
    }

    /// Moves the next messages that stand for themselves to the end of `batch`, until there are `limit` in all, or those that
    /// were moved have this many `bytes`.
    pub fn recv_many(&mut self, batch: &mut Batch, limit: usize, bytes: u64) {
        let most = limit.saturating_sub(batch.len());
        let unread = self.unread_messages();
        let (mut count, mut read) = (unread, self.unread.bytes - self.unread.held.bytes);
        if count > most || read > bytes {
            (count, read) = (0, 0);
            for len in self.queue.frame_lens().take(most.min(unread)) {
                if read >= bytes {
                    break;
                }
                count += 1;
                read += len;
            }
        }
        self.handle_read(count, read);
        self.queue.move_to(batch, count);
    }

    /// The application reads the next messages of `queue`, whose frames have so many bytes.
    #[inline]
    fn handle_read(&mut self, count: usize, bytes: u64) {
        self.unread.bytes -= bytes;
        if self.level == Level::Received {
            let taken = self.unread.taken.messages;
            if count <= taken {
                let messages = count;
                self.unread.taken -= Extent { messages, bytes };
            } else {
                // There is room for the others as soon as those before them are read.
                for index in taken..count {
                    if let Some(seq) = self.queue.seq(index) {
                        self.handle_read_untaken(seq);
                    }
                }
                self.unread.taken = Extent::default();
            }
        }
        self.take_all();
    }

    /// A message is read before it is taken, since what was received before it is in the way: when it is its turn, it
    /// is not in the queue any more.
    fn handle_read_untaken(&mut self, seq: Seq) {
        let index = self.index(seq);
        if let Some(arrived) = self.untaken.get_mut(index) {
            arrived.is_read = true;
        }
    }

    /// The application is done with a message: at the level `processed`, it is taken once all before
    /// it are, too. At the level `received` this changes nothing; nor does a number that is not
    /// under way.
    pub fn finish(&mut self, seq: Seq) {
        let is_unread = self.calls.contains(seq) || self.queue.contains(seq);
        if seq < self.taken || seq >= self.received || is_unread {
            return;
        }
        let index = self.index(seq);
        if let Some(arrived) = self.untaken.get_mut(index) {
            arrived.is_finished = true;
            self.take_all();
        }
    }

    /// Handles a payload without number (V3-24).
    ///
    /// # Errors
    ///
    /// What the peer did wrong.
    pub fn handle_volatile(&mut self, raw: bool, payload: Bytes) -> Result<(), Violation> {
        self.check_size(payload.len())?;
        let volatile = Volatile { raw, payload };
        let max_bytes = self.limits.bytes.into();
        let queue = self.volatile.get_or_insert_default();
        queue.push(volatile, Self::MAX_VOLATILE, max_bytes);
        Ok(())
    }

    /// What is there before something comes.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            queued: self.queue.len(),
            calls: self.calls.len(),
            bytes: self.message_bytes(),
            volatile_received: self.volatile_received(),
        }
    }

    /// Since `mark`, `came` bytes came at once, and payloads are parts of the memory that they are in. Where that
    /// is mostly something else, be it what is skipped, they are copied: a few bytes that the application does not
    /// read do not keep it. For messages volatile payloads are something else, too: a few bytes would otherwise keep
    /// a large one that is dropped; and the other way round.
    pub(super) fn unpin(&mut self, mark: Mark, came: usize) {
        /// As much as is kept anyway for a message.
        const LITTLE: usize = 1024;
        let is_mostly_else = |kept: u64| came > LITTLE && kept.saturating_mul(4) < as_u64(came);
        // Less than before is left where a group that had begun was dropped.
        let kept = self.message_bytes().saturating_sub(mark.bytes);
        if is_mostly_else(kept) {
            self.queue.copy_from(mark.queued);
            self.calls.copy_from(mark.calls);
        }
        if let Some(queue) = &mut self.volatile {
            queue.copy_since(mark.volatile_received, is_mostly_else);
        }
    }

    /// The next volatile payload for the application.
    pub fn recv_volatile(&mut self) -> Option<Volatile> {
        self.volatile.as_mut()?.pop()
    }

    fn volatile_received(&self) -> u64 {
        self.volatile.as_ref().map_or(0, |queue| queue.received())
    }

    /// Whether there is a volatile payload for the application.
    #[must_use]
    pub fn has_volatile(&self) -> bool {
        self.volatile
            .as_ref()
            .is_some_and(|queue| !queue.is_empty())
    }

    /// A new connection begins: what was taken is told again (V3-19).
    pub fn handle_attached(&mut self) {
        self.is_ack_owed = self.taken > Seq::FIRST;
        if mutated!(CounterResetOnResume) {
            self.received = Seq::FIRST;
            self.drop_group();
        }
    }

    /// Whether an ACK is owed.
    #[must_use]
    pub const fn is_ack_owed(&self) -> bool {
        self.is_ack_owed
    }

    /// Whether an ACK is owed that should not wait until the input is idle: a quarter of the window.
    #[must_use]
    pub fn is_ack_urgent(&self) -> bool {
        let messages = self.taken.get() - self.acked.get();
        let all = self.taken == self.received;
        self.is_ack_owed
            && (messages * 4 >= u64::from(self.limits.messages)
                || (all && self.unacked_bytes.saturating_mul(4) >= u64::from(self.limits.bytes)))
    }

    /// The ACK that is owed; it counts as written.
    pub fn poll_ack(&mut self) -> Option<Ack> {
        self.is_ack_owed.then(|| self.acknowledge())
    }

    /// An ACK of all that is taken, owed or not; it counts as written.
    pub(super) fn acknowledge(&mut self) -> Ack {
        self.is_ack_owed = false;
        let (next, digest) = self.taken_for_peer();
        self.acked = next;
        self.unacked_bytes = 0;
        if mutated!(AckBeforeTaken) {
            self.taken = self.taken.max(next);
            self.untaken.clear();
            self.untaken_bytes = 0;
        }
        Ack {
            next,
            digest: self.checksum.then_some(digest),
        }
    }

    fn taken_for_peer(&self) -> (Seq, Digest) {
        if mutated!(AckBeforeTaken) {
            (self.received, self.digest)
        } else {
            (self.taken, self.taken_digest)
        }
    }

    /// Every message below is taken; with the last digest there or before it, if there is a checksum.
    #[must_use]
    pub fn taken(&self) -> (Seq, Option<Digest>) {
        (self.taken, self.checksum.then_some(self.taken_digest))
    }

    /// Every message below has come, so that a new connection goes on from here (V3-35); with the last digest there or
    /// before it, if there is a checksum.
    #[must_use]
    pub fn next(&self) -> (Seq, Option<Digest>) {
        (self.group.next, self.checksum.then_some(self.digest))
    }

    /// What the peer may have unacknowledged.
    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    /// The level of this session.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// How many messages the application has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        self.unread_messages() + self.calls.readable()
    }

    /// How many of them stand for themselves.
    #[must_use]
    pub fn unread_messages(&self) -> usize {
        self.queue.len() - self.unread.held.messages
    }

    /// The bytes of all that the application has not read: of frames of messages, whether they await a digest or not, and
    /// of volatile payloads.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        let volatile = self.volatile.as_ref().map_or(0, |queue| queue.bytes());
        self.message_bytes() + volatile
    }

    /// The bytes of the frames of the messages that the application has not read.
    fn message_bytes(&self) -> u64 {
        self.unread.bytes + self.calls.unread().bytes
    }

    /// How many messages came again and were dropped.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// How many volatile payloads were dropped since the application did not read them.
    #[must_use]
    pub fn volatile_dropped(&self) -> u64 {
        self.volatile.as_ref().map_or(0, |queue| queue.dropped())
    }

    /// The session is lost: what this side has answered for, and the application not read. The peer
    /// has all the rest in doubt.
    #[must_use]
    pub fn into_taken(mut self) -> VecDeque<Message> {
        let (taken, level) = (self.taken, self.level);
        self.drop_group();
        let all = std::iter::from_fn(|| self.recv_untold());
        all.take_while(|message| level == Level::Received && message.seq < taken)
            .collect()
    }

    /// The next message of either queue, when nobody counts any more.
    fn recv_untold(&mut self) -> Option<Message> {
        let call = self.calls.first();
        let is_call = call.is_some_and(|call| self.queue.first().is_none_or(|first| call < first));
        if is_call {
            return Some(self.calls.pop()?.message);
        }
        self.queue.pop()
    }

    fn index(&self, seq: Seq) -> usize {
        usize::try_from(seq.get().saturating_sub(self.taken.get())).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
