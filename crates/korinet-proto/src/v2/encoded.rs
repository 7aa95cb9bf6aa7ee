use bytes::{Bytes, BytesMut};
use korinet_wire::v2::{ACKNOWLEDGEMENT, Frame, Id, Limits, MessageId};
use korinet_wire::{self as wire, cbor};
use minicbor::Encode;

use crate::EncodeError;
use crate::buffer::Buffer;

/// A message in the form in which it is sent, and sent again: the bytes of its frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedFrame {
    id: MessageId,
    bytes: Bytes,
}

impl EncodedFrame {
    /// Encodes `message` into a frame with this id.
    ///
    /// # Errors
    ///
    /// See [`EncodeError`]: all of it is found here, before anything is on its way.
    pub fn new<T: Encode<()> + ?Sized>(
        id: MessageId,
        message: &T,
        limits: &Limits,
    ) -> Result<Self, EncodeError> {
        let mut data = BytesMut::new();
        minicbor::encode(message, Buffer(&mut data))
            .map_err(|error| EncodeError::Value(error.to_string()))?;
        Self::from_cbor(id, &data, limits)
    }

    /// Frames `data`, a message that is encoded already.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); data that is not exactly one well-formed item, within
    /// `limits.max_depth`, is an [`EncodeError::Value`].
    pub fn from_cbor(id: MessageId, data: &[u8], limits: &Limits) -> Result<Self, EncodeError> {
        match cbor::CborType::of(data) {
            Some(cbor::CborType::Map) => {}
            found => return Err(EncodeError::NotMap { found }),
        }
        match cbor::item_len(data, limits.max_depth) {
            Ok(len) if len == data.len() => {}
            Ok(len) => {
                let more = data.len() - len;
                return Err(EncodeError::Value(format!("{more} bytes after the map")));
            }
            Err(error) => {
                let text = format!("{} at byte {}", error.kind, error.at);
                return Err(EncodeError::Value(text));
            }
        }
        let frame = Frame {
            id: id.as_id(),
            data,
        };
        let mut bytes = BytesMut::with_capacity(frame.encoded_len());
        write_frame(&frame, limits, &mut bytes)?;
        Ok(Self {
            id,
            bytes: bytes.freeze(),
        })
    }

    /// The message's id.
    #[must_use]
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// The frame's bytes, length prefix included.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Appends `frame` to `out`, or nothing where that fails.
pub(super) fn write_frame(
    frame: &Frame<'_>,
    limits: &Limits,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    match frame.encode(limits, Buffer(out)) {
        Ok(()) => Ok(()),
        Err(wire::EncodeError::DataNotMap { found }) => Err(EncodeError::NotMap { found }),
        Err(wire::EncodeError::FrameTooLarge { len, max }) => {
            Err(EncodeError::TooLarge { len, max })
        }
        Err(error) => Err(EncodeError::Value(error.to_string())),
    }
}

/// Appends an acknowledgement to `out`.
pub(super) fn write_acknowledgement(id: MessageId, out: &mut BytesMut) {
    let frame = Frame {
        id: Id::Text(id.as_str()),
        data: ACKNOWLEDGEMENT,
    };
    out.reserve(frame.encoded_len());
    let written = write_frame(&frame, &Limits::default(), out);
    debug_assert_eq!(written, Ok(()), "an acknowledgement is a small map");
}

#[cfg(test)]
mod tests {
    use minicbor::Encoder;
    use minicbor::encode::{Error, Write};

    use super::*;

    /// A map that forgets its content.
    struct Unfinished;

    impl Encode<()> for Unfinished {
        fn encode<W: Write>(
            &self,
            encoder: &mut Encoder<W>,
            (): &mut (),
        ) -> Result<(), Error<W::Error>> {
            encoder.map(1)?.ok()
        }
    }

    fn id() -> MessageId {
        MessageId::from_bytes([7; 16])
    }

    #[test]
    fn only_one_whole_map_is_a_message() {
        let limits = Limits::default();
        let not_map = |message: &str| {
            let error = EncodedFrame::new(id(), message, &limits).unwrap_err();
            error.to_string()
        };
        assert_eq!(
            not_map("text"),
            "message is a text string, protocol v2 carries only maps"
        );
        let from_cbor = |data| EncodedFrame::from_cbor(id(), data, &limits);
        assert_eq!(from_cbor(b""), Err(EncodeError::NotMap { found: None }));
        assert_eq!(
            from_cbor(b"\xa0\xa0"),
            Err(EncodeError::Value("1 bytes after the map".into()))
        );
        assert_eq!(
            from_cbor(b"\xa1\x01"),
            Err(EncodeError::Value(
                "frame ends inside of an item at byte 2".into()
            ))
        );
        let error = EncodedFrame::new(id(), &Unfinished, &limits).unwrap_err();
        assert!(matches!(error, EncodeError::Value(_)), "{error}");
    }

    #[test]
    fn the_limit_is_that_of_the_frame() {
        let mut limits = Limits::default();
        let frame = EncodedFrame::from_cbor(id(), b"\xa0", &limits).unwrap();
        let len = frame.bytes().len() - 4;
        limits.max_frame = u32::try_from(len).unwrap();
        EncodedFrame::from_cbor(id(), b"\xa0", &limits).unwrap();
        limits.max_frame -= 1;
        assert_eq!(
            EncodedFrame::from_cbor(id(), b"\xa0", &limits),
            Err(EncodeError::TooLarge {
                len,
                max: limits.max_frame
            })
        );
    }
}
