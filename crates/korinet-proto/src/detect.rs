use bytes::BytesMut;
use korinet_wire::Detection;
use tokio_util::codec::Decoder;

use crate::CodecError;

/// The codec of a connection whose protocol is not known yet (V3-2).
///
/// It decodes one item, what the first bytes look like, and takes nothing out of the buffer. With
/// `Framed::map_codec` the connection goes on under the codec of that protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct DetectCodec;

impl Decoder for DetectCodec {
    type Item = Detection;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Detection>, CodecError> {
        let detection = Detection::of(buffer);
        if let Detection::NeedMore { needed } = detection {
            buffer.reserve(needed);
            return Ok(None);
        }
        Ok(Some(detection))
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Detection>, CodecError> {
        if let Detection::NeedMore { needed } = Detection::of(buffer)
            && !buffer.is_empty()
        {
            buffer.clear();
            return Err(CodecError::Truncated { missing: needed });
        }
        // There is no second item.
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // V3-2
    #[test]
    fn nothing_is_taken_out_of_the_buffer() {
        for (bytes, expect) in [
            (&b"\0\0\0\x36\xa2"[..], Detection::V2),
            (b"\xcbKNT\x03\0\0\0", Detection::V3),
            (b"\x16\x03\x01", Detection::Tls),
        ] {
            let mut buffer = BytesMut::from(bytes);
            assert_eq!(DetectCodec.decode(&mut buffer).unwrap(), Some(expect));
            assert_eq!(buffer, bytes);
        }
    }

    #[test]
    fn an_end_before_the_answer_is_told() {
        let mut buffer = BytesMut::from(&b"\x16"[..]);
        assert_eq!(DetectCodec.decode(&mut buffer).unwrap(), None);
        assert!(matches!(
            DetectCodec.decode_eof(&mut buffer),
            Err(CodecError::Truncated { .. })
        ));
        assert_eq!(DetectCodec.decode_eof(&mut BytesMut::new()).unwrap(), None);
    }
}
