use std::collections::VecDeque;

use bytes::Bytes;
use korinet_wire::v3::{
    Ack, Data, Delimited, Digest, Level, Limits, PREFIX_LEN, Role, Seq, delimit,
};

use super::batch::{Batch, MessageRef};
use super::replay_buffer::as_u64;
use super::send_window::extend;
use super::volatile_queue::VolatileQueue;
use super::{Message, Violation, Volatile};

/// The messages that the peer has sent: which are received, which are taken, which the application
/// has read (V3-17 to V3-19).
///
/// It outlives the connections of its session.
///
/// ```text
///      acked              taken               next               expected
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
    /// All below is received: the application may have it, and a new connection goes on from here.
    next: Seq,
    /// The digest at `next`.
    digest: Digest,
    /// The messages that came beyond `next`: without a checksum none.
    group: Group,
    /// `acked <= taken <= next`
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
    /// The same of those that belong to calls (V3-47): they are read apart, so that neither waits for the other.
    calls: VecDeque<Queued>,
    /// The part of `queue` that is taken.
    taken_unread: usize,
    taken_unread_bytes: u64,
    /// The part of `calls` that is.
    taken_calls: usize,
    taken_calls_bytes: u64,
    /// The bytes of the frames in `queue`.
    queued_bytes: u64,
    /// The same of `calls`.
    calls_bytes: u64,
    /// Once there was a volatile payload.
    volatile: Option<Box<VolatileQueue>>,
    duplicates: u64,
}

/// The messages behind the last digest that came: they are not received before the one that covers them has come and is
/// right (V3-28). They stand at the ends of the queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    /// The number behind them, which has to come next.
    expected: Seq,
    /// The digest there, were there one.
    digest: Digest,
    messages: usize,
    calls: usize,
    /// The bytes of the frames of those in `queue`.
    message_bytes: u64,
    /// And of those in `calls`.
    call_bytes: u64,
}

impl Group {
    const fn starting_at(expected: Seq, digest: Digest) -> Self {
        Self {
            expected,
            digest,
            messages: 0,
            calls: 0,
            message_bytes: 0,
            call_bytes: 0,
        }
    }

    const fn bytes(&self) -> u64 {
        self.message_bytes + self.call_bytes
    }
}

/// DATA frames that came one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    /// The bytes of all of them.
    pub(super) len: usize,
    /// Those of the largest.
    pub(super) largest: usize,
}

/// What a window had at some moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    queued: usize,
    calls: usize,
    queued_bytes: u64,
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

/// A message of a call that the application has not read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Queued {
    message: Message,
    /// The bytes of its frame.
    len: u64,
}

