use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{Ack, Frame};

use crate::model::frames;

/// Whether a frame is a message.
pub(super) fn is_message(frame: &[u8]) -> bool {
    matches!(Frame::decode_body(frames::body(frame)), Ok(Frame::Data(_)))
}

/// The frame with one bit of its payload, or of its position, changed: it is a frame all the same.
pub(super) fn damage(frame: &Bytes) -> Option<Bytes> {
    let changed = match Frame::decode_body(frames::body(frame)).ok()? {
        Frame::Data(mut data) => {
            let payload: Vec<u8> = data.payload.iter().map(|byte| byte ^ 0x40).collect();
            data.payload = &payload;
            let mut bytes = BytesMut::new();
            bytes.extend_from_slice(data.head().as_bytes());
            bytes.extend_from_slice(&payload);
            bytes.extend_from_slice(data.tail().as_bytes());
            let mut out = Transmit::new();
            out.put_slice(&bytes);
            return Some(out.into_bytes());
        }
        Frame::Ack(ack) => Frame::Ack(Ack {
            next: ack.next.next()?,
            ..ack
        }),
        _ => return None,
    };
    Some(frames::encoded(&changed))
}
