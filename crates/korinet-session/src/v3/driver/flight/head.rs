use std::fmt;

use korinet_wire::v3::{FIRST_SKIPPED_TYPE, Kind, PREFACE, PREFIX_LEN};

const DATA: u64 = 4;
const ACK: u64 = 5;
const PING: u64 = 6;
const PONG: u64 = 7;
const VOLATILE: u64 = 10;

/// No frame of the wire has it (V3-4): the type of what is no frame.
const PREFACE_TYPE: u64 = u64::MAX;

/// The names of the frames, from type 1 on.
const NAMES: [&str; 10] = [
    "HELLO", "WELCOME", "REJECT", "DATA", "ACK", "PING", "PONG", "GOAWAY", "CLOSE", "VOLATILE",
];

/// What a frame says of itself, without what it carries: of DATA and VOLATILE, of ACK, PING and PONG; of the others, that
/// they were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FrameHead {
    ty: u64,
    /// `seq`, `next` or `nonce`.
    number: u64,
    /// Zero where there is none.
    re: u64,
    /// Of the payload; of a frame that is unknown, of its body.
    len: u32,
    kind: u8,
    /// The rest of it counts for nothing, but for the type.
    is_malformed: bool,
}

impl fmt::Display for FrameHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = usize::try_from(self.ty)
            .ok()
            .and_then(|ty| ty.checked_sub(1));
        let name = name.and_then(|index| NAMES.get(index));
        match name {
            Some(name) => f.write_str(name)?,
            None if self.ty == PREFACE_TYPE => return f.write_str("PREFACE"),
            None if self.ty >= FIRST_SKIPPED_TYPE => write!(f, "SKIPPED type={}", self.ty)?,
            None => write!(f, "UNKNOWN type={}", self.ty)?,
        }
        if self.is_malformed {
            return f.write_str(" malformed=true");
        }
        match self.ty {
            DATA => write!(f, " seq={}", self.number)?,
            ACK => write!(f, " next={}", self.number)?,
            PING | PONG => write!(f, " nonce={}", self.number)?,
            _ => {}
        }
        if let (DATA | VOLATILE, Some(kind)) = (self.ty, Kind::from_bits(self.kind)) {
            write!(f, " kind={kind}")?;
        }
        if matches!(self.ty, DATA | VOLATILE) || name.is_none() {
            write!(f, " len={}", self.len)?;
        }
        match self.re {
            0 => Ok(()),
            re => write!(f, " re={re}"),
        }
    }
}

/// The heads of the frames in these bytes, as far as they are whole; the pieces follow each other, and may be cut anywhere.
pub(super) fn heads<'a, I>(pieces: I) -> impl Iterator<Item = FrameHead>
where
    I: IntoIterator<Item = &'a [u8]>,
    I::IntoIter: Clone,
{
    let pieces = pieces.into_iter();
    let mut scanner = Scanner {
        available: pieces.clone().map(<[u8]>::len).sum(),
        piece: &[],
        pieces,
        left: 0,
    };
    std::iter::from_fn(move || scanner.frame())
}

struct Scanner<'a, I> {
    /// What was not looked at: the rest of a piece, and those behind it.
    piece: &'a [u8],
    pieces: I,
    /// How many bytes that is.
    available: usize,
    /// How many of them are the present frame's.
    left: usize,
}

impl<'a, I: Iterator<Item = &'a [u8]>> Scanner<'a, I> {
    fn frame(&mut self) -> Option<FrameHead> {
        let after_prefix = self.available.checked_sub(PREFIX_LEN)?;
        self.left = PREFIX_LEN;
        let prefix = self.array()?;
        if PREFACE.starts_with(&prefix) {
            self.left = PREFACE.len() - PREFIX_LEN;
            if self.left > after_prefix {
                return None;
            }
            self.skip();
            return Some(FrameHead {
                ty: PREFACE_TYPE,
                ..FrameHead::default()
            });
        }
        let len = u32::from_be_bytes(prefix);
        self.left = usize::try_from(len).ok()?;
        if self.left > after_prefix {
            return None;
        }
        let mut head = FrameHead {
            len,
            ..FrameHead::default()
        };
        head.is_malformed = self.read(&mut head).is_none();
        self.skip();
        Some(head)
    }

    /// Reads what the frame says; nothing, where it does not say it.
    fn read(&mut self, head: &mut FrameHead) -> Option<()> {
        // An array of at most 23 elements (V3-4).
        if !(0x80..0x98).contains(&self.byte()?) {
            return None;
        }
        head.ty = self.argument(0x00)?;
        if matches!(head.ty, DATA | ACK | PING | PONG) {
            head.number = self.argument(0x00)?;
        }
        if !matches!(head.ty, DATA | VOLATILE) {
            return Some(());
        }
        head.kind = u8::try_from(self.argument(0x00)?).ok()?;
        let kind = Kind::from_bits(head.kind)?;
        head.len = u32::try_from(self.argument(0x40)?).ok()?;
        let behind = self.left.checked_sub(usize::try_from(head.len).ok()?)?;
        if kind.role.has_re() && head.ty == DATA {
            self.left -= behind;
            self.skip();
            self.left = behind;
            head.re = self.argument(0x00)?;
        }
        Some(())
    }

    /// The argument of an item of CBOR whose first byte has these bits for its major type.
    fn argument(&mut self, bits: u8) -> Option<u64> {
        match self.byte()? ^ bits {
            info @ 0..24 => Some(info.into()),
            24 => self.byte().map(u64::from),
            25 => self.array().map(u16::from_be_bytes).map(u64::from),
            26 => self.array().map(u32::from_be_bytes).map(u64::from),
            27 => self.array().map(u64::from_be_bytes),
            _ => None,
        }
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = self.byte()?;
        }
        Some(bytes)
    }

    /// The next byte of the frame.
    fn byte(&mut self) -> Option<u8> {
        self.left = self.left.checked_sub(1)?;
        while self.piece.is_empty() {
            self.piece = self.pieces.next()?;
        }
        let (&byte, rest) = self.piece.split_first()?;
        self.piece = rest;
        self.available -= 1;
        Some(byte)
    }

    /// Passes over the rest of the frame.
    fn skip(&mut self) {
        self.available -= self.left;
        while self.left > self.piece.len() {
            self.left -= self.piece.len();
            let Some(next) = self.pieces.next() else {
                return;
            };
            self.piece = next;
        }
        self.piece = self.piece.get(self.left..).unwrap_or_default();
        self.left = 0;
    }
}
