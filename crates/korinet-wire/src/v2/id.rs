use core::fmt;

use crate::EncodeError;
use crate::cbor::{CborType, Reader};
use crate::small::Small;

/// The id of a message as it stands in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Id<'a> {
    /// Text in one piece, as every known sender writes it.
    Text(&'a str),
    /// An item of another type, or text in chunks: its CBOR.
    Cbor(&'a [u8]),
}

impl<'a> Id<'a> {
    /// The id that is the well-formed item `cbor`.
    pub(super) fn from_cbor(cbor: &'a [u8]) -> Self {
        let mut reader = Reader::new(cbor);
        match reader.head() {
            Ok(head) if head.ty == CborType::Text && head.arg.is_some() => {
                let text = cbor.get(reader.at..).unwrap_or_default();
                core::str::from_utf8(text).map_or(Self::Cbor(cbor), Self::Text)
            }
            _ => Self::Cbor(cbor),
        }
    }

    /// The text, unless the id is of another type.
    #[must_use]
    pub const fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::Text(text) => Some(text),
            Self::Cbor(_) => None,
        }
    }

    pub(super) fn encoded_len(&self) -> usize {
        match self {
            Self::Text(text) => text_head(text).len().saturating_add(text.len()),
            Self::Cbor(cbor) => cbor.len(),
        }
    }

    pub(super) fn write<E>(
        &self,
        write: &mut impl FnMut(&[u8]) -> Result<(), EncodeError<E>>,
    ) -> Result<(), EncodeError<E>> {
        match self {
            Self::Text(text) => {
                write(text_head(text).as_bytes())?;
                write(text.as_bytes())
            }
            Self::Cbor(cbor) => write(cbor),
        }
    }
}

/// The head of a text string in its shortest form.
fn text_head(text: &str) -> Small<9> {
    let mut head = Small::new();
    head.push_len(CborType::Text, text.len());
    head
}

/// Text as it is, other ids as the hex digits of their CBOR.
impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Cbor(cbor) => {
                f.write_str("cbor:")?;
                cbor.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// The id that a sender gives a message: 16 random bytes, 32 lowercase hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId([u8; 32]);

impl MessageId {
    /// The id of these 16 bytes, which the caller draws at random: no two messages may share one.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let mut hex = [b'0'; 32];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
            for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 0xf]) {
                *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
            }
        }
        Self(hex)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Hex digits are ASCII, so the default is never taken.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a frame carries it.
    #[must_use]
    pub fn as_id(&self) -> Id<'_> {
        Id::Text(self.as_str())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageId({self})")
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
