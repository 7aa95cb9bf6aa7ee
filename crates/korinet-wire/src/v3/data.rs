use core::fmt;

use minicbor::encode::Write;

use super::ack::write_digest;
use super::output::{Output, Written};
use super::value::{Elements, Value};
use super::{Digest, FieldError, Kind, PREFIX_LEN, Seq};
use crate::DecodeError;
use crate::cbor::{CborType, Reader};
use crate::small::{Small, head_len};

/// The type of DATA, below 24 like all known ones, so that it is one byte.
pub(super) const DATA_TYPE: u8 = 4;

/// Where that begins in a body what the digest covers: after the array's head and the type, which
/// are one byte each.
pub(super) const COVERED_FROM: usize = 2;

/// The head of a digest: a byte string of 4 bytes.
pub(super) const DIGEST_HEAD: u8 = CborType::Bytes.initial_bits() | 4;

/// DATA: a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// Its number, at most [`Seq::LAST`].
    pub seq: Seq,
    /// What it is.
    pub kind: Kind,
    /// Its content: one CBOR item, or any bytes if the kind says raw; not looked at here (V3-23).
    pub payload: &'a [u8],
    /// The message that this one answers or continues; there exactly where the role has one.
    pub re: Option<Seq>,
    /// The digest after this message, with the feature checksum (V3-27).
    pub digest: Option<Digest>,
}

impl Data<'_> {
    /// All that stands before the payload: prefix, array head, type, seq, kind, the payload's head.
    ///
    /// With the payload and [`tail`](Self::tail) after it this is the frame, without a copy of the
    /// payload. Of the digest it matters only whether there is one, not its value. That the frame is
    /// legal is not checked here, as [`Frame::encode`](super::Frame::encode) does.
    #[inline]
    #[must_use]
    pub fn head(&self) -> DataHead {
        let elements = 4 + u8::from(self.re.is_some()) + u8::from(self.digest.is_some());
        let mut bytes = Small::new();
        bytes.push(
            u32::try_from(self.body_len())
                .unwrap_or(u32::MAX)
                .to_be_bytes(),
        );
        bytes.push([CborType::Array.initial_bits() | elements, DATA_TYPE]);
        bytes.push_head(CborType::Unsigned, self.seq.get());
        bytes.push_head(CborType::Unsigned, u64::from(self.kind.bits()));
        bytes.push_len(CborType::Bytes, self.payload.len());
        DataHead(bytes)
    }

    /// What follows the payload: `re`, then the digest, as far as they are there.
    #[inline]
    #[must_use]
    pub fn tail(&self) -> DataTail {
        let mut bytes = Small::new();
        if let Some(re) = self.re {
            bytes.push_head(CborType::Unsigned, re.get());
        }
        let covered = bytes.len();
        if let Some(digest) = self.digest {
            bytes.push([DIGEST_HEAD]);
            bytes.push(*digest.as_bytes());
        }
        DataTail { bytes, covered }
    }

    /// The part that the digest covers (V3-27) of the body that this frame was decoded from: from
    /// `seq` to the payload or `re`. It is encoded in one way only (V3-5), so its length is known.
    #[inline]
    #[must_use]
    pub fn covered<'b>(&self, body: &'b [u8]) -> &'b [u8] {
        // Mostly it ends with the payload, which is a part of the body.
        let start = self.payload.as_ptr().addr();
        let start = start.wrapping_sub(body.as_ptr().addr());
        let end = start.wrapping_add(self.payload.len());
        if self.re.is_none()
            && start <= end
            && let Some(covered) = body.get(COVERED_FROM..end)
        {
            return covered;
        }
        let end = COVERED_FROM.saturating_add(self.covered_len());
        body.get(COVERED_FROM..end).unwrap_or_default()
    }

    #[inline]
    fn body_len(&self) -> usize {
        let digest = if self.digest.is_some() { 5 } else { 0 };
        self.covered_len().saturating_add(COVERED_FROM + digest)
    }

    #[inline]
    fn covered_len(&self) -> usize {
        let payload = u64::try_from(self.payload.len()).unwrap_or(u64::MAX);
        let heads = head_len(self.seq.get())
            + head_len(u64::from(self.kind.bits()))
            + head_len(payload)
            + self.re.map_or(0, |re| head_len(re.get()));
        self.payload.len().saturating_add(heads)
    }
}

