use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crc_fast::CrcAlgorithm;
use korinet_wire::v3::{Digest, Limits, Seq};

use super::replay_buffer::{ReplayBuffer, as_u64};
use super::{Message, Transmit, Violation};

mod push;

pub use push::PushError;

/// The messages that this side has accepted and the peer has not acknowledged (V3-16, V3-20).
///
/// It outlives the connections of its session. A message is encoded once, when it is pushed; those
/// bytes are what is written and, after a break, written again. Numbers are given here, so none is
/// ever given twice.
///
/// ```text
///      oldest              cursor                 end
///        |  written, not    |  to be written on    |  numbers not
///        |  acknowledged    |  this connection     |  given yet
/// ```
///
/// With a checksum the messages are in groups, each with a digest in its last message (V3-27). A message that is pushed
/// joins the group at the end, which is over when it is written, or its chunk is full.
///
/// Memory: the frames between `oldest` and `end`, 8 bytes for each, 16 for each group, and at most one chunk of 64 KiB
/// that is not filled yet and one that is not quite acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendWindow {
    /// What the peer takes.
    peer: Limits,
    checksum: bool,
    oldest: Seq,
    /// `oldest <= cursor <= end`
    cursor: Seq,
    end: Seq,
    /// The last digest at `oldest` or before it.
    oldest_digest: Digest,
    /// Those behind it.
    digests: VecDeque<DigestAt>,
    /// The messages that have none yet.
    group: Option<Group>,
    /// Where each message ends, from `oldest` on, in bytes of the whole stream.
    ends: VecDeque<u64>,
    /// Where the message `oldest` begins.
    start: u64,
    /// The frames, with its place at `cursor`.
    frames: ReplayBuffer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct DigestAt {
    next: Seq,
    digest: Digest,
}

/// The messages behind the last digest, whose frames are in the chunk that is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    /// Where in the chunk they begin.
    start: usize,
    /// Where the last of them begins.
    last: usize,
}

impl SendWindow {
    /// The window of a new session towards a peer with these limits.
    #[must_use]
    pub fn new(peer: Limits, checksum: bool) -> Self {
        Self::starting_at(Seq::FIRST, peer, checksum)
    }

    /// As [`new`](Self::new), but with `first` as the first number: for tests near the top of the
    /// numbers.
    #[must_use]
    pub fn starting_at(first: Seq, peer: Limits, checksum: bool) -> Self {
        Self {
            peer,
            checksum,
            oldest: first,
            cursor: first,
            end: first,
            oldest_digest: Digest::ZERO,
            digests: VecDeque::new(),
            group: None,
            ends: VecDeque::new(),
            start: 0,
            frames: ReplayBuffer::default(),
        }
    }

    /// Whether there is a message that may be written now.
    #[must_use]
    pub fn has_transmit(&self) -> bool {
        self.cursor < self.end && self.may_write(self.index(self.cursor))
    }

    /// Puts the messages into `out` that are not written on this connection yet, as far as the
    /// peer's window allows; whether there were any.
    pub fn poll_transmit(&mut self, out: &mut Transmit) -> bool {
        self.end_group();
        let first = self.index(self.cursor);
        let index = self.may_write_until(first);
        if index == first {
            return false;
        }
        #[cfg(korinet_mutations)]
        if mutated!(ReplayAfterNew) && index - first > 1 && index == self.ends.len() {
            let split = self.offset(index - 1) - self.offset(first);
            self.frames.write_swapped(split, out);
            self.cursor = self.end;
            return true;
        }
        let count = self.offset(index) - self.offset(first);
        self.frames.write(count, out);
        self.cursor = self.seq(index);
        if mutated!(ReleasedWhenWritten) {
            self.release(self.cursor);
        }
        true
    }

    /// Handles an ACK (V3-20, V3-28); whether it was news.
    ///
    /// # Errors
    ///
    /// What the peer did wrong; nothing is released then.
    pub fn handle_ack(&mut self, next: Seq, digest: Option<Digest>) -> Result<bool, Violation> {
        if next > self.cursor && !mutated!(AckBeyondSentReleases) {
            return Err(Violation::AckBeyondSent {
                next,
                sent: self.cursor,
            });
        }
        if digest.is_some() != self.checksum {
            return Err(Violation::DigestPresence {
                asked: self.checksum,
            });
        }
        if next <= self.oldest {
            return Ok(false);
        }
        let next = next.min(self.end);
        if let (Some(found), Some(expected)) = (digest, self.digest_at(next))
            && found != expected
            && !mutated!(DigestNotCompared)
        {
            return Err(Violation::DigestMismatch { next });
        }
        self.release(next);
        Ok(true)
    }

    /// Forgets the messages below `next`.
    fn release(&mut self, next: Seq) {
        // An ACK comes after what it acknowledges was written.
        debug_assert!(next <= self.cursor, "the messages were written");
        let count = self.index(next).min(self.ends.len());
        let Some(last) = count.checked_sub(1).and_then(|last| self.ends.get(last)) else {
            return;
        };
        let start = std::mem::replace(&mut self.start, *last);
        self.oldest = self.seq(count);
        self.ends.drain(..count);
        self.frames.release(self.start - start);
        while let Some(DigestAt { next, digest }) = self.digests.front()
            && *next <= self.oldest
        {
            self.oldest_digest = *digest;
            self.digests.pop_front();
        }
    }

