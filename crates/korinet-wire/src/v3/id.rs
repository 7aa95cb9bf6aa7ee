use core::fmt;

/// Lowercase hex digits, without an allocator.
fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// A name of 16 random bytes; displayed as its 32 lowercase hex digits.
macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The id of these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Its bytes.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0
            }

            /// Displays the first 8 digits and two dots: enough to tell the ids of one log apart.
            #[must_use]
            pub const fn short(&self) -> ShortId {
                let [a, b, c, d, ..] = self.0;
                ShortId([a, b, c, d])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                hex(&self.0, f)
            }
        }
    };
}

id! {
    /// The name of a session, drawn by its server; no secret (V3-29).
    SessionId
}

id! {
    /// What tells one run of a server process from another.
    InstanceId
}

id! {
    /// What a client draws for an `open`, so that the same one asked twice opens one session (V3-13).
    OpenNonce
}

/// The beginning of an id, for display: `0badc0de..`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShortId([u8; 4]);

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)?;
        f.write_str("..")
    }
}

/// The CRC-32C of a direction's messages up to a position (V3-27).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 4]);

impl Digest {
    /// The digest at position 1.
    pub const ZERO: Self = Self([0; 4]);

    /// The digest of this value.
    #[must_use]
    pub const fn from_u32(value: u32) -> Self {
        Self(value.to_be_bytes())
    }

    /// Its value.
    #[must_use]
    pub const fn to_u32(self) -> u32 {
        u32::from_be_bytes(self.0)
    }

    /// The digest of these bytes, as they stand on the wire.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// Its bytes, as they stand on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn ids_are_hex() {
        let id = SessionId::from_bytes(*b"\x0b\xad\xc0\xde\0\0\0\0\0\0\0\0\0\0\0\xff");
        assert_eq!(format!("{id}"), "0badc0de0000000000000000000000ff");
        assert_eq!(format!("{}", id.short()), "0badc0de..");
        assert_eq!(
            format!("{id:?}"),
            "SessionId(0badc0de0000000000000000000000ff)"
        );
        assert_eq!(SessionId::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn digests_are_big_endian() {
        let digest = Digest::from_u32(0x0bad_cafe);
        assert_eq!(digest.as_bytes(), b"\x0b\xad\xca\xfe");
        assert_eq!(Digest::from_bytes(*digest.as_bytes()), digest);
        assert_eq!(digest.to_u32(), 0x0bad_cafe);
        assert_eq!(format!("{digest} {digest:?}"), "0badcafe Digest(0badcafe)");
        assert_eq!(Digest::from_u32(0), Digest::ZERO);
    }
}
