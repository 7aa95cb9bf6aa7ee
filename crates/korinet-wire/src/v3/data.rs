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

/// The bytes of a body before `seq`: the array's head and the type, which are one byte each.
pub(super) const SEQ_AT: usize = 2;

/// The head of a digest: a byte string of 4 bytes.
const DIGEST_HEAD: u8 = CborType::Bytes.initial_bits() | 4;

/// The bytes of a digest as it stands in a frame.
const DIGEST_LEN: usize = 1 + 4;

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
    /// The digest after this message, with the feature checksum: there where the message is the last of a group (V3-27).
    pub digest: Option<Digest>,
}

impl Data<'_> {
    /// How much longer a frame is with a digest than without one, in bytes.
    pub const DIGEST_LEN: usize = DIGEST_LEN;

    /// The digest as it stands in a frame.
    #[must_use]
    pub const fn digest_element(digest: Digest) -> [u8; DIGEST_LEN] {
        let [a, b, c, d] = *digest.as_bytes();
        [DIGEST_HEAD, a, b, c, d]
    }

    /// Changes a whole frame that was encoded without a digest so that a [`digest_element`](Self::digest_element) follows
    /// it. What is no such frame is left in any state.
    pub fn expect_digest(frame: &mut [u8]) {
        let Some((prefix, [array, ..])) = frame.split_first_chunk_mut::<PREFIX_LEN>() else {
            return;
        };
        let more = u32::try_from(DIGEST_LEN).unwrap_or_default();
        let len = u32::from_be_bytes(*prefix).wrapping_add(more);
        *prefix = len.to_be_bytes();
        *array = array.wrapping_add(1);
    }

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
            bytes.push(Self::digest_element(digest));
        }
        DataTail { bytes, covered }
    }

    /// What digests cover (V3-27) of the whole frame that this was decoded from: all before its own, or all of it.
    #[inline]
    #[must_use]
    pub fn covered<'b>(&self, frame: &'b [u8]) -> &'b [u8] {
        match self.digest {
            // What is known is encoded in one way only (V3-5), so its length is known.
            Some(_) => frame.get(..self.len_to_digest()).unwrap_or(frame),
            None => frame,
        }
    }

    #[inline]
    fn body_len(&self) -> usize {
        let digest = self.digest.map_or(0, |_| Self::DIGEST_LEN);
        self.len_to_digest().saturating_add(digest) - PREFIX_LEN
    }

    /// The bytes of the frame before a digest.
    #[inline]
    fn len_to_digest(&self) -> usize {
        let payload = u64::try_from(self.payload.len()).unwrap_or(u64::MAX);
        let heads = head_len(self.seq.get())
            + head_len(u64::from(self.kind.bits()))
            + head_len(payload)
            + self.re.map_or(0, |re| head_len(re.get()));
        self.payload
            .len()
            .saturating_add(PREFIX_LEN + SEQ_AT + heads)
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
        reader.at = SEQ_AT;
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
pub struct DataHead(Small<{ PREFIX_LEN + SEQ_AT + 9 + 2 + 9 }>);

impl DataHead {
    /// All of them, as they are sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
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

    /// Those that the frame's own digest covers (V3-27): of `re` only.
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
