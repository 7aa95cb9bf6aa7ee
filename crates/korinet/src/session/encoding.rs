use std::cell::Cell;

use bytes::Bytes;
use korinet_proto::v3::Payload;
use minicbor::Encode;

use crate::EncodeError;

/// From this many bytes on a message is written from where the application encoded it; smaller ones are copied.
const SHARED_FROM: usize = 16 * 1024;

/// The most messages that are given to a session at once.
pub(super) const AT_ONCE: usize = 64;

thread_local! {
    /// Where messages are encoded, one after the other, before they are copied to where they are written from.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded message, or raw bytes, that wait to be accepted.
#[derive(Debug)]
pub(crate) struct Encoded(Bytes);

impl Encoded {
    pub(crate) const fn raw(bytes: Bytes) -> Self {
        Self(bytes)
    }

    pub(crate) fn of<T: Encode<()> + ?Sized>(message: &T) -> Result<Self, EncodeError> {
        with_encoded(message, |encoded| Self(to_bytes(encoded)))
    }

    /// The payload of bytes that are copied, as all that are not large are.
    pub(super) fn copied(bytes: &[u8]) -> Option<Payload<'_>> {
        (bytes.len() < SHARED_FROM).then_some(Payload::Copied(bytes))
    }

    pub(crate) fn borrow(&self) -> Payload<'_> {
        Self::copied(&self.0).unwrap_or_else(|| Payload::Shared(self.0.clone()))
    }
}

/// Encodes a message and has it accepted by `accept`; where that gives back nothing, the message has to wait.
pub(super) fn offer<T: Encode<()> + ?Sized, R>(
    message: &T,
    accept: impl FnOnce(&Payload<'_>) -> Option<R>,
) -> Result<Result<R, Encoded>, EncodeError> {
    with_encoded(message, |encoded| {
        if encoded.len() < SHARED_FROM {
            let accepted = accept(&Payload::Copied(encoded));
            return accepted.ok_or_else(|| Encoded(to_bytes(encoded)));
        }
        let encoded = Encoded(to_bytes(encoded));
        accept(&encoded.borrow()).ok_or(encoded)
    })
}

/// Encodes a message as exactly one CBOR item, for as long as `work` takes. What it leaves is used again.
pub(crate) fn with_encoded<T: Encode<()> + ?Sized, R>(
    message: &T,
    work: impl FnOnce(&mut Vec<u8>) -> R,
) -> Result<R, EncodeError> {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let encoded = minicbor::encode(message, &mut scratch);
    let result = match encoded {
        Ok(()) => check(&scratch).map(|()| work(&mut scratch)),
        Err(error) => Err(EncodeError::Value(error.to_string())),
    };
    if scratch.capacity() <= SHARED_FROM {
        SCRATCH.set(scratch);
    }
    result
}

/// The bytes of a message.
pub(crate) fn encoded<T: Encode<()> + ?Sized>(message: &T) -> Result<Bytes, EncodeError> {
    with_encoded(message, to_bytes)
}

/// Some messages, encoded one after the other, that are to be accepted together.
#[derive(Default)]
pub(super) struct EncodedMany {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl EncodedMany {
    /// Encodes the first of these messages: as many as go together, and at least one.
    ///
    /// # Errors
    ///
    /// One after those that are encoded cannot be.
    pub(super) fn fill<T: Encode<()>>(&mut self, messages: &[T]) -> Result<(), EncodeError> {
        for message in messages.iter().take(AT_ONCE) {
            let start = self.bytes.len();
            if start >= SHARED_FROM {
                break;
            }
            minicbor::encode(message, &mut self.bytes)
                .map_err(|error| EncodeError::Value(error.to_string()))?;
            check(self.bytes.get(start..).unwrap_or_default())?;
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Each of them, and how many there are.
    pub(super) fn payloads(&self) -> ([&[u8]; AT_ONCE], usize) {
        let mut payloads = [&[][..]; AT_ONCE];
        let mut start = 0;
        for (payload, end) in payloads.iter_mut().zip(&self.ends) {
            *payload = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
        }
        (payloads, self.len())
    }
}

fn to_bytes(encoded: &mut Vec<u8>) -> Bytes {
    if encoded.len() < SHARED_FROM {
        Bytes::copy_from_slice(encoded)
    } else {
        std::mem::take(encoded).into()
    }
}

fn check(encoded: &[u8]) -> Result<(), EncodeError> {
    let depth = u8::try_from(crate::Value::MAX_DEPTH).unwrap_or(u8::MAX);
    match korinet_wire::cbor::item_len(encoded, depth) {
        Ok(len) if len == encoded.len() => Ok(()),
        Ok(len) => Err(EncodeError::Value(format!(
            "{} bytes after the item",
            encoded.len() - len
        ))),
        Err(error) => Err(EncodeError::Value(error.to_string())),
    }
}
