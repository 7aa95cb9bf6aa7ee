//! The ordinary item, read over in one pass that remembers nothing but how many items are still to come.

/// The length of the item that `input` starts with, if it is well-formed, its lengths are all definite, and it has at
/// most `max_depth` arrays, maps and tags, so that it is not nested more deeply, either. Of anything else nothing is
/// said: [`Reader::skip_item`](super::Reader::skip_item) finds out what it is.
#[inline]
pub(super) fn item_len(input: &[u8], max_depth: u8) -> Option<usize> {
    let mut at = 0_usize;
    let mut to_come = 1_u64;
    let mut levels = max_depth;
    while to_come > 0 {
        to_come -= 1;
        let rest = input.get(at..)?;
        let (&initial, rest) = rest.split_first()?;
        let (argument, len) = match initial & 0x1f {
            info @ 0..24 => (u64::from(info), 0),
            24 => (u64::from(*rest.first()?), 1),
            25 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 2),
            26 => (u32::from_be_bytes(*rest.first_chunk()?).into(), 4),
            27 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
            _ => return None,
        };
        let rest = rest.get(len..)?;
        at += 1 + len;
        let inner = match initial >> 5 {
            0 | 1 => continue,
            2 => {
                at += rest.get(..usize::try_from(argument).ok()?)?.len();
                continue;
            }
            3 => {
                let text = rest.get(..usize::try_from(argument).ok()?)?;
                core::str::from_utf8(text).ok()?;
                at += text.len();
                continue;
            }
            4 => argument,
            5 => argument.checked_mul(2)?,
            6 => 1,
            // A simple value has one way to be written.
            _ if len == 1 && argument < 32 => return None,
            _ => continue,
        };
        levels = levels.checked_sub(1)?;
        // An item takes at least one byte, so a count above the rest is found out at once.
        if usize::try_from(inner).ok()? > rest.len() {
            return None;
        }
        to_come += inner;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::super::{MAX_DEPTH, Reader};

    /// As a generator of numbers does it that needs no more than to be the same each time.
    fn next(state: &mut u64) -> u64 {
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        *state >> 33
    }

    /// Bytes that are CBOR more often than any bytes are.
    fn nearly_an_item(state: &mut u64) -> Vec<u8> {
        let len = 1 + next(state) % 24;
        (0..len)
            .map(|_| {
                let [.., byte] = next(state).to_be_bytes();
                match next(state) % 4 {
                    0 => byte,
                    1 => byte & 0b1110_0011,
                    2 => byte & 0b0001_1111,
                    _ => 0x60 | (byte & 1),
                }
            })
            .collect()
    }

    #[test]
    fn what_is_plain_is_what_the_whole_check_says() {
        let seed = 7;
        let mut state = seed;
        let (mut plain, mut other, mut defective) = (0, 0, 0);
        for round in 0..400_000 {
            let input = nearly_an_item(&mut state);
            for max_depth in [0, 1, 3, MAX_DEPTH] {
                let mut reader = Reader::new(&input);
                let whole = reader.skip_any_item(max_depth).map(|()| reader.at);
                match (super::item_len(&input, max_depth), whole) {
                    (Some(len), whole) => {
                        assert_eq!(Ok(len), whole, "seed {seed}, {round}: {input:02x?}");
                        plain += 1;
                    }
                    (None, Ok(_)) => other += 1,
                    (None, Err(_)) => defective += 1,
                }
            }
        }
        let counts = [plain, other, defective];
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }

    #[test]
    fn ordinary_messages_are_plain() {
        for item in [
            &b"\x00"[..],
            b"\x83\x01\x42\x01\x02\x63\xe2\x82\xac",
            b"\xa2\x61a\xfb\x7f\xf8\0\0\0\0\0\x01\x61b\x82\xf5\xf6",
            b"\xc2\x41\x01",
        ] {
            assert_eq!(super::item_len(item, 63), Some(item.len()), "{item:02x?}");
        }
        assert_eq!(super::item_len(b"\x9f\xff", 63), None);
        assert_eq!(super::item_len(b"\x81\x81\x00", 1), None);
    }
}
