use core::fmt;
use core::num::NonZeroU64;

use super::value::Value;
use crate::DecodeError;

/// The number of a message within one direction of a session, or a position between messages
/// (V3-16).
///
/// As a position it is the number of the first message that is not covered: 5 covers the messages 1
/// to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(NonZeroU64);

impl Seq {
    /// The number of a direction's first message, and the position before it.
    pub const FIRST: Self = Self(NonZeroU64::MIN);
    /// The greatest number that a message can have, 2⁶⁴ − 2.
    pub const LAST: Self = Self(NonZeroU64::MIN.saturating_add(u64::MAX - 2));
    /// The greatest position, 2⁶⁴ − 1: the one after [`LAST`](Self::LAST).
    pub const END: Self = Self(NonZeroU64::MAX);

    /// The number `number`; `None` for zero, which is none.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The number after this one; `None` after [`END`](Self::END).
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        self.checked_add(1)
    }

    /// The number before this one; `None` before [`FIRST`](Self::FIRST).
    #[must_use]
    pub const fn previous(self) -> Option<Self> {
        Self::new(self.get() - 1)
    }

    /// The number `count` further; `None` beyond [`END`](Self::END).
    #[must_use]
    pub const fn checked_add(self, count: u64) -> Option<Self> {
        match self.0.checked_add(count) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// How many messages lie from the position `earlier` up to this one; `None` if it is later.
    #[must_use]
    pub const fn distance_from(self, earlier: Self) -> Option<u64> {
        self.get().checked_sub(earlier.get())
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an attempt to attach to a session; it rises with every HELLO (V3-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachNumber(NonZeroU64);

impl AttachNumber {
    /// The number of the attempt that opens a session.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The number `number`; `None` for zero, which is none.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The number of the next attempt; `None` after the greatest.
    #[must_use]
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }
}

impl AttachNumber {
    pub(super) fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        value.number(1, u64::MAX, Self::new)
    }
}

impl fmt::Display for AttachNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_the_protocol_says() {
        assert_eq!(Seq::new(0), None);
        assert_eq!(Seq::FIRST.get(), 1);
        assert_eq!(Seq::FIRST.previous(), None);
        assert_eq!(Seq::LAST.get(), u64::MAX - 1);
        assert_eq!(Seq::LAST.next(), Some(Seq::END));
        assert_eq!(Seq::END.previous(), Some(Seq::LAST));
        assert_eq!(Seq::END.get(), u64::MAX);
        assert_eq!(Seq::END.next(), None);
        assert_eq!(AttachNumber::new(0), None);
        assert_eq!(AttachNumber::FIRST.next().map(AttachNumber::get), Some(2));
        let last = AttachNumber::new(u64::MAX).unwrap();
        assert_eq!(last.next(), None);
    }

    #[test]
    fn distances_count_messages() {
        assert_eq!(Seq::FIRST.distance_from(Seq::FIRST), Some(0));
        assert_eq!(Seq::END.distance_from(Seq::FIRST), Some(u64::MAX - 1));
        assert_eq!(Seq::FIRST.distance_from(Seq::END), None);
        assert_eq!(Seq::FIRST.checked_add(u64::MAX - 1), Some(Seq::END));
        assert_eq!(Seq::FIRST.checked_add(u64::MAX), None);
    }
}
