use crate::cbor::CborType;

/// A few bytes on the stack, at most `N`, that are known to suffice for what is put in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Small<N> {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Appends `bytes`; what has no room is left out, since `N` was chosen so that all has.
    #[inline]
    pub(crate) fn push<const M: usize>(&mut self, bytes: [u8; M]) {
        let rest = self.bytes.get_mut(self.len..).unwrap_or_default();
        if let Some(slot) = rest.first_chunk_mut::<M>() {
            *slot = bytes;
            self.len += M;
        }
    }

    /// Appends the head of a CBOR item in its shortest form; that takes at most 9 bytes.
    #[inline]
    pub(crate) fn push_head(&mut self, ty: CborType, argument: u64) {
        let initial = ty.initial_bits();
        if let Ok(value) = u8::try_from(argument) {
            match value {
                0..24 => self.push([initial | value]),
                _ => self.push([initial | 24, value]),
            }
        } else if let Ok(value) = u16::try_from(argument) {
            let [a, b] = value.to_be_bytes();
            self.push([initial | 25, a, b]);
        } else if let Ok(value) = u32::try_from(argument) {
            let [a, b, c, d] = value.to_be_bytes();
            self.push([initial | 26, a, b, c, d]);
        } else {
            self.push([initial | 27]);
            self.push(argument.to_be_bytes());
        }
    }

    /// Appends the head of an item of `len` bytes.
    pub(crate) fn push_len(&mut self, ty: CborType, len: usize) {
        self.push_head(ty, u64::try_from(len).unwrap_or(u64::MAX));
    }
}

/// The bytes of the shortest head of an item with this argument.
#[inline]
pub(crate) const fn head_len(argument: u64) -> usize {
    match argument {
        0..24 => 1,
        24..=0xff => 2,
        0x100..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        0x1_0000_0000.. => 9,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_as_short_as_they_can_be() {
        for (argument, expect) in [
            (0, &b"\x40"[..]),
            (23, b"\x57"),
            (24, b"\x58\x18"),
            (0xff, b"\x58\xff"),
            (0x100, b"\x59\x01\x00"),
            (0xffff, b"\x59\xff\xff"),
            (0x1_0000, b"\x5a\0\x01\0\0"),
            (0xffff_ffff, b"\x5a\xff\xff\xff\xff"),
            (0x1_0000_0000, b"\x5b\0\0\0\x01\0\0\0\0"),
            (u64::MAX, b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff"),
        ] {
            let mut head = Small::<9>::new();
            head.push_head(CborType::Bytes, argument);
            assert_eq!(head.as_bytes(), expect);
            assert_eq!(head.len(), expect.len());
            assert_eq!(head_len(argument), expect.len());
        }
    }
}