impl<'a> Data<'a> {
    /// The DATA in a body of the plainest shape: without `re`, and without elements that this version does not know.
    /// `None` for all else, good or bad: [`Frame::decode_body`](super::Frame::decode_body) says what that is, and gives
    /// the same for what is plain. This is the way of nearly all messages, and much shorter.
    #[inline]
    #[must_use]
    pub fn plain(body: &'a [u8]) -> Option<Self> {
        let (&[array, DATA_TYPE], _) = body.split_first_chunk()? else {
            return None;
        };
        let has_digest = match array ^ CborType::Array.initial_bits() {
            4 => false,
            5 => true,
            _ => return None,
        };
        let mut reader = Reader::new(body);
        reader.at = COVERED_FROM;
        let seq = Seq::new(reader.shortest_head(CborType::Unsigned)?)?;
        let kind = u8::try_from(reader.shortest_head(CborType::Unsigned)?).ok()?;
        let kind = Kind::from_bits(kind)?;
        if seq > Seq::LAST || kind.role.has_re() {
            return None;
        }
        let len = reader.shortest_head(CborType::Bytes)?;
        let payload = body.get(reader.at..)?;
        let payload = payload.get(..usize::try_from(len).ok()?)?;
        let rest = body.get(reader.at.checked_add(payload.len())?..)?;
        let digest = match (has_digest, rest) {
            (false, []) => None,
            (true, [DIGEST_HEAD, digest @ ..]) => Some(Digest::from_bytes(digest.try_into().ok()?)),
            _ => return None,
        };
        Some(Self {
            seq,
            kind,
            payload,
            re: None,
            digest,
        })
    }

    #[inline]
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let seq = elements.required("seq")?;
        let seq = seq.number(1, Seq::LAST.get(), |seq| {
            Seq::new(seq).filter(|seq| *seq <= Seq::LAST)
        })?;
        let kind = elements.required("kind")?;
        let at = kind.at();
        let kind = Kind::parse(kind.uint()?).map_err(|error| error.at(at))?;
        let payload = elements.required("payload")?.bytes(usize::MAX)?;
        let re = match kind.role.has_re() {
            true => Some(elements.required("re")?.seq()?),
            false => None,
        };
        let digest = elements.optional("digest").map(Value::digest).transpose()?;
        Ok(Self {
            seq,
            kind,
            payload,
            re,
            digest,
        })
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        self.check()?;
        let head = self.head();
        output.raw(head.as_bytes().get(PREFIX_LEN..).unwrap_or_default())?;
        output.raw(self.payload)?;
        output.raw(self.tail().as_bytes())
    }

    fn check(&self) -> Result<(), FieldError> {
        self.kind.check()?;
        let role = self.kind.role;
        match self.re {
            _ if self.seq > Seq::LAST => Err(FieldError::OutOfRange {
                field: "seq",
                found: self.seq.get(),
                min: 1,
                max: Seq::LAST.get(),
            }),
            None if role.has_re() => Err(FieldError::Missing { field: "re" }),
            Some(_) if !role.has_re() => Err(FieldError::Excluded {
                field: "re",
                by: role.name(),
            }),
            _ => Ok(()),
        }
    }
}

/// Shows the payload's length only.
impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Data({self})")
    }
}

impl fmt::Display for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.payload.len();
        write!(f, "DATA seq={} kind={} len={len}", self.seq, self.kind)?;
        if let Some(re) = self.re {
            write!(f, " re={re}")?;
        }
        write_digest(self.digest, f)
    }
}

/// The bytes of a DATA before its payload; see [`Data::head`].
#[derive(Debug, Clone, Copy)]
pub struct DataHead(Small<{ PREFIX_LEN + COVERED_FROM + 9 + 2 + 9 }>);

impl DataHead {
    /// All of them, as they are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Those that the digest covers (V3-27): from `seq` on.
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        let start = PREFIX_LEN + COVERED_FROM;
        self.as_bytes().get(start..).unwrap_or_default()
    }
}

/// The bytes of a DATA after its payload; see [`Data::tail`].
#[derive(Debug, Clone, Copy)]
pub struct DataTail {
    bytes: Small<{ 9 + 5 }>,
    covered: usize,
}

impl DataTail {
    /// All of them, as they are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// Those that the digest covers (V3-27): of `re` only.
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        self.as_bytes().get(..self.covered).unwrap_or_default()
    }

    /// Those that it does not cover: of the digest itself.
    #[must_use]
    pub fn uncovered(&self) -> &[u8] {
        self.as_bytes().get(self.covered..).unwrap_or_default()
    }
}
