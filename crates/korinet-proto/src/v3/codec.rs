use bytes::{Buf, BytesMut};
use korinet_wire::DecodeError;
use korinet_wire::v3::{
    self as wire, Delimited, MAX_HANDSHAKE_FRAME, PREFACE, Preface, PrefaceError,
};
use tokio_util::codec::{Decoder, Encoder};

use super::Frame;
use crate::{CodecError, EncodeError};

/// Frames of protocol v3 for [`tokio_util::codec::Framed`], the preface included.
///
/// Decodes to [`Frame`], encodes [`korinet_wire::v3::Frame`]. The preface goes out before the first
/// frame and is expected before the peer's. Frames may have 16 KiB until
/// [`set_max_message`](Self::set_max_message) is told what was agreed on (V3-8). Once a peer has sent
/// what is no frame, decoding goes on giving that error (V3-9). What a frame means, and whether it is
/// allowed where it comes, is decided elsewhere.
#[derive(Debug, Clone)]
pub struct FrameCodec {
    max_frame: u32,
    is_preface_written: bool,
    is_preface_read: bool,
    failed: Option<Failed>,
}

/// What the peer sent that is neither preface nor frame.
#[derive(Debug, Clone, Copy)]
enum Failed {
    Preface(PrefaceError),
    Frame(DecodeError),
}

impl From<Failed> for CodecError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Preface(error) => error.into(),
            Failed::Frame(error) => error.into(),
        }
    }
}

impl Default for FrameCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameCodec {
    /// The codec of a new connection.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            max_frame: MAX_HANDSHAKE_FRAME,
            is_preface_written: false,
            is_preface_read: false,
            failed: None,
        }
    }

    /// The handshake is over: from here on messages of at most `max_message` bytes are received.
    pub fn set_max_message(&mut self, max_message: u32) {
        self.max_frame = wire::max_frame(max_message);
    }

    fn try_decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, Failed> {
        if !self.is_preface_read {
            match wire::preface(buffer).map_err(Failed::Preface)? {
                Preface::Partial { needed } => {
                    buffer.reserve(needed);
                    return Ok(None);
                }
                Preface::Complete => buffer.advance(PREFACE.len()),
            }
            self.is_preface_read = true;
        }
        Frame::decode(buffer, self.max_frame).map_err(Failed::Frame)
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = CodecError;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        self.try_decode(buffer).map_err(|error| {
            self.failed = Some(error);
            error.into()
        })
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Frame>, CodecError> {
        if let Some(frame) = self.decode(buffer)? {
            return Ok(Some(frame));
        }
        if buffer.is_empty() {
            return Ok(None);
        }
        let missing = if self.is_preface_read {
            match wire::delimit(buffer, self.max_frame)? {
                Delimited::Partial { needed } => needed,
                Delimited::Complete { .. } => 0,
            }
        } else {
            PREFACE.len() - buffer.len()
        };
        // Told once; after that the stream is simply over.
        buffer.clear();
        Err(CodecError::Truncated { missing })
    }
}

impl Encoder<wire::Frame<'_>> for FrameCodec {
    type Error = CodecError;

    fn encode(&mut self, frame: wire::Frame<'_>, out: &mut BytesMut) -> Result<(), CodecError> {
        let before = out.len();
        if !self.is_preface_written {
            out.extend_from_slice(&PREFACE);
        }
        match frame.encode(crate::buffer::Buffer(out)) {
            Ok(()) => {
                self.is_preface_written = true;
                Ok(())
            }
            Err(error) => {
                out.truncate(before);
                Err(EncodeError::Value(error.to_string()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use korinet_wire::v3::{Ack, Nonce, Seq};

    use super::*;

    fn ack(next: u64) -> wire::Frame<'static> {
        wire::Frame::Ack(Ack {
            next: Seq::new(next).unwrap(),
            digest: None,
        })
    }

    #[test]
    fn the_preface_comes_first_and_once() {
        let mut codec = FrameCodec::new();
        let mut bytes = BytesMut::new();
        assert!(
            codec
                .encode(wire::Frame::Skipped { ty: 200 }, &mut bytes)
                .is_err()
        );
        assert!(bytes.is_empty());
        codec.encode(ack(1), &mut bytes).unwrap();
        codec.encode(ack(2), &mut bytes).unwrap();
        assert_eq!(&bytes[..8], PREFACE);
        assert_eq!(&bytes[8..], b"\0\0\0\x03\x82\x05\x01\0\0\0\x03\x82\x05\x02");
    }

    #[test]
    fn any_split_gives_the_same_frames() {
        let mut codec = FrameCodec::new();
        let mut stream = BytesMut::new();
        for next in [1, 2, 300] {
            codec.encode(ack(next), &mut stream).unwrap();
        }
        for size in 1..=stream.len() {
            let mut codec = FrameCodec::new();
            let mut buffer = BytesMut::new();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = codec.decode(&mut buffer).unwrap() {
                    found.push(frame.as_wire().unwrap().to_string());
                }
            }
            assert_eq!(found, ["ACK next=1", "ACK next=2", "ACK next=300"]);
            assert_eq!(codec.decode_eof(&mut buffer).unwrap(), None);
        }
    }

    #[test]
    fn an_end_inside_says_what_is_missing() {
        let mut codec = FrameCodec::new();
        let mut stream = BytesMut::new();
        codec
            .encode(wire::Frame::Ping(Nonce(1)), &mut stream)
            .unwrap();
        for (len, expect) in [(1, 7), (7, 1), (9, 3), (12, 3), (14, 1)] {
            let mut buffer = BytesMut::from(&stream[..len]);
            match FrameCodec::new().decode_eof(&mut buffer) {
                Err(CodecError::Truncated { missing }) => assert_eq!(missing, expect, "{len}"),
                other => panic!("{len}: {other:?}"),
            }
        }
    }

    // V3-3, V3-8, V3-9
    #[test]
    fn an_error_is_final() {
        for bad in [
            &b"GET / HTTP"[..],
            b"\xcbKNT\x04\0\0\0",
            b"\xcbKNT\x03\0\0\0\0\0\0\0",
        ] {
            let mut codec = FrameCodec::new();
            let mut buffer = BytesMut::from(bad);
            let first = codec.decode(&mut buffer).unwrap_err().to_string();
            buffer.clear();
            buffer.extend_from_slice(&PREFACE);
            assert_eq!(codec.decode(&mut buffer).unwrap_err().to_string(), first);
        }
    }
}
