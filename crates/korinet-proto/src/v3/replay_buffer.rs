use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use korinet_wire::v3::{Data, DataSeries, PlacedData};

use super::Transmit;

/// The encoded frames that a send window holds, as one stream of bytes with a place in it: what is
/// before the place was written on this connection, what is behind it was not.
///
/// Frames are built in chunks; the memory that they are built in is what is written and, after
/// [`seek`](Self::seek), written again. A chunk is freed when the last of its bytes is released.
#[derive(Default)]
pub(super) struct ReplayBuffer {
    /// Before the place.
    written: VecDeque<Bytes>,
    /// Behind the place, but for the end.
    waiting: VecDeque<Bytes>,
    /// The end, which is being built, and behind it the rest of its chunk.
    open: BytesMut,
    /// How much of that is built.
    built: usize,
    /// All bytes.
    len: u64,
}

/// The most that a chunk is made for, if no single frame needs more.
const MAX_CHUNK: usize = 64 * 1024;
/// The least that a chunk is made for.
const MIN_CHUNK: usize = 1024;
/// How much of a chunk is cleared at once.
const CLEARED: usize = 4 * 1024;
/// What there is behind what is built: for frames that are written in words, and for a digest of them.
const SLACK: usize = DataSeries::SLACK;

const _: () = assert!(SLACK >= PlacedData::SLACK && SLACK >= Data::DIGEST_LEN);

/// Shows how much it is, not what.
impl fmt::Debug for ReplayBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplayBuffer({} bytes)", self.len)
    }
}

/// A clone has no chunk for more than the slack: a model checker keeps millions of them.
impl Clone for ReplayBuffer {
    fn clone(&self) -> Self {
        Self {
            written: self.written.clone(),
            waiting: self.waiting.clone(),
            open: self
                .open
                .get(..self.open.len().min(self.built + SLACK))
                .unwrap_or_default()
                .into(),
            built: self.built,
            len: self.len,
        }
    }
}

impl PartialEq for ReplayBuffer {
    fn eq(&self, other: &Self) -> bool {
        (&self.written, &self.waiting, self.built())
            == (&other.written, &other.waiting, other.built())
    }
}

impl Eq for ReplayBuffer {}

impl ReplayBuffer {
    /// Room for the next `len` bytes, to be written at once, and for the [`SLACK`], which does not count; with any content.
    #[inline]
    pub(super) fn room(&mut self, len: usize) -> &mut [u8] {
        if self.open.len() - self.built < len + SLACK {
            self.clear_room(len + SLACK);
        }
        let start = self.built;
        self.built += len;
        self.len += as_u64(len);
        self.open.get_mut(start..).unwrap_or_default()
    }

    /// Has this much be there behind what is built, and somewhat more.
    #[cold]
    fn clear_room(&mut self, len: usize) {
        if self.open.capacity() - self.built < len {
            self.seal();
            // What is under way already tells how much will be.
            let held = usize::try_from(self.len).unwrap_or(MAX_CHUNK);
            let chunk = held.clamp(MIN_CHUNK, MAX_CHUNK).max(len);
            self.open = BytesMut::with_capacity(chunk);
        }
        // Not all of it at once: it would be out of the nearest cache again when it is written to.
        let cleared = self.built + len.max(CLEARED);
        self.open.resize(cleared.min(self.open.capacity()), 0);
    }

