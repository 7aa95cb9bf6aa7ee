use bytes::BytesMut;
use korinet_wire::DecodeError;
use korinet_wire::v2::{self as wire, Delimited, Limits};
use tokio_util::codec::{Decoder, Encoder};

use super::encoded::write_frame;
use super::{EncodedFrame, Frame};
use crate::CodecError;

/// Frames of protocol v2 for [`tokio_util::codec::Framed`].
///
/// Decodes to [`Frame`]; encodes [`EncodedFrame`] and, for data that is CBOR already,
/// [`korinet_wire::v2::Frame`]. The read buffer grows as bytes arrive, never by what a length field
/// announces. Once a peer has sent what is no frame, decoding goes on giving that error.
///
/// ```
/// use bytes::BytesMut;
/// use korinet_proto::v2::{EncodedFrame, FrameCodec, MessageIds};
/// use korinet_wire::v2::Limits;
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = FrameCodec::new(Limits::default());
/// let id = MessageIds::from_seed([7; 32]).draw();
/// let ping = std::collections::BTreeMap::from([("type", "ping")]);
///
/// let mut bytes = BytesMut::new();
/// codec.encode(EncodedFrame::new(id, &ping, &Limits::default())?, &mut bytes)?;
/// let frame = codec.decode(&mut bytes)?.expect("it is complete");
/// assert_eq!(frame.id().as_str(), Some(id.as_str()));
/// # Ok::<(), korinet_proto::CodecError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FrameCodec {
    limits: Limits,
    failed: Option<DecodeError>,
}

impl FrameCodec {
    /// A codec for one connection, with these limits both ways.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            failed: None,
        }
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        Frame::decode(buffer, &self.limits).map_err(|error| {
            self.failed = Some(error);
            error.into()
        })
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(frame) = self.decode(buffer)? {
            return Ok(Some(frame));
        }
        match wire::delimit(buffer, &self.limits)? {
            Delimited::Partial { needed } if !buffer.is_empty() => {
                // Told once; after that the stream is simply over.
                buffer.clear();
                Err(CodecError::Truncated { missing: needed })
            }
            Delimited::Partial { .. } | Delimited::Complete { .. } => Ok(None),
        }
    }
}

impl Encoder<EncodedFrame> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: EncodedFrame, out: &mut BytesMut) -> Result<(), CodecError> {
        out.extend_from_slice(frame.bytes());
        Ok(())
    }
}

impl Encoder<wire::Frame<'_>> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: wire::Frame<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        Ok(write_frame(&frame, &self.limits, out)?)
    }
}

#[cfg(test)]
mod tests {
    use korinet_wire::DecodeErrorKind;
    use korinet_wire::v2::Id;

    use super::*;

    fn encode(codec: &mut FrameCodec, id: &str) -> BytesMut {
        let mut bytes = BytesMut::new();
        let frame = wire::Frame {
            id: Id::Text(id),
            data: b"\xa1\x61k\x01",
        };
        codec.encode(frame, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn several_frames_in_one_read() {
        let mut codec = FrameCodec::default();
        let mut bytes = encode(&mut codec, "1");
        bytes.unsplit(encode(&mut codec, "2"));
        bytes.extend_from_slice(b"\0\0");
        for id in ["1", "2"] {
            assert_eq!(
                codec.decode(&mut bytes).unwrap().unwrap().id(),
                Id::Text(id)
            );
        }
        assert_eq!(codec.decode(&mut bytes).unwrap(), None);
        assert!(matches!(
            codec.decode_eof(&mut bytes),
            Err(CodecError::Truncated { missing: 2 })
        ));
        assert_eq!(codec.decode_eof(&mut bytes).unwrap(), None);
    }

    #[test]
    fn an_end_inside_of_a_frame_says_what_is_missing() {
        let mut codec = FrameCodec::default();
        let whole = encode(&mut codec, "1");
        for len in 1..whole.len() {
            let mut bytes = BytesMut::from(&whole[..len]);
            let Err(CodecError::Truncated { missing }) = codec.decode_eof(&mut bytes) else {
                panic!("no error for {len} bytes");
            };
            let end = if len < 4 { 4 } else { whole.len() };
            assert_eq!(missing, end - len);
        }
    }

    // V2-7
    #[test]
    fn an_error_is_final() {
        let mut codec = FrameCodec::default();
        let mut bytes = BytesMut::from(&b"\0\0\0\0"[..]);
        bytes.unsplit(encode(&mut codec, "1"));
        for _ in 0..2 {
            let Err(CodecError::Decode(error)) = codec.decode(&mut bytes) else {
                panic!("taken");
            };
            assert_eq!(error.kind, DecodeErrorKind::EmptyFrame);
        }
    }
}
