use std::hash::{Hash, Hasher};

use bytes::BytesMut;

/// The least that a read buffer grows by, in bytes.
const MIN_STEP: usize = 8 * 1024;

/// The most that a read buffer grows by, in bytes: what a peer can make us hold beyond what it sent.
const MAX_STEP: usize = 256 * 1024;

/// Makes room for some of the `needed` bytes that are still to come.
///
/// The room grows with what has arrived, never with what a length field announces, and is exact, so
/// that a large frame ends up alone in a buffer of its own size. The buffer's own growth would
/// double it instead.
pub(crate) fn make_room(buffer: &mut BytesMut, needed: usize) {
    let room = room_for(buffer.len(), needed);
    if buffer.capacity() - buffer.len() >= room || buffer.try_reclaim(room) {
        return;
    }
    *buffer = copy_with_room(buffer, room);
}

/// How much of the `needed` bytes there is to be room for, where so many have come.
fn room_for(came: usize, needed: usize) -> usize {
    needed.min(came.clamp(MIN_STEP, MAX_STEP))
}

/// How much room the frames of one connection get.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FrameRoom {
    /// The largest frame that has come, in bytes.
    largest: usize,
}

impl FrameRoom {
    /// A whole frame of this size has come.
    pub(crate) fn handle_frame(&mut self, len: usize) {
        self.largest = self.largest.max(len);
    }

    /// How much there is to be room for of a frame of which so much has come, and so much is needed. A peer that has
    /// sent a frame of that size before gets all of it at once: it could have sent the half of that one, and no more.
    pub(crate) fn of(&self, came: usize, needed: usize) -> usize {
        if came.saturating_add(needed) <= self.largest {
            needed
        } else {
            room_for(came, needed)
        }
    }
}

/// It does not show in a hash, for it changes nothing but how often memory is asked for: a model checker would
/// otherwise take states for different that behave alike.
impl Hash for FrameRoom {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The same bytes in memory of their own, with exactly so much room behind them.
pub(crate) fn copy_with_room(bytes: &[u8], room: usize) -> BytesMut {
    let mut copy = BytesMut::with_capacity(bytes.len() + room);
    copy.extend_from_slice(bytes);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_follows_what_arrived_and_not_what_is_announced() {
        let mut buffer = BytesMut::new();
        for arrived in [0, 1, 10_000, 300_000, 10_000_000] {
            buffer.resize(arrived, 0);
            make_room(&mut buffer, 4_000_000_000);
            let room = buffer.capacity() - buffer.len();
            assert!(room >= MIN_STEP, "{arrived}");
        }
        let mut buffer = BytesMut::from(&[0; 1_000_000][..]);
        make_room(&mut buffer, 4_000_000_000);
        assert_eq!(buffer.capacity(), 1_000_000 + MAX_STEP);
    }

    #[test]
    fn who_has_sent_a_large_frame_has_room_for_another() {
        let mut room = FrameRoom::default();
        assert_eq!(room.of(10, 1_000_000), MIN_STEP);
        room.handle_frame(1_000_010);
        room.handle_frame(5);
        assert_eq!(room.of(10, 1_000_000), 1_000_000);
        assert_eq!(room.of(10, 1_000_001), MIN_STEP);
    }

    #[test]
    fn the_last_step_is_exact() {
        let mut buffer = BytesMut::from(&[0; 100_000][..]);
        make_room(&mut buffer, 7);
        assert_eq!(buffer.capacity(), 100_007);
    }
}
