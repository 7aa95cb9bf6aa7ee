use bytes::Bytes;
use korinet_wire::v3::{self as wire, Frame, How, PREFACE, PREFIX_LEN, Seq};

use super::link::Side;
use super::tally::FrameKind;

/// What is known of all that one side has written on one connection.
#[derive(Debug, Clone, Default)]
pub struct Tap {
    is_begun: bool,
    frames: u64,
    last_data: Option<Seq>,
    /// DATA frames, to be repeated.
    recent: Vec<Bytes>,
    /// A CLOSE or REJECT was written.
    is_last_written: bool,
    /// That CLOSE ends the session.
    is_session_closed: bool,
}

impl Tap {
    /// Divides what was written into the preface and frames; a driver writes whole frames.
    pub fn split<'a>(&mut self, mut bytes: &'a [u8]) -> Result<Vec<Written<'a>>, String> {
        let mut pieces = Vec::new();
        if !self.is_begun {
            let Some((preface, rest)) = bytes.split_at_checked(PREFACE.len()) else {
                return Err("a write ends inside of the preface".to_owned());
            };
            if preface != PREFACE {
                return Err("the first bytes are not the preface".to_owned());
            }
            self.is_begun = true;
            pieces.push(Written {
                bytes: preface,
                frame: None,
            });
            bytes = rest;
        }
        while !bytes.is_empty() {
            let wire::Delimited::Complete { len } =
                wire::delimit(bytes, u32::MAX).map_err(|error| error.to_string())?
            else {
                return Err("a write ends inside of a frame".to_owned());
            };
            let (frame, rest) = bytes.split_at(len);
            let body = &frame[PREFIX_LEN..];
            pieces.push(Written {
                bytes: frame,
                frame: Some(Frame::decode_body(body).map_err(|error| error.to_string())?),
            });
            bytes = rest;
        }
        Ok(pieces)
    }

    /// Checks that a frame may come where it does (V3-14, V3-16, V3-40).
    pub fn check(&mut self, side: Side, frame: &Frame<'_>) -> Result<(), String> {
        if self.is_last_written {
            return Err(format!("{frame} after the last frame"));
        }
        let is_greeting = matches!(
            (side, frame),
            (Side::Client, Frame::Hello(_)) | (Side::Server, Frame::Welcome(_) | Frame::Reject(_))
        );
        if is_greeting != (self.frames == 0) {
            return Err(format!("{frame} is frame {} of {side:?}", self.frames + 1));
        }
        self.frames += 1;
        match frame {
            Frame::Data(data) => {
                let expected = self.last_data.and_then(Seq::next).unwrap_or(data.seq);
                if data.seq != expected {
                    return Err(format!("{frame} where {expected} is the next"));
                }
                self.last_data = Some(data.seq);
            }
            Frame::Close(close) => {
                self.is_last_written = true;
                self.is_session_closed = close.how == How::End;
            }
            Frame::Reject(_) => self.is_last_written = true,
            _ => {}
        }
        Ok(())
    }

    /// A DATA frame that may be repeated later.
    pub fn remember(&mut self, frame: &[u8]) {
        const MOST: usize = 8;
        if self.recent.len() == MOST {
            self.recent.remove(0);
        }
        self.recent.push(Bytes::copy_from_slice(frame));
    }

    /// DATA frames that were written on this connection.
    #[must_use]
    pub fn recent(&self) -> &[Bytes] {
        &self.recent
    }

    /// Whether a CLOSE or REJECT was written.
    #[must_use]
    pub const fn is_last_written(&self) -> bool {
        self.is_last_written
    }

    /// Whether a CLOSE was written that ends the session.
    #[must_use]
    pub const fn is_session_closed(&self) -> bool {
        self.is_session_closed
    }
}

/// A piece of what was written.
#[derive(Debug)]
pub struct Written<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// The frame; the preface is none.
    pub frame: Option<Frame<'a>>,
}

/// What kind of frame is counted.
#[must_use]
pub const fn kind_of(frame: &Frame<'_>) -> Option<FrameKind> {
    Some(match frame {
        Frame::Hello(_) => FrameKind::Hello,
        Frame::Welcome(_) => FrameKind::Welcome,
        Frame::Reject(_) => FrameKind::Reject,
        Frame::Data(_) => FrameKind::Data,
        Frame::Ack(_) => FrameKind::Ack,
        Frame::Ping(_) => FrameKind::Ping,
        Frame::Pong(_) => FrameKind::Pong,
        Frame::GoAway(_) => FrameKind::GoAway,
        Frame::Close(_) => FrameKind::Close,
        Frame::Volatile(_) => FrameKind::Volatile,
        Frame::Skipped { .. } => return None,
    })
}
