use core::fmt;

use minicbor::encode::Write;

use super::Kind;
use super::output::{Output, Written};
use super::value::Elements;
use crate::{DecodeError, DecodeErrorKind};

/// VOLATILE: a message without number, not acknowledged and not sent again (V3-24).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Volatile<'a> {
    /// The payload is bytes, not CBOR.
    pub raw: bool,
    /// The content.
    pub payload: &'a [u8],
}

impl<'a> Volatile<'a> {
    pub(super) fn decode(elements: &mut Elements<'_, 'a>) -> Result<Self, DecodeError> {
        let kind = elements.required("kind")?;
        let at = kind.at();
        let raw = match kind.uint()? {
            0 => false,
            16 => true,
            other => {
                let kind = DecodeErrorKind::VolatileKind(other);
                return Err(DecodeError { kind, at });
            }
        };
        let payload = elements.required("payload")?.bytes(usize::MAX)?;
        Ok(Self { raw, payload })
    }

    pub(super) fn write<W: Write>(&self, output: &mut Output<W>, ty: u64) -> Written<W> {
        output.array(3)?;
        output.uint(ty)?;
        output.uint(self.kind().bits().into())?;
        output.bytes(self.payload)
    }

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
