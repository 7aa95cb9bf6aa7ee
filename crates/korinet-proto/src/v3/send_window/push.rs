//! Messages are accepted, numbered and encoded.

use bytes::Bytes;
use korinet_wire::v3::{Data, DataSeries, Digest, Kind, Seq};

use super::super::Payload;
use super::super::replay_buffer::as_u64;
use super::{DigestAt, Group, SendWindow, extend};

/// Why a message was not accepted; it is as if it had never been pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// Every number of the session is used up, after 2⁶⁴ − 2 messages.
    #[error("session has no number left for another message")]
    Exhausted,
    /// The window is full: try again when messages were acknowledged.
    #[error("window is full: {messages} messages of {bytes} bytes are not acknowledged")]
    Full {
        /// The messages that are not acknowledged.
        messages: usize,
        /// Their frames' bytes.
        bytes: u64,
    },
    /// The kind and the message that it answers or continues do not go together.
    #[error("a message of kind {kind} {}", misfit(*.kind))]
    Kind {
        /// The kind.
        kind: Kind,
    },
    /// The peer does not take messages of this size.
    #[error("message has {len} bytes, the peer takes {max}")]
    TooLarge {
        /// The payload's bytes.
        len: usize,
        /// The most that the peer takes.
        max: u32,
    },
}

/// What is wrong with a kind whose `re` is there or not, as it should not be.
const fn misfit(kind: Kind) -> &'static str {
    if kind.own && !kind.role.may_be_own() {
        "cannot continue a message of this side"
    } else if kind.role.has_re() {
        "needs the message that it answers or continues"
    } else {
        "answers and continues none"
    }
}

