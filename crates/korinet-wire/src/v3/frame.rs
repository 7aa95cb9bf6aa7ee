use core::fmt;

use minicbor::encode::Write;

use super::{Ack, Close, Data, Delimited, GoAway, Hello, Nonce, Reject, Volatile, Welcome};
use crate::framing;
use crate::{DecodeError, DecodeErrorKind, EncodeError};

/// What [`decode`] found at the start of its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack only, from one call to the next, and there is no allocator"
)]
pub enum Decoded<'a> {
    /// A whole frame.
    Complete {
        /// The frame.
        frame: Frame<'a>,
        /// The bytes that it takes up in the input, prefix included.
        len: usize,
    },
    /// The beginning of a frame.
    Partial {
        /// How many bytes are missing for the next step, at least one: up to the end of the prefix,
        /// or, once that is there, up to the end of the frame.
        needed: usize,
    },
}

/// One frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A client opens or resumes a session.
    Hello(Hello<'a>),
    /// A server lets it.
    Welcome(Welcome<'a>),
    /// A server does not.
    Reject(Reject<'a>),
    /// A message.
    Data(Data<'a>),
    /// Messages are taken.
    Ack(Ack),
    /// A peer wants to know whether this one lives.
    Ping(Nonce),
    /// It does.
    Pong(Nonce),
    /// The connection will be closed.
    GoAway(GoAway<'a>),
    /// The session or the connection is over.
    Close(Close<'a>),
    /// A message that may be lost.
    Volatile(Volatile<'a>),
    /// A frame of an unknown type from 128 on, not looked at (V3-7).
    Skipped {
        /// Its type.
        ty: u64,
    },
}

/// Finds the end of the frame that `input` starts with, without a look into it.
///
/// # Errors
///
/// A length of zero, or above `max_frame` (V3-8).
pub fn delimit(input: &[u8], max_frame: u32) -> Result<Delimited, DecodeError> {
    framing::delimit(input, max_frame)
}

/// Decodes the frame that `input` starts with; its body may have up to `max_frame` bytes, see
/// [`max_frame`](super::max_frame).
///
/// Costs nothing but a look at the prefix until the frame is complete, so it can be called again
/// after each read.
///
/// # Errors
///
/// What the peer did wrong, as soon as it shows: a length of zero or above the limit when the
/// prefix is there, all else when the frame is complete. There is no way to go on after an error
/// (V3-9).
pub fn decode(input: &[u8], max_frame: u32) -> Result<Decoded<'_>, DecodeError> {
    let len = match delimit(input, max_frame)? {
        Delimited::Complete { len } => len,
        Delimited::Partial { needed } => return Ok(Decoded::Partial { needed }),
    };
    match Frame::decode_body(framing::body(input, len)) {
        Ok(frame) => Ok(Decoded::Complete { frame, len }),
        Err(error) => Err(framing::from_prefix(error)),
    }
}

/// The encoded map that the proof of a HELLO, WELCOME or REJECT covers (V3-31), from the body that
/// the frame was decoded from; `None` for other bodies.
#[must_use]
pub fn signed_part(body: &[u8]) -> Option<&[u8]> {
    let _ = body;
    None
}

impl<'a> Frame<'a> {
    /// Decodes a frame's body, that is the bytes after the prefix.
    ///
    /// # Errors
    ///
    /// As [`decode`], with offsets into `body`.
    pub fn decode_body(body: &'a [u8]) -> Result<Self, DecodeError> {
        Err(DecodeError {
            kind: DecodeErrorKind::UnexpectedEnd,
            at: body.len(),
        })
    }

    /// The bytes that [`encode`](Self::encode) writes, prefix included; 0 if it would write none.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Data(data) => data.encoded_len(),
            _ => 0,
        }
    }

    /// Writes the frame, prefix included, in the one encoding that it has (V3-5).
    ///
    /// # Errors
    ///
    /// Nothing is written where a receiver would refuse the frame. After an error of the writer, a
    /// part may be written.
    pub fn encode<W: Write>(&self, mut writer: W) -> Result<(), EncodeError<W::Error>> {
        writer.write_all(&[]).map_err(EncodeError::Write)
    }

    /// The frame's name in the protocol, in capitals.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "HELLO",
            Self::Welcome(_) => "WELCOME",
            Self::Reject(_) => "REJECT",
            Self::Data(_) => "DATA",
            Self::Ack(_) => "ACK",
            Self::Ping(_) => "PING",
            Self::Pong(_) => "PONG",
            Self::GoAway(_) => "GOAWAY",
            Self::Close(_) => "CLOSE",
            Self::Volatile(_) => "VOLATILE",
            Self::Skipped { .. } => "SKIPPED",
        }
    }
}

/// One line: the name and what the frame says, never payloads, keys, proofs or authentication.
impl fmt::Display for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello(hello) => hello.fmt(f),
            Self::Welcome(welcome) => welcome.fmt(f),
            Self::Reject(reject) => reject.fmt(f),
            Self::Data(data) => data.fmt(f),
            Self::Ack(ack) => ack.fmt(f),
            Self::Ping(nonce) => write!(f, "PING nonce={nonce}"),
            Self::Pong(nonce) => write!(f, "PONG nonce={nonce}"),
            Self::GoAway(go_away) => go_away.fmt(f),
            Self::Close(close) => close.fmt(f),
            Self::Volatile(volatile) => volatile.fmt(f),
            Self::Skipped { ty } => write!(f, "SKIPPED type={ty}"),
        }
    }
}

macro_rules! from_body {
    ($($body:ident),*) => {
        $(impl<'a> From<$body<'a>> for Frame<'a> {
            fn from(body: $body<'a>) -> Self {
                Self::$body(body)
            }
        })*
    };
}

from_body!(Hello, Welcome, Reject, Data, GoAway, Close, Volatile);

impl From<Ack> for Frame<'_> {
    fn from(ack: Ack) -> Self {
        Self::Ack(ack)
    }
}
