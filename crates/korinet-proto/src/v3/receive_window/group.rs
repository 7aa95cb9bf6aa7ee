//! What comes of the peer's messages, until it is received.

use bytes::Bytes;
use korinet_wire::v3::{
    Data, DataSeries, Delimited, Digest, Level, PREFIX_LEN, Role, Seq, delimit,
};

use super::super::batch::{MessageRef, Place};
use super::super::replay_buffer::as_u64;
use super::super::send_window::extend;
use super::ReceiveWindow;
use super::unread::{Extent, Unread};
use crate::v3::Violation;

/// The messages behind the last digest that came, which are held at the ends of the queues: they are not received before
/// the one that covers them has come and is right, be it on a later connection (V3-28).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group {
    /// The number behind them, which has to come next.
    pub(super) next: Seq,
    /// The digest there, were there one.
    pub(super) digest: Digest,
}

/// DATA frames that came one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::v3) struct Run {
    /// The bytes of all of them.
    pub(in crate::v3) len: usize,
    /// Those of the largest.
    pub(in crate::v3) largest: usize,
}

/// Whether a message is a request, or names one.
fn is_call(data: &Data<'_>) -> bool {
    data.kind.role != Role::Message
}

impl ReceiveWindow {
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
        if handled.is_err() && !mutated!(WrongGroupKept) {
            self.drop_group();
        }
        handled
    }

    /// Handles the DATA frames that stand one after the other in `memory` from `at` on, as long as they are of the plainest
    /// shape, whole, and news; which they were, and what the peer did wrong behind them, as
    /// [`handle_data`](Self::handle_data) says it.
    pub(in crate::v3) fn handle_run(
        &mut self,
        memory: &Bytes,
        at: usize,
        max_frame: u32,
    ) -> (Run, Result<(), Violation>) {
        let (run, handled) = self.hold_run(memory, at, max_frame);
        if run.len > 0 && (!self.checksum || mutated!(GroupNotAwaited)) {
            self.receive_group();
        }
        if handled.is_err() && !mutated!(WrongGroupKept) {
            self.drop_group();
        }
        (run, handled)
    }

    #[inline]
    fn hold_run(
        &mut self,
        memory: &Bytes,
        at: usize,
        max_frame: u32,
    ) -> (Run, Result<(), Violation>) {
        let mut run = Run::default();
        // What digests cover of one frame after the other is summed up in one go.
        let mut uncovered = at;
        // The last messages of the queue, of which the memory is not kept yet.
        let mut unkept = 0;
        let mut before = None;
        let mut rest = memory.get(at..).unwrap_or_default();
        let handled = loop {
            let Some((data, len)) = self.plain_news(rest, max_frame) else {
                break Ok(());
            };
            let after = match self.check(&data, len) {
                Ok(after) => after,
                Err(violation) => break Err(violation),
            };
            let end = at + run.len + len;
            let digest_len = data.digest.map_or(0, |_| Data::DIGEST_LEN);
            let payload_len = data.payload.len();
            // In the plainest shape nothing but a digest follows the payload.
            let Ok(payload_at) = u32::try_from(end - digest_len - payload_len) else {
                break Ok(());
            };
            self.group.next = after;
            run.len += len;
            run.largest = run.largest.max(len);
            if is_call(&data) {
                self.enqueue(&data, len, memory);
            } else {
                self.unread.hold(Extent::of_one(as_u64(len)));
                let place = Place::new(data.seq, data.kind, len, payload_at, payload_len);
                self.queue.push_place(place);
                unkept += 1;
                // Where two are alike, so are more, mostly.
                if before.replace((data.kind, len)) == Some((data.kind, len)) {
                    let count = self.hold_series(&data, place, memory, end);
                    unkept += count;
                    run.len += count * len;
                }
            }
            rest = memory.get(at + run.len..).unwrap_or_default();
            if data.digest.is_some() {
                let covered = memory.get(uncovered..end - digest_len);
                self.cover(covered.unwrap_or_default());
                uncovered = end;
                if let Err(violation) = self.handle_digest(&data) {
                    break Err(violation);
                }
            }
        };
        self.queue.keep_for(memory, unkept);
        self.cover(memory.get(uncovered..at + run.len).unwrap_or_default());
        (run, handled)
    }

    /// The DATA that `bytes` begin with, if it is whole, of the plainest shape, and news; the bytes of its frame.
    #[inline]
    fn plain_news<'a>(&self, bytes: &'a [u8], max_frame: u32) -> Option<(Data<'a>, usize)> {
        let Ok(Delimited::Complete { len }) = delimit(bytes, max_frame) else {
            return None;
        };
        let data = Data::plain(bytes.get(PREFIX_LEN..len)?)?;
        (data.seq >= self.group.next).then_some((data, len))
    }

    /// Holds the messages whose frames stand in `memory` from `at` on and are alike with the one before them, which is held;
    /// how many.
    fn hold_series(&mut self, data: &Data<'_>, before: Place, memory: &Bytes, at: usize) -> usize {
        // Places are of 4 bytes.
        let Some(series) = DataSeries::after(data).filter(|_| u32::try_from(memory.len()).is_ok())
        else {
            return 0;
        };
        let frame_len = series.frame_len();
        let rest = memory.get(at..).unwrap_or_default();
        let count = series.count_in(rest, self.room_for(frame_len));
        let Some(next) = self.group.next.checked_add(as_u64(count)) else {
            return 0;
        };
        self.group.next = next;
        self.unread.hold(Extent::of_series(count, frame_len));
        self.queue.push_places_behind(before, count);
        count
    }

    /// Puts a message to those that await a digest; whether it was news.
    #[inline]
    fn hold(
        &mut self,
        data: &Data<'_>,
        frame_len: usize,
        memory: &Bytes,
    ) -> Result<bool, Violation> {
        if data.seq < self.group.next {
            self.check_presence(data)?;
            self.duplicates = self.duplicates.saturating_add(1);
            self.is_ack_owed = true;
            if mutated!(DuplicateDelivered) {
                self.enqueue(data, frame_len, memory);
                self.receive_group();
            }
            return Ok(false);
        }
        self.group.next = self.check(data, frame_len)?;
        self.enqueue(data, frame_len, memory);
        Ok(true)
    }

    /// Whether a message that is none again may come now; the number after it.
    #[inline]
    fn check(&self, data: &Data<'_>, frame_len: usize) -> Result<Seq, Violation> {
        self.check_presence(data)?;
        let expected = self.group.next;
        if data.seq != expected {
            let found = data.seq;
            return Err(Violation::SequenceGap { expected, found });
        }
        self.check_size(data.payload.len())?;
        self.check_window(as_u64(frame_len))?;
        match expected.next() {
            Some(after) if expected <= Seq::LAST => Ok(after),
            _ => Err(Violation::SequenceExhausted),
        }
    }

    #[inline]
    fn enqueue(&mut self, data: &Data<'_>, frame_len: usize, memory: &Bytes) {
        let message = MessageRef {
            seq: data.seq,
            kind: data.kind,
            re: data.re,
            payload: data.payload,
        };
        if is_call(data) {
            return self.calls.hold(message.to_message(memory), frame_len);
        }
        self.unread.hold(Extent::of_one(as_u64(frame_len)));
        self.queue.push_part(&message, frame_len, memory);
    }

    /// What came of the group and digests cover.
    fn cover(&mut self, bytes: &[u8]) {
        // To begin and end a checksum takes its time, also over nothing.
        if self.checksum && !bytes.is_empty() {
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
        let first = std::mem::replace(&mut self.received, self.group.next);
        self.digest = self.group.digest;
        let messages = self.unread.receive_held();
        let calls = self.calls.unread_mut().map(Unread::receive_held);
        let calls = calls.unwrap_or_default();
        if self.level == Level::Received
            && self.untaken.is_empty()
            && self.has_room(messages + calls)
        {
            self.take_group(messages, calls);
        } else {
            self.put_to_untaken(first, messages, calls);
            self.take_all();
        }
    }

    /// Forgets the messages that await a digest, as if they had not come: one of them may be wrong, or none will.
    pub(super) fn drop_group(&mut self) {
        let held = self.unread.drop_held();
        self.queue.drop_back(held.messages);
        self.calls.drop_held();
        self.group = Group {
            next: self.received,
            digest: self.digest,
        };
    }

    /// V3-27.
    #[inline]
    fn check_presence(&self, data: &Data<'_>) -> Result<(), Violation> {
        if data.digest.is_some() && !self.checksum {
            return Err(Violation::DigestPresence { asked: false });
        }
        Ok(())
    }

    pub(super) fn check_size(&self, len: usize) -> Result<(), Violation> {
        let max = self.limits.message;
        match u32::try_from(len) {
            Ok(len) if len <= max => Ok(()),
            _ => Err(Violation::MessageTooLarge { len, max }),
        }
    }

    /// V3-21.
    fn check_window(&self, len: u64) -> Result<(), Violation> {
        let (messages, bytes) = self.unacknowledged();
        let bytes = bytes + len;
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

    /// How many messages whose frames have so many bytes there is room for in the window, where it is not empty.
    fn room_for(&self, frame_len: usize) -> usize {
        let (messages, bytes) = self.unacknowledged();
        let messages = u64::from(self.limits.messages).saturating_sub(messages);
        let bytes = u64::from(self.limits.bytes).saturating_sub(bytes);
        let count = messages.min(bytes / as_u64(frame_len).max(1));
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    /// What has come and is not acknowledged: messages, and the bytes of their frames.
    fn unacknowledged(&self) -> (u64, u64) {
        let messages = self.group.next.get().saturating_sub(self.acked.get());
        let held = self.unread.held.bytes + self.calls.unread().held.bytes;
        (messages, self.unacked_bytes + self.untaken_bytes + held)
    }
}
