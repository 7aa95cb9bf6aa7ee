//! From segments to what one end of a connection sent: in order, each byte once.

use std::collections::BTreeMap;

/// The most that waits for a segment before it, in bytes; then that segment counts as missing in the capture.
const MAX_WAITING: usize = 1024 * 1024;

/// The most segments that wait.
const MAX_SEGMENTS: usize = 1024;

/// What comes out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Bytes(&'a [u8]),
    /// So many bytes are not in the capture.
    Missing(u64),
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    /// The number of the next byte, once one is known.
    next: Option<u32>,
    /// Segments that came before their time, by how far they are after `origin`, which does not start again from zero.
    waiting: BTreeMap<u64, Vec<u8>>,
    /// Where `next` is on that scale.
    at: u64,
    len: usize,
}

impl Reassembly {
    /// The connection begins: the first byte follows this number.
    pub(super) fn begin(&mut self, syn: u32) {
        self.next.get_or_insert_with(|| syn.wrapping_add(1));
    }

    /// Whether it is known where the next byte is.
    pub(super) const fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Takes a segment; the pieces that are next come out of `take`, in order.
    pub(super) fn put<E>(
        &mut self,
        number: u32,
        payload: &[u8],
        take: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if payload.is_empty() {
            return Ok(());
        }
        let next = *self.next.get_or_insert(number);
        let Some(start) = self.place(number.wrapping_sub(next)) else {
            // It came before; of a part of it there may be more than before.
            let before = usize::try_from(next.wrapping_sub(number)).unwrap_or(usize::MAX);
            return match payload.get(before..) {
                Some(rest) if !rest.is_empty() => self.put(next, rest, take),
                _ => Ok(()),
            };
        };
        if start == self.at && self.waiting.is_empty() {
            self.advance(payload.len());
            return take(Piece::Bytes(payload));
        }
        let known = self.waiting.get(&start).map_or(0, Vec::len);
        if payload.len() > known {
            self.len = self.len - known + payload.len();
            self.waiting.insert(start, payload.to_vec());
        }
        self.drain(take)?;
        if self.len > MAX_WAITING || self.waiting.len() > MAX_SEGMENTS {
            self.give_up(take)?;
        }
        Ok(())
    }

    /// Nothing comes any more: what waits for what is missing comes out.
    pub(super) fn end<E>(
        &mut self,
        take: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while !self.waiting.is_empty() {
            self.give_up(take)?;
        }
        Ok(())
    }

    /// Where a segment is, so far from `next`; `None` before it. Half of all numbers are before.
    fn place(&self, distance: u32) -> Option<u64> {
        (distance < 1 << 31).then(|| self.at + u64::from(distance))
    }

    fn advance(&mut self, len: usize) {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.at += len;
        // The number starts again from zero where the scale does not.
        let low = u32::try_from(len & u64::from(u32::MAX)).unwrap_or_default();
        self.next = self.next.map(|next| next.wrapping_add(low));
    }

    /// What is next of the waiting.
    fn drain<E>(&mut self, take: &mut impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        while let Some(entry) = self.waiting.first_entry() {
            let start = *entry.key();
            if start > self.at {
                break;
            }
            let payload = entry.remove();
            self.len -= payload.len();
            let before = usize::try_from(self.at - start).unwrap_or(usize::MAX);
            if let Some(rest) = payload.get(before..).filter(|rest| !rest.is_empty()) {
                self.advance(rest.len());
                take(Piece::Bytes(rest))?;
            }
        }
        Ok(())
    }

    /// Goes on at the first segment that waits.
    fn give_up<E>(&mut self, take: &mut impl FnMut(Piece<'_>) -> Result<(), E>) -> Result<(), E> {
        let Some((&start, _)) = self.waiting.first_key_value() else {
            return Ok(());
        };
        let missing = start.saturating_sub(self.at);
        if missing > 0 {
            self.advance(usize::try_from(missing).unwrap_or(usize::MAX));
            take(Piece::Missing(missing))?;
        }
        self.drain(take)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    /// What comes out of these segments, with `[n]` for n bytes that are missing.
    fn read(begin: Option<u32>, segments: &[(u32, &[u8])]) -> String {
        let mut text = String::new();
        let mut reassembly = Reassembly::default();
        let mut take = |piece: Piece<'_>| {
            match piece {
                Piece::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
                Piece::Missing(count) => text.push_str(&format!("[{count}]")),
            }
            Ok::<_, Infallible>(())
        };
        if let Some(syn) = begin {
            reassembly.begin(syn);
        }
        for (number, payload) in segments {
            let Ok(()) = reassembly.put(*number, payload, &mut take);
        }
        let Ok(()) = reassembly.end(&mut take);
        text
    }

    #[test]
    fn segments_come_out_in_order_and_once() {
        let parts: [(u32, &[u8]); 4] = [(1, b"ab"), (3, b"cd"), (5, b"ef"), (7, b"gh")];
        assert_eq!(read(Some(0), &parts), "abcdefgh");
        for order in [[3, 2, 1, 0], [1, 0, 3, 2], [0, 3, 1, 2], [2, 0, 3, 1]] {
            let shuffled = order.map(|index: usize| parts[index]);
            assert_eq!(read(Some(0), &shuffled), "abcdefgh", "{order:?}");
        }
    }

    #[test]
    fn what_comes_again_is_left_out() {
        assert_eq!(
            read(Some(0), &[(1, b"abc"), (1, b"abc"), (4, b"d")]),
            "abcd"
        );
        // With more than before, and in one piece that was in two.
        assert_eq!(read(Some(0), &[(1, b"abc"), (2, b"bcd")]), "abcd");
        assert_eq!(
            read(Some(0), &[(3, b"c"), (3, b"cd"), (1, b"abcde")]),
            "abcde"
        );
        assert_eq!(
            read(Some(0), &[(3, b"cd"), (1, b"ab"), (1, b"abcd")]),
            "abcd"
        );
    }

    #[test]
    fn numbers_start_again_from_zero() {
        let last = u32::MAX;
        assert_eq!(
            read(Some(last - 2), &[(last - 1, b"abcd"), (2, b"ef")]),
            "abcdef"
        );
        assert_eq!(
            read(Some(last - 2), &[(2, b"ef"), (last - 1, b"abcd")]),
            "abcdef"
        );
        assert_eq!(
            read(Some(last), &[(0, b"ab"), (last, b"xab"), (2, b"c")]),
            "abc"
        );
    }

    #[test]
    fn a_capture_that_begins_in_the_middle_begins_with_what_it_has() {
        assert_eq!(
            read(None, &[(500, b"ab"), (502, b"cd"), (400, b"before")]),
            "abcd"
        );
    }

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(
            read(Some(0), &[(1, b"ab"), (6, b"fg"), (8, b"h")]),
            "ab[3]fgh"
        );
        assert_eq!(read(Some(0), &[(11, b"ab"), (21, b"cd")]), "[10]ab[8]cd");
    }

    #[test]
    fn not_much_waits() {
        let mut reassembly = Reassembly::default();
        reassembly.begin(0);
        let (mut missing, mut bytes) = (0, 0);
        let part = [0; 1000];
        // The first byte never comes.
        for number in (0..5000).map(|index| 2 + index * 1000) {
            let Ok(()) = reassembly.put(number, &part, &mut |piece| {
                match piece {
                    Piece::Missing(count) => missing += count,
                    Piece::Bytes(part) => bytes += part.len(),
                }
                Ok::<_, Infallible>(())
            });
            assert!(reassembly.len <= MAX_WAITING + part.len());
        }
        assert_eq!((missing, bytes), (1, 5_000_000));
    }
}
