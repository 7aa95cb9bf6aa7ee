use std::collections::VecDeque;
use std::fmt;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};
use korinet_wire::v3::Frame;

use crate::buffer::Buffer;

/// What is to be written to one connection, in order; it belongs to the connection's driver.
///
/// Messages stand in it as slices of the memory that a replay would write again, other frames as
/// bytes of their own. It is a [`Buf`] whose [`chunks_vectored`](Buf::chunks_vectored) serves one
/// gathering write. When the connection is lost it is dropped with it: what is in here stands in the
/// send window, too, or is worth nothing on another connection.
#[derive(Default)]
pub struct Transmit {
    sealed: VecDeque<Bytes>,
    /// What was put in last.
    open: BytesMut,
    /// The bytes of `sealed`.
    sealed_len: usize,
}

/// Shows how much it is, not what: a handshake holds a credential or a key, and messages are nobody's
/// business.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transmit({} bytes)", self.remaining())
    }
}

impl Transmit {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends memory without copying it.
    pub fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        self.seal();
        self.sealed_len += bytes.len();
        self.push_sealed(bytes);
    }

    /// Appends a copy of `bytes`.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(bytes);
    }

    /// Appends an encoded frame; whether it could be encoded. Where it could not, nothing is
    /// appended.
    pub fn put_frame(&mut self, frame: &Frame<'_>) -> bool {
        let before = self.open.len();
        let written = frame.encode(Buffer(&mut self.open)).is_ok();
        if !written {
            self.open.truncate(before);
        }
        written
    }

    /// What is in here, piece by piece; a frame may be in several of them.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let sealed = self.sealed.iter().map(|bytes| &bytes[..]);
        sealed.chain((!self.open.is_empty()).then_some(&self.open[..]))
    }

    /// All that is in here in one piece of memory.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        self.copy_to_bytes(self.remaining())
    }

    fn push_sealed(&mut self, bytes: Bytes) {
        if self.sealed.capacity() == 0 {
            // A connection on which little is said has no memory for more.
            self.sealed.reserve_exact(1);
        }
        self.sealed.push_back(bytes);
    }

    fn seal(&mut self) {
        if !self.open.is_empty() {
            self.sealed_len += self.open.len();
            let sealed = self.open.split().freeze();
            self.push_sealed(sealed);
        }
    }
}

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.sealed_len + self.open.len()
    }

    fn chunk(&self) -> &[u8] {
        self.sealed.front().map_or(&self.open, |bytes| bytes)
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        for (slice, piece) in slices.iter_mut().zip(self.pieces()) {
            *slice = IoSlice::new(piece);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.sealed.front_mut() {
            if count == 0 {
                return;
            }
            let step = count.min(front.len());
            front.advance(step);
            count -= step;
            self.sealed_len -= step;
            if front.is_empty() {
                self.sealed.pop_front();
            }
        }
        self.open.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use korinet_wire::v3::Nonce;

    use super::*;

    fn filled() -> Transmit {
        let mut transmit = Transmit::new();
        transmit.put_slice(b"ab");
        transmit.push(Bytes::from_static(b"cdef"));
        transmit.push(Bytes::new());
        transmit.put_slice(b"g");
        transmit.put_slice(b"hi");
        transmit
    }

    #[test]
    fn order_is_kept_whatever_is_put_in() {
        assert_eq!(filled().into_bytes(), &b"abcdefghi"[..]);
        let transmit = filled();
        let mut slices = [IoSlice::new(&[]); 8];
        let count = transmit.chunks_vectored(&mut slices);
        let pieces: Vec<&[u8]> = slices[..count].iter().map(|slice| &slice[..]).collect();
        assert_eq!(pieces, [&b"ab"[..], b"cdef", b"ghi"]);
    }

    #[test]
    fn any_part_can_be_written_first() {
        for first in 0..=9 {
            let mut transmit = filled();
            transmit.advance(first);
            assert_eq!(transmit.remaining(), 9 - first);
            assert_eq!(transmit.into_bytes(), &b"abcdefghi"[first..]);
        }
    }

    #[test]
    fn a_frame_that_does_not_encode_leaves_nothing() {
        let mut transmit = Transmit::new();
        assert!(!transmit.put_frame(&Frame::Skipped { ty: 200 }));
        assert!(!transmit.has_remaining());
        assert!(transmit.put_frame(&Frame::Ping(Nonce(7))));
        assert_eq!(transmit.into_bytes(), &b"\0\0\0\x03\x82\x06\x07"[..]);
    }
}
