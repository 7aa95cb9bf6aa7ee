//! DATA written to where it stays, in one go.

use super::data::{DATA_TYPE, SEQ_AT};
use super::{Data, Digest, PREFIX_LEN};
use crate::cbor::CborType;

/// The frame of a message that is about to be written to where it stays; see [`Data::placed`].
#[derive(Debug, Clone, Copy)]
pub struct PlacedData<'a> {
    payload: &'a [u8],
    digest: Option<Digest>,
    seq: Head,
    kind: Head,
    payload_len: Head,
    re: Option<Head>,
    /// The bytes after the prefix.
    body_len: usize,
}

impl<'a> Data<'a> {
    /// The frame to be written as one piece: what [`head`](Self::head), the payload and [`tail`](Self::tail) are after
    /// each other, much faster. As there, that it is legal is not checked here.
    #[inline]
    #[must_use]
    pub fn placed(&self) -> PlacedData<'a> {
        let len = u64::try_from(self.payload.len()).unwrap_or(u64::MAX);
        let seq = Head::new(CborType::Unsigned, self.seq.get());
        let kind = Head::new(CborType::Unsigned, u64::from(self.kind.bits()));
        let payload_len = Head::new(CborType::Bytes, len);
        let re = self.re.map(|re| Head::new(CborType::Unsigned, re.get()));
        let digest_len = self.digest.map_or(0, |_| Self::DIGEST_LEN);
        let heads = seq.len + kind.len + payload_len.len + re.map_or(0, |re| re.len);
        let others = SEQ_AT + heads + digest_len;
        PlacedData {
            payload: self.payload,
            digest: self.digest,
            seq,
            kind,
            payload_len,
            re,
            body_len: self.payload.len().saturating_add(others),
        }
    }
}

impl PlacedData<'_> {
    /// What the memory for a frame has to have beyond it, in bytes.
    pub const SLACK: usize = 8;

    /// The bytes of the frame, prefix included.
    #[inline]
    #[must_use]
    pub const fn frame_len(&self) -> usize {
        self.body_len.saturating_add(PREFIX_LEN)
    }

    /// Writes the frame to the beginning of `room`.
    ///
    /// `None`: `room` has less than [`frame_len`](Self::frame_len) and [`SLACK`](Self::SLACK) bytes, and now any
    /// content. The slack has any content in either case.
    #[inline]
    pub fn write(&self, room: &mut [u8]) -> Option<()> {
        let elements = 4 + u8::from(self.re.is_some()) + u8::from(self.digest.is_some());
        let [a, b, c, d] = u32::try_from(self.body_len)
            .unwrap_or(u32::MAX)
            .to_be_bytes();
        let array = CborType::Array.initial_bits() | elements;
        let mut place = Place { room, at: 0 };
        place.put([a, b, c, d, array, DATA_TYPE])?;
        place.put_head(self.seq)?;
        place.put_head(self.kind)?;
        place.put_head(self.payload_len)?;
        place.put_slice(self.payload)?;
        if let Some(re) = self.re {
            place.put_head(re)?;
        }
        if let Some(digest) = self.digest {
            place.put(Data::digest_element(digest))?;
        }
        Some(())
    }
}

/// The head of a CBOR item in its shortest form, in a word from the top on; of the longest, all but the last byte.
#[derive(Debug, Clone, Copy)]
struct Head {
    word: u64,
    last: u8,
    len: usize,
}

impl Head {
    #[inline]
    fn new(ty: CborType, argument: u64) -> Self {
        let initial = u64::from(ty.initial_bits());
        let (word, len) = match argument {
            0..24 => ((initial | argument) << 56, 1),
            24..=0xff => ((initial | 24) << 56 | argument << 48, 2),
            0x100..=0xffff => ((initial | 25) << 56 | argument << 40, 3),
            0x1_0000..=0xffff_ffff => ((initial | 26) << 56 | argument << 24, 5),
            0x1_0000_0000.. => ((initial | 27) << 56 | argument >> 8, 9),
        };
        let [.., last] = argument.to_be_bytes();
        Self { word, last, len }
    }
}

/// Memory that is written from its beginning on.
struct Place<'a> {
    room: &'a mut [u8],
    at: usize,
}

impl Place<'_> {
    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        *self.room.get_mut(self.at..)?.first_chunk_mut()? = bytes;
        self.at += N;
        Some(())
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.room.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    /// A whole word, the end of which is overwritten by what follows: that takes a moment where a few bytes of any
    /// number take many.
    #[inline]
    fn put_head(&mut self, head: Head) -> Option<()> {
        let rest = self.room.get_mut(self.at..)?;
        *rest.first_chunk_mut()? = head.word.to_be_bytes();
        if head.len == 9 {
            *rest.get_mut(8)? = head.last;
        }
        self.at += head.len;
        Some(())
    }
}
