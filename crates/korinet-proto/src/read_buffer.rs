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
    let room = needed.min(buffer.len().clamp(MIN_STEP, MAX_STEP));
    if buffer.capacity() - buffer.len() >= room || buffer.try_reclaim(room) {
        return;
    }
    let mut larger = BytesMut::with_capacity(buffer.len() + room);
    larger.extend_from_slice(buffer);
    *buffer = larger;
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
    fn the_last_step_is_exact() {
        let mut buffer = BytesMut::from(&[0; 100_000][..]);
        make_room(&mut buffer, 7);
        assert_eq!(buffer.capacity(), 100_007);
    }
}
