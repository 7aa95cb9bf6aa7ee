//! The shape of CBOR (RFC 8949): where an item ends, and whether it is well-formed.
//!
//! A frame's payload is foreign bytes. Before anything recursive sees it, [`item_len`] has checked
//! all of it in one pass with a stack of fixed size.

use core::fmt;

use crate::{DecodeError, DecodeErrorKind};

mod plain;

/// The most levels of nesting that any limit can allow; it sizes the stack of [`item_len`].
pub const MAX_DEPTH: u8 = 128;

const BREAK: u8 = 0xff;

/// The major type of a CBOR item, for error texts and first looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CborType {
    /// Major type 0.
    Unsigned,
    /// Major type 1.
    Negative,
    /// Major type 2.
    Bytes,
    /// Major type 3.
    Text,
    /// Major type 4.
    Array,
    /// Major type 5.
    Map,
    /// Major type 6.
    Tag,
    /// Major type 7: floats, booleans, null, other simple values, the break.
    Simple,
}

impl CborType {
    /// The type of the item that `cbor` starts with; `None` for no bytes.
    #[must_use]
    pub fn of(cbor: &[u8]) -> Option<Self> {
        cbor.first().map(|&byte| Self::of_initial_byte(byte))
    }

    /// The bits of an initial byte that say the type, the others zero.
    pub(crate) const fn initial_bits(self) -> u8 {
        match self {
            Self::Unsigned => 0x00,
            Self::Negative => 0x20,
            Self::Bytes => 0x40,
            Self::Text => 0x60,
            Self::Array => 0x80,
            Self::Map => 0xa0,
            Self::Tag => 0xc0,
            Self::Simple => 0xe0,
        }
    }

    const fn of_initial_byte(byte: u8) -> Self {
        match byte >> 5 {
            0 => Self::Unsigned,
            1 => Self::Negative,
            2 => Self::Bytes,
            3 => Self::Text,
            4 => Self::Array,
            5 => Self::Map,
            6 => Self::Tag,
            _ => Self::Simple,
        }
    }
}

impl fmt::Display for CborType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "an unsigned integer",
            Self::Negative => "a negative integer",
            Self::Bytes => "a byte string",
            Self::Text => "a text string",
            Self::Array => "an array",
            Self::Map => "a map",
            Self::Tag => "a tag",
            Self::Simple => "a float or simple value",
        })
    }
}

/// The length in bytes of the well-formed item that `input` starts with; bytes after it are not
/// looked at.
///
/// Arrays, maps and tags each open a level; a lone integer has depth 0. `max_depth` above
/// [`MAX_DEPTH`] counts as [`MAX_DEPTH`].
///
/// # Errors
///
/// The first defect, with its offset: see [`DecodeErrorKind`].
pub fn item_len(input: &[u8], max_depth: u8) -> Result<usize, DecodeError> {
    let mut reader = Reader::new(input);
    reader.skip_item(max_depth)?;
    Ok(reader.at)
}

/// The first bytes of an item, taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) ty: CborType,
    /// The argument; `None` where the length is indefinite, or for the break.
    pub(crate) arg: Option<u64>,
}

impl Head {
    pub(crate) const fn is_break(self) -> bool {
        matches!(self.ty, CborType::Simple) && self.arg.is_none()
    }
}

/// A position in bytes that shall be CBOR.
#[derive(Clone)]
pub(crate) struct Reader<'a> {
    input: &'a [u8],
    pub(crate) at: usize,
}

