use core::fmt;

use super::Kind;

/// VOLATILE: a message without number, not acknowledged and not sent again (V3-24).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Volatile<'a> {
    /// The payload is bytes, not CBOR.
    pub raw: bool,
    /// The content.
    pub payload: &'a [u8],
}

impl Volatile<'_> {
    /// [`Kind::RAW`] or [`Kind::MESSAGE`]; there are no others.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        if self.raw { Kind::RAW } else { Kind::MESSAGE }
    }
}

/// Shows the payload's length only.
impl fmt::Debug for Volatile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Volatile({self})")
    }
}

impl fmt::Display for Volatile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.payload.len();
        write!(f, "VOLATILE kind={} len={len}", self.kind())
    }
}