    /// Whether there is [`room`](Self::room) for so much behind what was built last, in one piece of memory with it.
    #[inline]
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.open.capacity() - self.built >= len + SLACK
    }

    /// How often that is.
    pub(super) fn room_for(&self, len: usize) -> usize {
        let room = (self.open.capacity() - self.built).saturating_sub(SLACK);
        room.checked_div(len).unwrap_or_default()
    }

    /// Where in its chunk the next byte is built.
    #[inline]
    pub(super) const fn place(&self) -> usize {
        self.built
    }

    /// What was built last, from this place in its chunk on.
    pub(super) fn built_from(&self, place: usize) -> &[u8] {
        self.open.get(place..self.built).unwrap_or_default()
    }

    /// The same, to be changed, and behind it so many bytes of the slack that was asked for with it, which belong to it
    /// now.
    pub(super) fn built_from_with(&mut self, place: usize, count: usize) -> (&mut [u8], &mut [u8]) {
        debug_assert!(count <= self.open.len() - self.built, "it is slack");
        let behind = self.built;
        self.built += count;
        self.len += as_u64(count);
        let (built, rest) = self.open.split_at_mut(behind);
        (
            built.get_mut(place..).unwrap_or_default(),
            rest.get_mut(..count).unwrap_or_default(),
        )
    }

    /// Appends a copy.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let room = self.room(bytes.len()).get_mut(..bytes.len());
        room.unwrap_or_default().copy_from_slice(bytes);
    }

    /// Appends memory as it is.
    pub(super) fn put_shared(&mut self, bytes: Bytes) {
        self.seal();
        self.len += as_u64(bytes.len());
        self.waiting.push_back(bytes);
    }

    /// What is built of the end.
    fn built(&self) -> &[u8] {
        self.open.get(..self.built).unwrap_or_default()
    }

    fn seal(&mut self) {
        if self.built > 0 {
            let built = self.open.split_to(self.built);
            self.built = 0;
            self.waiting.push_back(built.freeze());
        }
    }

    /// Moves the place on by `count` bytes, which go to `out`.
    pub(super) fn write(&mut self, count: u64, out: &mut Transmit) {
        self.seal();
        take(&mut self.waiting, count, |chunk| {
            out.push(chunk.clone());
            self.written.push_back(chunk);
        });
    }

    /// Moves the place to `offset` bytes from the start.
    pub(super) fn seek(&mut self, offset: u64) {
        self.seal();
        let mut chunks = std::mem::take(&mut self.written);
        chunks.append(&mut self.waiting);
        take(&mut chunks, offset, |chunk| self.written.push_back(chunk));
        self.waiting = chunks;
    }

    /// Forgets the first `count` bytes, which are before the place.
    pub(super) fn release(&mut self, count: u64) {
        self.len -= count;
        let mut left = count;
        while left > 0 {
            let Some(front) = self.written.front_mut() else {
                return;
            };
            let step = usize::try_from(left).map_or(front.len(), |left| left.min(front.len()));
            front.advance(step);
            left -= as_u64(step);
            if front.is_empty() {
                self.written.pop_front();
            }
        }
    }

    /// All bytes in one piece; the buffer is empty then.
    pub(super) fn drain(&mut self) -> Bytes {
        self.seal();
        self.len = 0;
        let mut all = BytesMut::new();
        let chunks = self.written.drain(..).chain(self.waiting.drain(..));
        chunks.for_each(|chunk| all.extend_from_slice(&chunk));
        all.freeze()
    }

    /// How many bytes there are.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// The defect `ReplayAfterNew`: what is behind the place goes to `out` with the bytes from `split`
    /// on before the others.
    #[cfg(korinet_mutations)]
    pub(super) fn write_swapped(&mut self, split: u64, out: &mut Transmit) {
        self.seal();
        let mut all = BytesMut::new();
        self.waiting
            .iter()
            .for_each(|chunk| all.extend_from_slice(chunk));
        let newest = all.split_off(usize::try_from(split).unwrap_or(0));
        out.push(newest.freeze());
        out.push(all.freeze());
        self.written.append(&mut self.waiting);
    }
}

/// Takes `count` bytes from the front of `chunks`, piece by piece.
fn take(chunks: &mut VecDeque<Bytes>, count: u64, mut each: impl FnMut(Bytes)) {
    let mut left = count;
    while left > 0 {
        let Some(mut chunk) = chunks.pop_front() else {
            return;
        };
        if let Ok(part) = usize::try_from(left)
            && part < chunk.len()
        {
            chunks.push_front(chunk.split_off(part));
        }
        left -= as_u64(chunk.len());
        each(chunk);
    }
}

pub(super) fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A buffer of the bytes 0 to 99, built in every way.
    fn filled() -> ReplayBuffer {
        let mut buffer = ReplayBuffer::default();
        for start in (0..100).step_by(10) {
            let bytes: Vec<u8> = (start..start + 10).collect();
            buffer.put(&bytes[..3]);
            if start % 20 == 0 {
                let room = buffer.room(5);
                assert!(room.len() >= 8);
                room[..8].copy_from_slice(&bytes[3..8].repeat(2)[..8]);
            } else {
                buffer.put_shared(Bytes::copy_from_slice(&bytes[3..8]));
            }
            buffer.put(&bytes[8..]);
        }
        buffer
    }

    fn write(buffer: &mut ReplayBuffer, count: u64) -> Vec<u8> {
        let mut out = Transmit::new();
        buffer.write(count, &mut out);
        out.into_bytes().to_vec()
    }

    #[test]
    fn bytes_come_out_in_order_from_any_place() {
        let mut buffer = filled();
        assert_eq!(buffer.len(), 100);
        assert_eq!(write(&mut buffer, 7), (0..7).collect::<Vec<_>>());
        assert_eq!(write(&mut buffer, 93), (7..100).collect::<Vec<_>>());
        for place in [0, 1, 99, 50, 100, 33] {
            buffer.seek(place);
            let first = u8::try_from(place).unwrap();
            assert_eq!(
                write(&mut buffer, 100 - place),
                (first..100).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn released_bytes_are_gone_and_the_others_stay() {
        let mut buffer = filled();
        write(&mut buffer, 60);
        for (count, first) in [(1, 1), (14, 15), (0, 15), (40, 55)] {
            buffer.release(count);
            let mut again = buffer.clone();
            again.seek(0);
            assert_eq!(again.len(), 100 - u64::from(first));
            let len = again.len();
            assert_eq!(write(&mut again, len), (first..100).collect::<Vec<_>>());
        }
        assert_eq!(buffer.drain(), (55..100).collect::<Vec<u8>>());
        assert_eq!(buffer.len(), 0);
    }

    #[test]
    fn a_shared_payload_is_not_copied() {
        let payload = Bytes::from(vec![7; 100_000]);
        let mut buffer = ReplayBuffer::default();
        buffer.put(b"head");
        buffer.put_shared(payload.clone());
        buffer.put(b"tail");
        let mut out = Transmit::new();
        buffer.write(buffer.len(), &mut out);
        out.advance(4);
        assert_eq!(out.chunk().as_ptr(), payload.as_ptr());
    }
}
