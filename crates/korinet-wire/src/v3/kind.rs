use core::fmt;

use super::FieldError;

/// What a message is for; see [`Kind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A message that stands for itself.
    Message,
    /// A message that wants an answer.
    Request,
    /// The answer to a request.
    Response,
    /// The answer to a request that failed.
    Error,
    /// A part of a stream.
    Item,
    /// The end of a stream.
    End,
    /// The wish that a request or stream ends.
    Cancel,
    /// How much more of a stream there is room for.
    Credit,
}

impl Role {
    /// Whether a message of this role names another one in `re`.
    #[must_use]
    pub const fn has_re(self) -> bool {
        !matches!(self, Self::Message | Self::Request)
    }

    /// Whether `re` may name a message of the sender itself.
    #[must_use]
    pub const fn may_be_own(self) -> bool {
        matches!(self, Self::Item | Self::End | Self::Cancel | Self::Credit)
    }

    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Request => "request",
            Self::Response => "response",
            Self::Error => "error",
            Self::Item => "item",
            Self::End => "end",
            Self::Cancel => "cancel",
            Self::Credit => "credit",
        }
    }

    /// The role of the lowest three bits.
    const fn of_bits(bits: u8) -> Self {
        match bits & Kind::ROLE_BITS {
            0 => Self::Message,
            1 => Self::Request,
            2 => Self::Response,
            3 => Self::Error,
            4 => Self::Item,
            5 => Self::End,
            6 => Self::Cancel,
            _ => Self::Credit,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Message => 0,
            Self::Request => 1,
            Self::Response => 2,
            Self::Error => 3,
            Self::Item => 4,
            Self::End => 5,
            Self::Cancel => 6,
            Self::Credit => 7,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of a message: its role, and what else its sender says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// What it is for.
    pub role: Role,
    /// The message may have been delivered before, in a session that was lost.
    pub redelivered: bool,
    /// The payload is bytes, not CBOR.
    pub raw: bool,
    /// `re` names a message of the sender of this one, not of its receiver; for items, ends,
    /// cancels and credits only.
    pub own: bool,
}

impl Kind {
    /// A message of CBOR.
    pub const MESSAGE: Self = Self::of(Role::Message);
    /// A message of bytes.
    pub const RAW: Self = Self {
        raw: true,
        ..Self::MESSAGE
    };

    const REDELIVERED_BIT: u8 = 1 << 3;
    const RAW_BIT: u8 = 1 << 4;
    const OWN_BIT: u8 = 1 << 5;
    const ROLE_BITS: u8 = 0b111;
    const MAX_BITS: u8 = 63;

    /// The plain kind of a role.
    #[must_use]
    pub const fn of(role: Role) -> Self {
        Self {
            role,
            redelivered: false,
            raw: false,
            own: false,
        }
    }

    /// The kind of these bits of the wire; `None` for a value that no kind has.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        let kind = Self::of_bits(bits);
        if bits > Self::MAX_BITS || (kind.own && !kind.role.may_be_own()) {
            return None;
        }
        Some(kind)
    }

    pub(super) fn parse(bits: u64) -> Result<Self, FieldError> {
        let bits = match u8::try_from(bits) {
            Ok(bits) if bits <= Self::MAX_BITS => bits,
            _ => {
                return Err(FieldError::OutOfRange {
                    field: "kind",
                    found: bits,
                    min: 0,
                    max: Self::MAX_BITS.into(),
                });
            }
        };
        let kind = Self::of_bits(bits);
        kind.check().map(|()| kind)
    }

    /// What the bits say, whether a kind may be that or not.
    const fn of_bits(bits: u8) -> Self {
        Self {
            role: Role::of_bits(bits),
            redelivered: bits & Self::REDELIVERED_BIT != 0,
            raw: bits & Self::RAW_BIT != 0,
            own: bits & Self::OWN_BIT != 0,
        }
    }

    /// Its bits on the wire.
    #[must_use]
    pub const fn bits(self) -> u8 {
        const fn bit(is_set: bool, bit: u8) -> u8 {
            if is_set { bit } else { 0 }
        }
        self.role.bits()
            | bit(self.redelivered, Self::REDELIVERED_BIT)
            | bit(self.raw, Self::RAW_BIT)
            | bit(self.own, Self::OWN_BIT)
    }

    /// Whether the role may have what is said of it.
    pub(super) const fn check(self) -> Result<(), FieldError> {
        if self.own && !self.role.may_be_own() {
            return Err(FieldError::Excluded {
                field: "own",
                by: self.role.name(),
            });
        }
        Ok(())
    }
}

/// The role, and then what holds of `raw`, `redelivered` and `own`: `item+raw+own`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.role.fmt(f)?;
        for (holds, name) in [
            (self.raw, "+raw"),
            (self.redelivered, "+redelivered"),
            (self.own, "+own"),
        ] {
            if holds {
                f.write_str(name)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn kinds_are_their_bits() {
        let mut legal = 0;
        for bits in 0..=u8::MAX {
            if let Some(kind) = Kind::from_bits(bits) {
                assert_eq!(kind.bits(), bits);
                assert_eq!(kind.check(), Ok(()));
                legal += 1;
            }
        }
        // Eight roles, of which four may be own, with two more bits each.
        assert_eq!(legal, (8 + 4) * 4);
    }

    #[test]
    fn kinds_are_readable() {
        for (bits, text) in [
            (0, "message"),
            (1, "request"),
            (0x18, "message+raw+redelivered"),
            (0x24, "item+own"),
        ] {
            assert_eq!(Kind::from_bits(bits).unwrap().to_string(), text);
        }
        assert_eq!(Kind::RAW.bits(), 0x10);
    }
}
