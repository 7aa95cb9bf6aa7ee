//! DATA frames that are alike but for number and content.

use super::data::SEQ_AT;
use super::{Data, PREFIX_LEN, Seq};
use crate::small::head_len;

/// The DATA frames behind one of them that are of its kind and size, numbered on, without `re` and digest.
///
/// What such a frame begins with is known before it comes, so one comparison does what decoding does, and
/// two words written what encoding does: the header prediction that TCP has (RFC 1323, 4.2.4), for messages.
///
/// ```
/// use korinet_wire::v3::{Data, DataSeries, Frame, Kind, Seq};
///
/// let data = |number, payload| Data {
///     seq: Seq::new(number).unwrap(),
///     kind: Kind::RAW,
///     payload,
///     re: None,
///     digest: None,
/// };
/// let series = DataSeries::after(&data(100, b"20.5")).unwrap();
/// let mut bytes = vec![];
/// for next in [data(101, b"20.6"), data(102, b"20.9"), data(103, b"21.05")] {
///     let frame = Frame::from(next);
///     let mut encoded = vec![0; frame.encoded_len()];
///     frame.encode(&mut encoded[..]).unwrap();
///     bytes.extend(encoded);
/// }
/// assert_eq!(series.count_in(&bytes, usize::MAX), 2);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DataSeries {
    prefix: [u8; PREFIX_LEN],
    /// What the next body begins with, and zeros.
    head: u128,
    /// The bits of it that the head has.
    mask: u128,
    /// What makes of one head the next.
    step: u128,
    /// How many numbers are encoded as the next one is.
    left: u64,
    /// The bytes of a frame before its payload.
    head_len: usize,
    frame_len: usize,
}

/// The bytes of a body of which one comparison tells the head.
const HEAD: usize = size_of::<u128>();

impl DataSeries {
    /// What the memory for a frame has to have beyond it, in bytes.
    pub const SLACK: usize = HEAD;

    /// Those behind this one; `None` where they cannot be told by their beginning, since it is longer than 20 bytes, or this
    /// one has `re` or a digest, a number below 24, or the last that is encoded in as few bytes. As with
    /// [`head`](Data::head), that this one is legal is not checked here.
    #[inline]
    #[must_use]
    pub fn after(data: &Data<'_>) -> Option<Self> {
        let seq = data.seq.next()?;
        let seq_len = head_len(seq.get());
        if data.re.is_some() || data.digest.is_some() || head_len(data.seq.get()) != seq_len {
            return None;
        }
        let last = match seq_len {
            2 => u8::MAX.into(),
            3 => u16::MAX.into(),
            5 => u32::MAX.into(),
            9 => Seq::LAST.get(),
            _ => return None,
        };
        let next = Data { seq, ..*data };
        let head = next.head();
        let (prefix, head) = head.as_bytes().split_first_chunk()?;
        let mut bytes = [0; HEAD];
        bytes.get_mut(..head.len())?.copy_from_slice(head);
        let bits_behind = |len| Some(u32::try_from(HEAD.checked_sub(len)?).ok()? * u8::BITS);
        Some(Self {
            prefix: *prefix,
            head: u128::from_be_bytes(bytes),
            mask: u128::MAX.checked_shl(bits_behind(head.len())?)?,
            step: 1_u128.checked_shl(bits_behind(SEQ_AT + seq_len)?)?,
            left: last.checked_sub(seq.get())?.checked_add(1)?,
            head_len: PREFIX_LEN + head.len(),
            frame_len: PREFIX_LEN + head.len() + data.payload.len(),
        })
    }

    /// The bytes of each frame.
    #[inline]
    #[must_use]
    pub const fn frame_len(&self) -> usize {
        self.frame_len
    }