impl SendWindow {
    /// Accepts a message and gives it its number.
    ///
    /// # Errors
    ///
    /// See [`PushError`].
    pub fn push(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Seq, PushError> {
        self.insert(kind, re, &payload, true)
    }

    /// As [`push`](Self::push) without regard to the window: for the messages of a lost session,
    /// which were accepted already. They are written as the window allows.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), but never [`PushError::Full`].
    pub fn push_beyond(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Seq, PushError> {
        // Each may be the last that may be written.
        self.end_group();
        let seq = self.insert(kind, re, &payload, false)?;
        self.end_group();
        Ok(seq)
    }

    /// Accepts messages of this kind, which answers and continues none, in order, as long as there is room in the window
    /// and they are [possible](Self::push) at all; how many. What is in the way of the next one, [`push`](Self::push) says.
    pub fn push_many(&mut self, kind: Kind, payloads: &[&[u8]]) -> usize {
        let mut pushed = 0;
        while let Some((payload, behind)) = payloads.get(pushed..).and_then(<[_]>::split_first) {
            if self.insert_copied(kind, None, payload, true).is_err() {
                break;
            }
            pushed += 1 + self.insert_series(kind, payload, behind);
        }
        pushed
    }

    /// Accepts messages that are as long as the one before them, as far as they go into its chunk and the window; how many.
    fn insert_series(&mut self, kind: Kind, before: &[u8], payloads: &[&[u8]]) -> usize {
        let is_alike = |payload: &&&[u8]| payload.len() == before.len();
        let Some(seq) = self.end.previous() else {
            return 0;
        };
        if payloads.first().filter(is_alike).is_none() {
            return 0;
        }
        let data = Data {
            seq,
            kind,
            payload: before,
            re: None,
            digest: None,
        };
        let Some(mut series) = DataSeries::after(&data) else {
            return 0;
        };
        let len = series.frame_len();
        let room = self.room_for(len).min(self.frames.room_for(len));
        let alike = payloads.iter().take_while(is_alike);
        let count = alike.take(room.min(series.count())).count();
        let Some(end) = self.end.checked_add(as_u64(count)).filter(|_| count > 0) else {
            return 0;
        };
        let start = self.start + self.frames.len();
        let mut room = self.frames.room(count * len);
        for payload in payloads.iter().take(count) {
            let written = series.write_next(room, payload);
            debug_assert!(written.is_some(), "there is room");
            room = room.get_mut(len..).unwrap_or_default();
        }
        self.join_group(len);
        self.end = end;
        let ends = (1..=as_u64(count)).map(|count| start + count * as_u64(len));
        self.ends.extend(ends);
        count
    }

    fn insert(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        is_bounded: bool,
    ) -> Result<Seq, PushError> {
        match payload {
            Payload::Copied(payload) => self.insert_copied(kind, re, payload, is_bounded),
            Payload::Shared(payload) => self.insert_shared(kind, re, payload, is_bounded),
        }
    }

    #[inline]
    fn insert_copied(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: &[u8],
        is_bounded: bool,
    ) -> Result<Seq, PushError> {
        let after = self.check(kind, re, payload.len())?;
        let seq = self.end;
        let data = Data {
            seq,
            kind,
            payload,
            re,
            digest: None,
        };
        let placed = data.placed();
        let len = placed.frame_len();
        self.prepare_chunk(len);
        if is_bounded {
            self.check_window(len)?;
        }
        let written = placed.write(self.frames.room(len));
        debug_assert!(written.is_some(), "there is room");
        self.join_group(len);
        self.end = after;
        self.ends.push_back(self.start + self.frames.len());
        Ok(seq)
    }

    /// The payload stays where it is. The message is the last of its group, the digest of which it has.
    fn insert_shared(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Bytes,
        is_bounded: bool,
    ) -> Result<Seq, PushError> {
        let after = self.check(kind, re, payload.len())?;
        let seq = self.end;
        let mut data = Data {
            seq,
            kind,
            payload,
            re,
            digest: self.checksum.then_some(Digest::ZERO),
        };
        let (head, tail) = (data.head(), data.tail());
        self.prepare_chunk(head.as_bytes().len());
        if is_bounded {
            let others = head.as_bytes().len() + tail.covered().len();
            self.check_window(others + payload.len())?;
        }
        self.frames.put(head.as_bytes());
        self.join_group(head.as_bytes().len());
        data.digest = self.group.take().map(|group| {
            let covered = [self.frames.built_from(group.start), payload, tail.covered()];
            covered.into_iter().fold(self.last_digest(), extend)
        });
        self.frames.put_shared(payload.clone());
        self.frames.put(data.tail().as_bytes());
        self.end = after;
        self.ends.push_back(self.start + self.frames.len());
        if let Some(digest) = data.digest {
            self.push_digest(digest);
        }
        Ok(seq)
    }

    /// Whether the peer has room for a frame that is so long without a digest.
    #[inline]
    fn check_window(&self, len: usize) -> Result<(), PushError> {
        let (messages, bytes) = (self.len(), self.bytes());
        if self.fits(messages, bytes, as_u64(len + self.digest_len())) {
            return Ok(());
        }
        Err(PushError::Full { messages, bytes })
    }

    /// How many frames that are so long without a digest the peer has room for behind others.
    fn room_for(&self, len: usize) -> usize {
        if mutated!(WindowIgnored) {
            return usize::MAX;
        }
        let others = self.bytes() + as_u64(self.digest_len());
        let bytes = u64::from(self.peer.bytes).saturating_sub(others);
        let messages = usize::try_from(self.peer.messages).unwrap_or(usize::MAX);
        let count = usize::try_from(bytes / as_u64(len).max(1)).unwrap_or(usize::MAX);
        count.min(messages.saturating_sub(self.len()))
    }

    /// What the last message of a group is longer by.
    const fn digest_len(&self) -> usize {
        match self.checksum {
            true => Data::DIGEST_LEN,
            false => 0,
        }
    }

    /// Ends the group if the next `len` bytes have no room in its chunk.
    #[inline]
    fn prepare_chunk(&mut self, len: usize) {
        if !self.frames.has_room(len) {
            self.end_group();
        }
    }

    /// The last `len` bytes in the chunk are a frame.
    #[inline]
    fn join_group(&mut self, len: usize) {
        if self.checksum {
            let last = self.frames.place() - len;
            let start = self.group.map_or(last, |group| group.start);
            self.group = Some(Group { start, last });
        }
    }

    /// Gives the last message of the group, if there is one, the digest of all of it.
    pub(super) fn end_group(&mut self) {
        let Some(Group { start, last }) = self.group.take() else {
            return;
        };
        let before = self.last_digest();
        let (frames, element) = self.frames.built_from_with(start, Data::DIGEST_LEN);
        if let Some(last) = frames.get_mut(last - start..) {
            Data::expect_digest(last);
        }
        let digest = extend(before, frames);
        element.copy_from_slice(&Data::digest_element(digest));
        if let Some(end) = self.ends.back_mut() {
            *end += as_u64(Data::DIGEST_LEN);
        }
        self.push_digest(digest);
    }

    fn push_digest(&mut self, digest: Digest) {
        let next = self.end;
        self.digests.push_back(DigestAt { next, digest });
    }

    pub(super) fn last_digest(&self) -> Digest {
        let last = self.digests.back();
        last.map_or(self.oldest_digest, |last| last.digest)
    }

    /// What makes a message impossible, whatever the window; otherwise the number after its own.
    #[inline]
    fn check(&self, kind: Kind, re: Option<Seq>, len: usize) -> Result<Seq, PushError> {
        if kind.role.has_re() != re.is_some() || (kind.own && !kind.role.may_be_own()) {
            return Err(PushError::Kind { kind });
        }
        let max = self.peer.message;
        if u32::try_from(len).map_or(true, |len| len > max) {
            return Err(PushError::TooLarge { len, max });
        }
        match self.end.next() {
            Some(after) if self.end <= Seq::LAST => Ok(after),
            _ => Err(PushError::Exhausted),
        }
    }
}