    /// Sets the place from which a new connection writes: the peer's *next* (V3-35, V3-36), which
    /// [`is_reachable`](Self::is_reachable) has to be. The messages from there on that were written
    /// before, on another connection.
    pub fn seek(&mut self, next: Seq) -> u64 {
        self.end_group();
        let mut next = next.clamp(self.oldest, self.end);
        if mutated!(FirstReplayedSkipped) && next < self.cursor {
            next = next.next().unwrap_or(next);
        }
        let again = self.cursor.get().saturating_sub(next.get());
        let offset = self.offset(self.index(next)) - self.start;
        self.frames.seek(offset);
        self.cursor = next;
        again
    }

    /// Whether a peer that expects `next` can be served from here (V3-34).
    #[must_use]
    pub fn is_reachable(&self, next: Seq) -> bool {
        let end = if mutated!(FeasibilityOffByOne) {
            self.end.next().unwrap_or(self.end)
        } else {
            self.end
        };
        self.oldest <= next && next <= end
    }

    /// The last digest at `next` or before it, if that is reachable and there is a checksum (V3-27).
    #[must_use]
    pub fn digest_at(&self, next: Seq) -> Option<Digest> {
        if !self.checksum || next < self.oldest || next > self.end {
            return None;
        }
        let count = self.digests.partition_point(|at| at.next <= next);
        let last = count.checked_sub(1).and_then(|last| self.digests.get(last));
        Some(last.map_or(self.oldest_digest, |last| last.digest))
    }

    /// The first message that is not acknowledged.
    #[must_use]
    pub const fn oldest(&self) -> Seq {
        self.oldest
    }

    /// The number that the next new message will get.
    #[must_use]
    pub const fn end(&self) -> Seq {
        self.end
    }

    /// The first message that is not written on this connection.
    #[must_use]
    pub const fn cursor(&self) -> Seq {
        self.cursor
    }

    /// How many messages are not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether all messages are acknowledged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of the frames that are not acknowledged.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.frames.len()
    }

    /// What the peer takes.
    #[must_use]
    pub const fn peer_limits(&self) -> Limits {
        self.peer
    }

    /// Takes the unacknowledged messages apart, oldest first: their session is lost.
    pub fn drain(&mut self) -> Vec<Message> {
        let mut frames = self.frames.drain();
        let mut messages = Vec::with_capacity(self.ends.len());
        self.group = None;
        for end in self.ends.drain(..) {
            let len = usize::try_from(end - self.start).unwrap_or(usize::MAX);
            self.start = end;
            let frame = frames.split_to(len.min(frames.len()));
            messages.extend(super::frame::message_of(&frame));
        }
        self.oldest = self.end;
        self.cursor = self.end;
        messages
    }

    /// Whether a frame of `len` bytes may join `messages` of `bytes` (V3-21).
    fn fits(&self, messages: usize, bytes: u64, len: u64) -> bool {
        messages == 0
            || mutated!(WindowIgnored)
            || (as_u64(messages) < u64::from(self.peer.messages)
                && bytes.saturating_add(len) <= u64::from(self.peer.bytes))
    }

    /// The first message from `first` on that may not be written now.
    fn may_write_until(&self, first: usize) -> usize {
        let all = self.ends.len();
        // Nearly always nothing was pushed beyond the window.
        if all > first && all.checked_sub(1).is_some_and(|last| self.may_write(last)) {
            return all;
        }
        let mut index = first;
        while index < all && self.may_write(index) {
            index += 1;
        }
        index
    }

    fn may_write(&self, index: usize) -> bool {
        let start = self.offset(index);
        let len = self.offset(index + 1) - start;
        self.fits(index, start - self.start, len)
    }

    /// Where the message with this index begins.
    fn offset(&self, index: usize) -> u64 {
        match index.checked_sub(1) {
            None => self.start,
            Some(before) => match self.ends.get(before) {
                Some(end) => *end,
                None => self.start + self.frames.len(),
            },
        }
    }

    fn index(&self, seq: Seq) -> usize {
        usize::try_from(seq.get().saturating_sub(self.oldest.get())).unwrap_or(usize::MAX)
    }

    fn seq(&self, index: usize) -> Seq {
        Seq::new(self.oldest.get().saturating_add(as_u64(index))).unwrap_or(Seq::END)
    }

    /// The peer is known to have taken all below `next`, though no ACK on a connection said so.
    pub fn settle(&mut self, next: Seq) {
        if self.is_reachable(next) {
            self.seek(next);
            self.release(self.cursor);
        }
    }
}

/// How the frames are divided into chunks does not count, so that a model checker sees two windows
/// that behave alike as one.
impl Hash for SendWindow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.oldest, self.cursor, self.end).hash(state);
        (self.oldest_digest, &self.digests, &self.ends).hash(state);
    }
}

/// The running checksum after `bytes` (V3-27).
pub(super) fn extend(before: Digest, bytes: &[u8]) -> Digest {
    // It begins with all bits set and inverts its result.
    let state = u64::from(!before.to_u32());
    let mut checksum = crc_fast::Digest::new_with_init_state(CrcAlgorithm::Crc32Iscsi, state);
    checksum.update(bytes);
    let [.., a, b, c, d] = checksum.finalize().to_be_bytes();
    Digest::from_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