    /// How many of them there are.
    #[inline]
    #[must_use]
    pub fn count(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    /// Writes the next one, with this payload, to the beginning of `room`, and goes on to the one after it.
    ///
    /// `None`: there is none, the payload is of another size, or `room` has less than [`frame_len`](Self::frame_len) and
    /// [`SLACK`](Self::SLACK) bytes. The slack has any content after it, and in that case so has all of `room`.
    #[inline]
    pub fn write_next(&mut self, room: &mut [u8], payload: &[u8]) -> Option<()> {
        let left = self.left.checked_sub(1)?;
        let (prefix, body) = room.split_first_chunk_mut()?;
        *prefix = self.prefix;
        *body.first_chunk_mut()? = self.head.to_be_bytes();
        let place = room.get_mut(self.head_len..self.frame_len)?;
        if place.len() != payload.len() {
            return None;
        }
        place.copy_from_slice(payload);
        self.head = self.head.wrapping_add(self.step);
        self.left = left;
        Some(())
    }

    /// How many of them, whole and one after the other, `bytes` begins with, but not more than `most`.
    ///
    /// One too few, where another 16 bytes do not follow the last one's prefix: that it is one is not known then.
    #[inline]
    #[must_use]
    pub fn count_in(&self, bytes: &[u8], most: usize) -> usize {
        let most = most.min(self.count());
        let (mut head, mut count, mut rest) = (self.head, 0, bytes);
        while count < most
            && let Some((_, behind)) = rest.split_at_checked(self.frame_len)
            && let Some((prefix, body)) = rest.split_first_chunk()
            && let Some(body) = body.first_chunk()
            && *prefix == self.prefix
            && (u128::from_be_bytes(*body) ^ head) & self.mask == 0
        {
            count += 1;
            head = head.wrapping_add(self.step);
            rest = behind;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;
    use crate::v3::{Frame, Kind, Role};

    fn data(number: u64, payload: &[u8]) -> Data<'_> {
        Data {
            seq: Seq::new(number).unwrap(),
            kind: Kind::RAW,
            payload,
            re: None,
            digest: None,
        }
    }

    fn encoded(data: Data<'_>) -> Vec<u8> {
        let frame = Frame::from(data);
        let mut bytes = vec![0; frame.encoded_len()];
        frame.encode(&mut bytes[..]).unwrap();
        bytes
    }

    /// A series ends where its numbers get longer, and what is counted is what would be decoded.
    #[test]
    fn it_goes_on_until_the_numbers_are_longer() {
        for (first, expect) in [
            (1, None),
            (22, None),
            (23, None),
            (24, Some(9)),
            (250, Some(5)),
            (254, Some(1)),
            (255, None),
            (65_530, Some(5)),
            (65_535, None),
            ((1 << 32) - 4, Some(3)),
            ((1 << 32) - 1, None),
            (Seq::LAST.get() - 3, Some(3)),
            (Seq::LAST.get(), None),
        ] {
            let numbers = (first + 1..=Seq::LAST.get()).take(9);
            let bytes: Vec<u8> = numbers
                .flat_map(|number| encoded(data(number, b"payload")))
                .collect();
            let bytes = [&bytes[..], &[0; 20]].concat();
            let count = |series: DataSeries| series.count_in(&bytes, usize::MAX);
            let found = DataSeries::after(&data(first, b"another")).map(count);
            assert_eq!(found, expect, "behind {first}");
        }
    }

    /// Whatever differs ends it, in each byte of the beginning.
    #[test]
    fn what_differs_is_not_of_it() {
        for len in [0, 1, 7, 23, 24, 255, 256, 65_535, 65_536] {
            let payload = vec![7; len];
            let series = DataSeries::after(&data(1000, &payload)).unwrap();
            let head_len = series.frame_len() - len;
            let mut bytes = [encoded(data(1001, &payload)), encoded(data(1002, &payload))].concat();
            bytes.extend([0; 20]);
            assert_eq!(series.count_in(&bytes, usize::MAX), 2);
            assert_eq!(series.count_in(&bytes, 1), 1);
            let whole = series.frame_len();
            assert_eq!(series.count_in(&bytes[..whole - 1], usize::MAX), 0);
            for at in 0..head_len {
                for bit in 0..u8::BITS {
                    bytes[whole + at] ^= 1 << bit;
                    assert_eq!(series.count_in(&bytes, usize::MAX), 1, "byte {at}");
                    bytes[whole + at] ^= 1 << bit;
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_what_would_be_encoded() {
        for (first, len) in [
            (24, 0),
            (24, 1),
            (250, 5),
            (65_530, 64),
            ((1 << 32) - 4, 300),
            (1 << 40, 23),
        ] {
            let payload = |number: u64| vec![number.to_be_bytes()[7]; len];
            let mut series = DataSeries::after(&data(first, &payload(first))).unwrap();
            for number in (first + 1..).take(series.count().min(9)) {
                let expect = encoded(data(number, &payload(number)));
                assert_eq!(expect.len(), series.frame_len());
                let mut room = vec![0xee; series.frame_len() + DataSeries::SLACK];
                let other = vec![0; len + 1];
                assert_eq!(series.write_next(&mut room, &other), None);
                assert_eq!(
                    series.write_next(&mut room[..len + 3], &payload(number)),
                    None
                );
                series.write_next(&mut room, &payload(number)).unwrap();
                assert_eq!(room[..series.frame_len()], expect);
            }
            let mut room = vec![0; series.frame_len() + DataSeries::SLACK];
            let is_one_left = series.count() > 0;
            let written = series.write_next(&mut room, &payload(0));
            assert_eq!(written.is_some(), is_one_left);
        }
    }

    #[test]
    fn what_has_more_than_a_payload_has_none() {
        let plain = data(1000, b"x");
        let kind = Kind::of(Role::Item);
        let (re, digest) = (Some(Seq::FIRST), Some(crate::v3::Digest::ZERO));
        assert!(DataSeries::after(&Data { re, kind, ..plain }).is_none());
        assert!(DataSeries::after(&Data { digest, ..plain }).is_none());
        // A beginning of more than 20 bytes.
        let payload = vec![0; 65_536];
        assert!(DataSeries::after(&data(1 << 32, &payload)).is_none());
    }
}