/// Whether a message is a request, or names one.
fn is_call(data: &Data<'_>) -> bool {
    data.kind.role != Role::Message
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
            next: first,
            digest: Digest::ZERO,
            group: Group::starting_at(first, Digest::ZERO),
            taken: first,
            taken_digest: Digest::ZERO,
            acked: first,
            is_ack_owed: false,
            unacked_bytes: 0,
            untaken: VecDeque::new(),
            untaken_bytes: 0,
            queue: Batch::default(),
            calls: VecDeque::new(),
            taken_unread: 0,
            taken_unread_bytes: 0,
            taken_calls: 0,
            taken_calls_bytes: 0,
            queued_bytes: 0,
            calls_bytes: 0,
            volatile: None,
            duplicates: 0,
        }
    }

    /// Handles a DATA frame, whole with its prefix, from which `data` was decoded; `memory` is what the payload is a part
    /// of, where it stays. Whether it was news: a duplicate is not.
    ///
    /// # Errors
    ///
    /// What the peer did wrong; neither this message nor another one that awaits a digest is received then.
    pub fn handle_data(
        &mut self,
        data: &Data<'_>,
        frame: &[u8],
        memory: &Bytes,
    ) -> Result<bool, Violation> {
        let handled = self.hold(data, frame.len(), memory).and_then(|is_new| {
            if is_new {
                self.cover(data.covered(frame));
                self.handle_digest(data)?;
            }
            Ok(is_new)
        });
        if handled.is_err() {
            self.drop_group();
        }
        handled
    }

    /// Handles the DATA frames that stand one after the other in `memory` from `at` on, as long as they are of the plainest
    /// shape, whole, and news; how many bytes they had, and the largest of them.
    ///
    /// # Errors
    ///
    /// As [`handle_data`](Self::handle_data).
    pub(super) fn handle_run(
        &mut self,
        memory: &Bytes,
        at: usize,
        max_frame: u32,
    ) -> Result<Run, Violation> {
        let handled = self.hold_run(memory, at, max_frame);
        match handled {
            Ok(run) if run.len > 0 && (!self.checksum || mutated!(GroupNotAwaited)) => {
                self.receive_group();
            }
            Ok(_) => {}
            Err(_) => self.drop_group(),
        }
        handled
    }

    #[inline]
    fn hold_run(&mut self, memory: &Bytes, at: usize, max_frame: u32) -> Result<Run, Violation> {
        let mut run = Run::default();
        // What digests cover of one frame after the other is summed up in one go.
        let mut uncovered = at;
        let mut rest = memory.get(at..).unwrap_or_default();
        while let Ok(Delimited::Complete { len }) = delimit(rest, max_frame)
            && let Some((frame, behind)) = rest.split_at_checked(len)
            && let Some(data) = Data::plain(frame.get(PREFIX_LEN..).unwrap_or_default())
            && data.seq >= self.group.expected
        {
            self.hold(&data, len, memory)?;
            rest = behind;
            run.len += len;
            run.largest = run.largest.max(len);
            if data.digest.is_some() {
                let end = at + run.len;
                let covered = memory.get(uncovered..end - Data::DIGEST_LEN);
                self.cover(covered.unwrap_or_default());
                self.handle_digest(&data)?;
                uncovered = end;
            }
        }
        self.cover(memory.get(uncovered..at + run.len).unwrap_or_default());
        Ok(run)
    }

    /// Puts a message to those that await a digest; whether it was news.
    #[inline]
    fn hold(
        &mut self,
        data: &Data<'_>,
        frame_len: usize,
        memory: &Bytes,
    ) -> Result<bool, Violation> {
        if data.digest.is_some() && !self.checksum {
            return Err(Violation::DigestPresence { asked: false });
        }
        let expected = self.group.expected;
        if data.seq < expected {
            self.duplicates = self.duplicates.saturating_add(1);
            self.is_ack_owed = true;
            if mutated!(DuplicateDelivered) {
                self.enqueue(data, frame_len, memory);
                self.receive_group();
            }
            return Ok(false);
        }
        if data.seq > expected {
            let found = data.seq;
            return Err(Violation::SequenceGap { expected, found });
        }
        self.check_size(data.payload.len())?;
        self.check_window(as_u64(frame_len))?;
        self.group.expected = match data.seq.next() {
            Some(after) if data.seq <= Seq::LAST => after,
            _ => return Err(Violation::SequenceExhausted),
        };
        self.enqueue(data, frame_len, memory);
        Ok(true)
    }

    #[inline]
    fn enqueue(&mut self, data: &Data<'_>, frame_len: usize, memory: &Bytes) {
        let message = MessageRef {
            seq: data.seq,
            kind: data.kind,
            re: data.re,
            payload: data.payload,
        };
        let len = as_u64(frame_len);
        if is_call(data) {
            let message = message.to_message(memory);
            self.group.calls += 1;
            self.group.call_bytes += len;
            self.calls_bytes += len;
            self.calls.push_back(Queued { message, len });
            return;
        }
        self.group.messages += 1;
        self.group.message_bytes += len;
        self.queued_bytes += len;
        self.queue.push_part(&message, frame_len, memory);
    }

    /// What came of the group and digests cover.
    fn cover(&mut self, bytes: &[u8]) {
        if self.checksum {
            self.group.digest = extend(self.group.digest, bytes);
        }
    }

    /// The last message of the group has come, or another one (V3-28).
    fn handle_digest(&mut self, data: &Data<'_>) -> Result<(), Violation> {
        match data.digest {
            Some(found) if found != self.group.digest && !mutated!(DigestNotCompared) => {
                return Err(Violation::DigestMismatch { next: data.seq });
            }
            None if self.checksum && !mutated!(GroupNotAwaited) => {}
            Some(_) | None => self.receive_group(),
        }
        Ok(())
    }

    /// All of the group is received.
    fn receive_group(&mut self) {
        let Group {
            expected, digest, ..
        } = self.group;
        let group = std::mem::replace(&mut self.group, Group::starting_at(expected, digest));
        let first = std::mem::replace(&mut self.next, expected);
        self.digest = digest;
        if self.level == Level::Received && self.untaken.is_empty() && self.has_room_for(&group) {
            self.take_group(&group);
        } else {
            self.put_to_untaken(first, &group);
            self.take_all();
        }
    }

    /// All of a group, which begins at `first`, is received and not taken.
    fn put_to_untaken(&mut self, first: Seq, group: &Group) {
        let (expected, digest) = (group.expected, group.digest);
        let read = self.queue.len() - group.messages;
        let mut lens = self.queue.frame_lens().skip(read);
        let mut calls = self.calls.iter().skip(self.calls.len() - group.calls);
        let mut call = calls.next();
        let mut seq = first;
        while seq < expected {
            let after = seq.next().unwrap_or(Seq::END);
            let own = call.filter(|call| call.message.seq == seq);
            let len = match own {
                Some(_) => std::mem::replace(&mut call, calls.next()).map(|call| call.len),
                None => lens.next(),
            };
            self.untaken.push_back(Arrived {
                len: len.unwrap_or_default(),
                digest: (after == expected).then_some(digest),
                is_finished: false,
                is_read: false,
                is_call: own.is_some(),
            });
            seq = after;
        }
        self.untaken_bytes += group.bytes();
    }

    /// Forgets the messages that await a digest: on this connection there will not be one.
    fn drop_group(&mut self) {
        let Group {
            messages,
            calls,
            message_bytes,
            call_bytes,
            ..
        } = self.group;
        self.queue.drop_back(messages);
        self.calls.truncate(self.calls.len() - calls);
        self.queued_bytes -= message_bytes;
        self.calls_bytes -= call_bytes;
        self.group = Group::starting_at(self.next, self.digest);
    }

    fn check_size(&self, len: usize) -> Result<(), Violation> {
        let max = self.limits.message;
        match u32::try_from(len) {
            Ok(len) if len <= max => Ok(()),
            _ => Err(Violation::MessageTooLarge { len, max }),
        }
    }

    /// V3-21.
    fn check_window(&self, len: u64) -> Result<(), Violation> {
        let expected = self.group.expected.get();
        let messages = expected.saturating_sub(self.acked.get());
        let bytes = self.unacked_bytes + self.untaken_bytes + self.group.bytes() + len;
        if messages == 0
            || (messages < u64::from(self.limits.messages) && bytes <= u64::from(self.limits.bytes))
        {
            return Ok(());
        }
        Err(Violation::WindowExceeded {
            messages: messages + 1,
            bytes,
            limits: self.limits,
        })
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
            Level::Received => arrived.is_read || self.has_room(arrived.len),
            Level::Processed | Level::Durable => arrived.is_finished,
        }
    }

    /// Takes the message `taken`.
    fn take(&mut self, arrived: &Arrived) {
        if self.level == Level::Received && !arrived.is_read {
            if arrived.is_call {
                self.taken_calls += 1;
                self.taken_calls_bytes += arrived.len;
            } else {
                self.taken_unread += 1;
                self.taken_unread_bytes += arrived.len;
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
    fn take_group(&mut self, group: &Group) {
        self.taken_unread += group.messages;
        self.taken_unread_bytes += group.message_bytes;
        self.taken_calls += group.calls;
        self.taken_calls_bytes += group.call_bytes;
        self.unacked_bytes += group.bytes();
        self.taken = self.next;
        self.taken_digest = self.digest;
        self.is_ack_owed = true;
    }

    /// Whether there is room for each message of a group, the others included.
    #[inline]
    fn has_room_for(&self, group: &Group) -> bool {
        let messages = self.taken_unread + self.taken_calls + group.messages + group.calls;
        let bytes = self.taken_unread_bytes + self.taken_calls_bytes + group.bytes();
        as_u64(messages) <= u64::from(self.limits.messages)
            && (messages == 1 || bytes <= u64::from(self.limits.bytes))
    }

    fn has_room(&self, len: u64) -> bool {
        let messages = as_u64(self.taken_unread + self.taken_calls);
        let bytes = self.taken_unread_bytes + self.taken_calls_bytes + len;
        messages == 0
            || (messages < u64::from(self.limits.messages) && bytes <= u64::from(self.limits.bytes))
    }

    /// The next message for the application, of whatever kind.
    pub fn recv(&mut self) -> Option<Message> {
        let call = self.calls.front().map(|call| call.message.seq);
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
        if self.unread_calls() == 0 {
            return None;
        }
        let Queued { message, len } = self.calls.pop_front()?;
        self.calls_bytes -= len;
        if self.level == Level::Received {
            if message.seq < self.taken {
                self.taken_calls -= 1;
                self.taken_calls_bytes -= len;
            } else {
                self.handle_read_untaken(message.seq);
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
        let (mut count, mut read) = (unread, self.queued_bytes - self.group.message_bytes);
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
        self.queued_bytes -= bytes;
        if self.level == Level::Received {
            if let Some(left) = self.taken_unread.checked_sub(count) {
                self.taken_unread = left;
                self.taken_unread_bytes -= bytes;
            } else {
                // There is room for the others as soon as those before them are read.
                for index in self.taken_unread..count {
                    if let Some(seq) = self.queue.seq(index) {
                        self.handle_read_untaken(seq);
                    }
                }
                self.taken_unread = 0;
                self.taken_unread_bytes = 0;
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
        let call = self
            .calls
            .binary_search_by_key(&seq, |call| call.message.seq);
        let is_unread = call.is_ok() || self.queue.contains(seq);
        if seq < self.taken || seq >= self.next || is_unread {
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
            queued_bytes: self.queued_bytes + self.calls_bytes,
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
        let kept = (self.queued_bytes + self.calls_bytes).saturating_sub(mark.queued_bytes);
        if is_mostly_else(kept) {
            self.queue.copy_from(mark.queued);
            for call in self.calls.iter_mut().skip(mark.calls) {
                call.message.payload = Bytes::copy_from_slice(&call.message.payload);
            }
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

    /// A new connection begins: what was taken is told again (V3-19), and what awaited a digest comes again.
    pub fn handle_attached(&mut self) {
        self.is_ack_owed = self.taken > Seq::FIRST;
        if mutated!(CounterResetOnResume) {
            self.next = Seq::FIRST;
        }
        self.drop_group();
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
        let all = self.taken == self.next;
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
            (self.next, self.digest)
        } else {
            (self.taken, self.taken_digest)
        }
    }

    /// Every message below is taken; with the last digest there or before it, if there is a checksum.
    #[must_use]
    pub fn taken(&self) -> (Seq, Option<Digest>) {
        (self.taken, self.checksum.then_some(self.taken_digest))
    }

    /// Every message below is received; with the digest there, if there is a checksum.
    #[must_use]
    pub fn next(&self) -> (Seq, Option<Digest>) {
        (self.next, self.checksum.then_some(self.digest))
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
        self.unread_messages() + self.unread_calls()
    }

    /// How many of them stand for themselves.
    #[must_use]
    pub fn unread_messages(&self) -> usize {
        self.queue.len() - self.group.messages
    }

    fn unread_calls(&self) -> usize {
        self.calls.len() - self.group.calls
    }

    /// The bytes of all that the application has not read: of frames of messages, whether they await a digest or not, and
    /// of volatile payloads.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        let volatile = self.volatile.as_ref().map_or(0, |queue| queue.bytes());
        self.queued_bytes + self.calls_bytes + volatile
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
        let all = std::iter::from_fn(|| self.recv_untold());
        all.take_while(|message| level == Level::Received && message.seq < taken)
            .collect()
    }

    /// The next message of either queue, when nobody counts any more.
    fn recv_untold(&mut self) -> Option<Message> {
        let call = self.calls.front().map(|call| call.message.seq);
        let is_call = call.is_some_and(|call| self.queue.first().is_none_or(|first| call < first));
        if is_call {
            return Some(self.calls.pop_front()?.message);
        }
        self.queue.pop()
    }

    fn index(&self, seq: Seq) -> usize {
        usize::try_from(seq.get().saturating_sub(self.taken.get())).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests;