/// What is still to come at one level of nesting.
#[derive(Clone, Copy)]
enum Open {
    /// So many items.
    Items(u64),
    /// Items up to a break.
    Indefinite,
    /// Pairs up to a break; a key is next.
    IndefiniteKey,
    /// Pairs up to a break; a value is next.
    IndefiniteValue,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0 }
    }

    fn error<T>(at: usize, kind: DecodeErrorKind) -> Result<T, DecodeError> {
        Err(DecodeError { kind, at })
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// The bytes from `start` up to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn take(&mut self, len: u64) -> Result<&'a [u8], DecodeError> {
        let taken = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest().get(..len));
        match taken {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Self::error(self.input.len(), DecodeErrorKind::UnexpectedEnd),
        }
    }

    #[inline]
    pub(crate) fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest().first_chunk::<N>() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => Self::error(self.input.len(), DecodeErrorKind::UnexpectedEnd),
        }
    }

    /// The argument of a head of this type in its shortest form, if that is next: what honest peers send, without what
    /// it takes to say what is wrong with anything else.
    // A call of its own, three times for each message, would take as long again as what it does.
    #[inline(always)]
    pub(crate) fn shortest_head(&mut self, ty: CborType) -> Option<u64> {
        let rest = self.input.get(self.at..)?;
        let (&initial, rest) = rest.split_first()?;
        let (argument, len, least) = match initial ^ ty.initial_bits() {
            info @ 0..24 => (u64::from(info), 1, 0),
            24 => (u64::from(*rest.first()?), 2, 24),
            25 => (u16::from_be_bytes(*rest.first_chunk()?).into(), 3, 1 << 8),
            26 => (u32::from_be_bytes(*rest.first_chunk()?).into(), 5, 1 << 16),
            27 => (u64::from_be_bytes(*rest.first_chunk()?), 9, 1 << 32),
            _ => return None,
        };
        if argument < least {
            return None;
        }
        self.at += len;
        Some(argument)
    }

    pub(crate) fn head(&mut self) -> Result<Head, DecodeError> {
        let at = self.at;
        let [initial] = self.take_array()?;
        let ty = CborType::of_initial_byte(initial);
        let arg = match initial & 0x1f {
            info @ 0..24 => u64::from(info),
            24 => {
                let [value] = self.take_array()?;
                if ty == CborType::Simple && value < 32 {
                    return Self::error(at, DecodeErrorKind::InvalidSimple);
                }
                u64::from(value)
            }
            25 => u64::from(u16::from_be_bytes(self.take_array()?)),
            26 => u64::from(u32::from_be_bytes(self.take_array()?)),
            27 => u64::from_be_bytes(self.take_array()?),
            31 if !matches!(ty, CborType::Unsigned | CborType::Negative | CborType::Tag) => {
                return Ok(Head { ty, arg: None });
            }
            _ => return Self::error(at, DecodeErrorKind::ReservedInitialByte(initial)),
        };
        Ok(Head { ty, arg: Some(arg) })
    }

    /// Whether a break is next.
    pub(crate) fn is_at_break(&self) -> bool {
        self.rest().first() == Some(&BREAK)
    }

    /// Reads over a break, if one is next.
    pub(crate) fn take_break(&mut self) -> bool {
        let found = self.is_at_break();
        self.at += usize::from(found);
        found
    }

    /// Reads over one item of any shape and checks it.
    #[inline]
    pub(crate) fn skip_item(&mut self, max_depth: u8) -> Result<(), DecodeError> {
        // What honest peers send, without what it takes to say what is wrong with anything else.
        if let Some(len) = plain::item_len(self.rest(), max_depth.min(MAX_DEPTH)) {
            self.at += len;
            return Ok(());
        }
        self.skip_any_item(max_depth)
    }

    fn skip_any_item(&mut self, max_depth: u8) -> Result<(), DecodeError> {
        let at = self.at;
        let head = self.head()?;
        if head.is_break() {
            return Self::error(at, DecodeErrorKind::UnexpectedBreak);
        }
        match self.skip_content(head)? {
            None => Ok(()),
            Some(_) if max_depth == 0 => Self::error(at, DecodeErrorKind::TooDeep { max: 0 }),
            Some(level) => self.skip_level(level, max_depth.min(MAX_DEPTH)),
        }
    }

    /// Reads to the end of `level`, the outermost one.
    fn skip_level(&mut self, level: Open, max_depth: u8) -> Result<(), DecodeError> {
        let start = self.at;
        // Nearly everything is flat, and memory for many levels takes longer to prepare than that to read.
        if self.skip_levels::<8>(level, max_depth)? {
            return Ok(());
        }
        self.at = start;
        self.skip_levels::<128>(level, max_depth).map(drop)
    }

    /// The same with room for this many levels around the one being read; false if there are more.
    fn skip_levels<const N: usize>(
        &mut self,
        mut level: Open,
        max_depth: u8,
    ) -> Result<bool, DecodeError> {
        let mut levels = [Open::Items(0); N];
        let mut depth = 0_u8;
        loop {
            while let Open::Items(0) = level {
                let Some(up) = depth.checked_sub(1) else {
                    return Ok(true);
                };
                depth = up;
                level = levels
                    .get(usize::from(depth))
                    .copied()
                    .unwrap_or(Open::Items(0));
            }
            let at = self.at;
            let head = self.head()?;
            if head.is_break() {
                level = match level {
                    Open::Indefinite | Open::IndefiniteKey => Open::Items(0),
                    Open::IndefiniteValue => return Self::error(at, DecodeErrorKind::OddMap),
                    Open::Items(_) => return Self::error(at, DecodeErrorKind::UnexpectedBreak),
                };
                continue;
            }
            level = match level {
                Open::Items(n) => Open::Items(n.saturating_sub(1)),
                Open::Indefinite => Open::Indefinite,
                Open::IndefiniteKey => Open::IndefiniteValue,
                Open::IndefiniteValue => Open::IndefiniteKey,
            };
            if let Some(inner) = self.skip_content(head)? {
                match levels.get_mut(usize::from(depth)) {
                    _ if depth + 1 >= max_depth => {
                        return Self::error(at, DecodeErrorKind::TooDeep { max: max_depth });
                    }
                    Some(slot) => *slot = level,
                    None => return Ok(false),
                }
                depth += 1;
                level = inner;
            }
        }
    }

    /// Reads what belongs to `head` itself; the level that it opens, if it opens one.
    fn skip_content(&mut self, head: Head) -> Result<Option<Open>, DecodeError> {
        Ok(match (head.ty, head.arg) {
            (CborType::Unsigned | CborType::Negative | CborType::Simple, _) => None,
            (CborType::Bytes | CborType::Text, _) => {
                self.skip_string(head)?;
                None
            }
            (CborType::Array, None) => Some(Open::Indefinite),
            (CborType::Array, Some(items)) => Some(Open::Items(self.plausible(items)?)),
            (CborType::Map, None) => Some(Open::IndefiniteKey),
            (CborType::Map, Some(pairs)) => {
                Some(Open::Items(self.plausible(pairs.saturating_mul(2))?))
            }
            (CborType::Tag, _) => Some(Open::Items(1)),
        })
    }

    /// An item takes at least one byte, so a count above the rest of the input is found out at once.
    fn plausible(&self, items: u64) -> Result<u64, DecodeError> {
        match usize::try_from(items) {
            Ok(n) if n <= self.rest().len() => Ok(items),
            _ => Self::error(self.input.len(), DecodeErrorKind::UnexpectedEnd),
        }
    }

    fn skip_string(&mut self, head: Head) -> Result<(), DecodeError> {
        if let Some(len) = head.arg {
            return self.skip_chunk(head.ty, len);
        }
        loop {
            let at = self.at;
            let chunk = self.head()?;
            match chunk.arg {
                _ if chunk.is_break() => return Ok(()),
                Some(len) if chunk.ty == head.ty => self.skip_chunk(head.ty, len)?,
                _ => return Self::error(at, DecodeErrorKind::InvalidChunk),
            }
        }
    }

    fn skip_chunk(&mut self, ty: CborType, len: u64) -> Result<(), DecodeError> {
        let at = self.at;
        let bytes = self.take(len)?;
        if ty != CborType::Text {
            return Ok(());
        }
        core::str::from_utf8(bytes)
            .map(drop)
            .or_else(|error| Self::error(at + error.valid_up_to(), DecodeErrorKind::InvalidUtf8))
    }
}

