use std::collections::VecDeque;

use bytes::Bytes;
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{self as wire, Delimited, PREFACE};

/// Takes what was written apart into frames; a preface stays with the frame behind it.
pub(super) fn split(written: Transmit) -> VecDeque<Bytes> {
    split_bytes(written.into_bytes())
}

/// As [`split`].
pub(super) fn split_bytes(mut bytes: Bytes) -> VecDeque<Bytes> {
    let mut frames = VecDeque::new();
    while !bytes.is_empty() {
        let preface = if bytes.starts_with(&PREFACE) {
            PREFACE.len()
        } else {
            0
        };
        match wire::delimit(&bytes[preface..], u32::MAX) {
            Ok(Delimited::Complete { len }) => frames.push_back(bytes.split_to(preface + len)),
            other => panic!("half a frame was written: {other:?} of {bytes:?}"),
        }
    }
    frames
}

/// The bytes of a frame.
pub(super) fn encoded(frame: &wire::Frame<'_>) -> Bytes {
    let mut out = Transmit::new();
    assert!(out.put_frame(frame), "{frame} cannot be encoded");
    out.into_bytes()
}

/// The body of a frame that stands alone, or behind a preface.
pub(super) fn body(frame: &[u8]) -> &[u8] {
    let frame = frame.strip_prefix(&PREFACE).unwrap_or(frame);
    &frame[wire::PREFIX_LEN..]
}
