use core::fmt;

use super::FieldError;
use super::value::{Elements, Value};
use crate::DecodeError;

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

impl Proof {
    pub(super) fn decode(value: Value<'_, '_>) -> Result<Self, DecodeError> {
        value.byte_array().map(Self)
    }

    /// The proof that follows, which has to be there exactly if a session is resumed (V3-31);
    /// otherwise it is ruled out by what the frame does instead.
    pub(super) fn decode_if(
        resumes: bool,
        by: &'static str,
        elements: &mut Elements<'_, '_>,
    ) -> Result<Option<Self>, DecodeError> {
        let at = elements.at();
        let proof = elements.optional("proof").map(Self::decode).transpose()?;
        Self::check(proof, resumes, by).map_err(|error| error.at(at))?;
        Ok(proof)
    }

    pub(super) const fn check(
        proof: Option<Self>,
        resumes: bool,
        by: &'static str,
    ) -> Result<(), FieldError> {
        let field = "proof";
        match (proof, resumes) {
            (Some(_), true) | (None, false) => Ok(()),
            (Some(_), false) => Err(FieldError::Excluded { field, by }),
            (None, true) => Err(FieldError::Missing { field }),
        }
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