/// Whether `item`, a well-formed item, is the text string `text`, whole or in chunks.
pub(crate) fn is_text(item: &[u8], mut text: &[u8]) -> bool {
    let mut reader = Reader::new(item);
    let Ok(head) = reader.head() else {
        return false;
    };
    if head.ty != CborType::Text {
        return false;
    }
    if let Some(len) = head.arg {
        return reader.take(len).is_ok_and(|bytes| bytes == text);
    }
    while let Ok(Head { arg: Some(len), .. }) = reader.head() {
        let Some(rest) = reader
            .take(len)
            .ok()
            .and_then(|bytes| text.strip_prefix(bytes))
        else {
            return false;
        };
        text = rest;
    }
    text.is_empty()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[track_caller]
    fn check(input: &[u8], max_depth: u8, expect: Result<usize, (DecodeErrorKind, usize)>) {
        let found = item_len(input, max_depth).map_err(|error| (error.kind, error.at));
        assert_eq!(found, expect, "{input:02x?}");
    }

    #[test]
    fn well_formed_items_are_measured() {
        for item in [
            &b"\x00"[..],
            b"\x18\xff",
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x42\x01\x02",
            b"\x5f\x41\x01\x40\x41\x02\xff",
            b"\x63\xe2\x82\xac",
            b"\x7f\x61a\x60\xff",
            b"\x80",
            b"\x83\x01\x02\x03",
            b"\x9f\x01\x80\xff",
            b"\xa1\x01\x02",
            b"\xbf\x01\x02\xff",
            b"\xc2\x41\x01",
            b"\xf4",
            b"\xf7",
            b"\xf8\x20",
            b"\xf9\x7e\x00",
            b"\xfb\x7f\xf8\0\0\0\0\0\x01",
        ] {
            check(item, 4, Ok(item.len()));
            let mut longer = item.to_vec();
            longer.push(0xff);
            check(&longer, 4, Ok(item.len()));
            for len in 0..item.len() {
                let error = item_len(&item[..len], 4).unwrap_err();
                assert_eq!(
                    error.kind,
                    DecodeErrorKind::UnexpectedEnd,
                    "{item:02x?} {len}"
                );
            }
        }
    }

    #[test]
    fn defects_are_named_with_their_place() {
        use DecodeErrorKind as Kind;
        check(b"\x1c", 4, Err((Kind::ReservedInitialByte(0x1c), 0)));
        check(
            b"\x82\x01\x1f",
            4,
            Err((Kind::ReservedInitialByte(0x1f), 2)),
        );
        check(b"\xdf\x01", 4, Err((Kind::ReservedInitialByte(0xdf), 0)));
        check(b"\xff", 4, Err((Kind::UnexpectedBreak, 0)));
        check(b"\x82\x01\xff", 4, Err((Kind::UnexpectedBreak, 2)));
        check(b"\xc1\xff", 4, Err((Kind::UnexpectedBreak, 1)));
        check(b"\xbf\x01\xff", 4, Err((Kind::OddMap, 2)));
        check(b"\x5f\x61a\xff", 4, Err((Kind::InvalidChunk, 1)));
        check(b"\x5f\x5f\xff\xff", 4, Err((Kind::InvalidChunk, 1)));
        check(b"\xf8\x1f", 4, Err((Kind::InvalidSimple, 0)));
        check(b"\x62a\xff", 4, Err((Kind::InvalidUtf8, 2)));
        // A character cut in two by a chunk boundary: each chunk is a text of its own.
        check(b"\x7f\x61\xc3\x61\xa4\xff", 4, Err((Kind::InvalidUtf8, 2)));
    }

    #[test]
    fn counts_beyond_the_input_end_at_once() {
        for bomb in [
            &b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xbb\x80\0\0\0\0\0\0\x01\x01",
            b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        ] {
            check(bomb, 4, Err((DecodeErrorKind::UnexpectedEnd, bomb.len())));
        }
    }

    #[test]
    fn depth_is_limited_for_every_kind_of_nesting() {
        for (open, close) in [
            (&b"\x81"[..], &b""[..]),
            (b"\x9f", b"\xff"),
            (b"\xa1\x00", b""),
            (b"\xbf\x00", b"\xff"),
            (b"\xc1", b""),
        ] {
            for max in [1, 63, MAX_DEPTH] {
                for (levels, fits) in [(max - 1, true), (max, true), (max + 1, false)] {
                    let mut item = open.repeat(usize::from(levels));
                    item.push(0x00);
                    item.extend(close.repeat(usize::from(levels)));
                    match item_len(&item, max) {
                        Ok(len) => assert!(fits && len == item.len()),
                        Err(error) => {
                            assert!(!fits);
                            assert_eq!(error.kind, DecodeErrorKind::TooDeep { max });
                            assert_eq!(error.at, open.len() * usize::from(max));
                        }
                    }
                }
            }
        }
        let bomb = [0x81].repeat(1 << 20);
        check(
            &bomb,
            u8::MAX,
            Err((DecodeErrorKind::TooDeep { max: MAX_DEPTH }, 128)),
        );
    }

    #[test]
    fn text_is_recognised_in_chunks() {
        assert!(is_text(b"\x64data", b"data"));
        assert!(is_text(b"\x7f\x61d\x60\x63ata\xff", b"data"));
        assert!(is_text(b"\x7f\xff", b""));
        for other in [
            &b"\x63dat"[..],
            b"\x44data",
            b"\x7f\x64data\x61x\xff",
            b"\x01",
        ] {
            assert!(!is_text(other, b"data"), "{other:02x?}");
        }
        let spelled: Vec<u8> = b"\x7f\x62da\x62tb\xff".to_vec();
        assert!(!is_text(&spelled, b"data"));
    }
}
