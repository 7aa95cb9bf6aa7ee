use core::fmt;
use core::ops::BitOr;

/// A set of features, as HELLO offers and WELCOME grants them (V3-11).
///
/// Bits without a name are kept: a peer may know more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u64);

impl Features {
    /// No feature.
    pub const NONE: Self = Self(0);
    /// Digests over all messages (V3-27).
    pub const CHECKSUM: Self = Self(1);

    /// The features of these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Their bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        other.without(self).is_empty()
    }

    /// Those that are in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These, except for `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

/// Names joined by `+`, bits without a name as one hex number: `checksum+0x6`; `none` for none.
impl fmt::Display for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let unknown = self.without(Self::CHECKSUM);
        if self.contains(Self::CHECKSUM) {
            f.write_str("checksum")?;
            if unknown.is_empty() {
                return Ok(());
            }
            f.write_str("+")?;
        }
        write!(f, "{:#x}", unknown.0)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn features_are_a_set() {
        let both = Features::CHECKSUM | Features::from_bits(6);
        assert_eq!(both.bits(), 7);
        assert!(both.contains(Features::CHECKSUM) && both.contains(Features::NONE));
        assert!(!Features::CHECKSUM.contains(both));
        assert_eq!(both.without(Features::CHECKSUM).bits(), 6);
        assert_eq!(both.intersection(Features::CHECKSUM), Features::CHECKSUM);
        for (features, text) in [
            (Features::NONE, "none"),
            (Features::CHECKSUM, "checksum"),
            (both, "checksum+0x6"),
            (Features::from_bits(1 << 63), "0x8000000000000000"),
        ] {
            assert_eq!(features.to_string(), text);
        }
    }
}
