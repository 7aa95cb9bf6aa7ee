use core::fmt;

/// The HMAC that proves who sent a HELLO, WELCOME or REJECT (V3-31).
///
/// The equality here is for tests of frames: it tells by its time how much agrees. Whoever checks a
/// proof compares in constant time (V3-32).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Proof([u8; 32]);

impl Proof {
    /// The proof of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows nothing of the bytes.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}

/// The session key as WELCOME carries it where there is no TLS (V3-29).
///
/// Not displayed, and not shown by `Debug`. The equality is for tests of frames only: it is not in
/// constant time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyBytes([u8; 32]);

impl KeyBytes {
    /// The key of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows nothing of the bytes.
impl fmt::Debug for KeyBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyBytes(..)")
    }
}
