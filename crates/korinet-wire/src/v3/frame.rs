use core::convert::Infallible;
use core::fmt;

use minicbor::encode::Write;

use super::output::{Counter, Output, Written};
use super::value::Value;
use super::{
    Ack, Close, Data, FIRST_SKIPPED_TYPE, GoAway, Hello, MAX_ELEMENTS, Nonce, PREFIX_LEN, Reject,
    Volatile, Welcome,
};
use crate::cbor::Reader;
use crate::{DecodeError, DecodeErrorKind, EncodeError};

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

pub(super) const HELLO: u64 = 1;
pub(super) const WELCOME: u64 = 2;
pub(super) const REJECT: u64 = 3;
const DATA: u64 = 4;
const ACK: u64 = 5;
const PING: u64 = 6;
const PONG: u64 = 7;
const GO_AWAY: u64 = 8;
const CLOSE: u64 = 9;
const VOLATILE: u64 = 10;

impl<'a> Frame<'a> {
    /// Decodes a frame's body, that is the bytes after the prefix.
    ///
    /// # Errors
    ///
    /// As [`decode`](super::decode), with offsets into `body`.
    pub fn decode_body(body: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(body);
        let mut elements = Value::new(&mut reader, "frame").array()?;
        check_count(elements.left())?;
        let ty = elements.required("type")?;
        let at = ty.at();
        let frame = match ty.uint()? {
            HELLO => Self::Hello(Hello::decode(&mut elements)?),
            WELCOME => Self::Welcome(Welcome::decode(&mut elements)?),
            REJECT => Self::Reject(Reject::decode(&mut elements)?),
            DATA => Self::Data(Data::decode(&mut elements)?),
            ACK => Self::Ack(Ack::decode(&mut elements)?),
            PING => Self::Ping(Nonce::decode(&mut elements)?),
            PONG => Self::Pong(Nonce::decode(&mut elements)?),
            GO_AWAY => Self::GoAway(GoAway::decode(&mut elements)?),
            CLOSE => Self::Close(Close::decode(&mut elements)?),
            VOLATILE => Self::Volatile(Volatile::decode(&mut elements)?),
            // Its content may be anything, even what is no CBOR, so nothing more is checked.
            ty if ty >= FIRST_SKIPPED_TYPE => return Ok(Self::Skipped { ty }),
            ty => {
                let kind = DecodeErrorKind::UnknownType(ty);
                return Err(DecodeError { kind, at });
            }
        };
        elements.finish()?;
        check_end(body, reader.at)?;
        Ok(frame)
    }

    /// The bytes that [`encode`](Self::encode) writes, prefix included; 0 if it refuses the frame.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let body = self.body_len::<Infallible>();
        body.map_or(0, |len| PREFIX_LEN.saturating_add(len))
    }

    /// Writes the frame, prefix included, in the one encoding that it has (V3-5).
    ///
    /// # Errors
    ///
    /// Nothing is written where a receiver would refuse the frame. After an error of the writer, a
    /// part may be written.
    pub fn encode<W: Write>(&self, writer: W) -> Result<(), EncodeError<W::Error>> {
        let len = self.body_len()?;
        let max = u32::MAX;
        let prefix = u32::try_from(len).map_err(|_| EncodeError::FrameTooLarge { len, max })?;
        let mut output = Output::new(writer);
        output.raw(&prefix.to_be_bytes())?;
        self.write(&mut output)
    }

    /// The length of the body, and with that whether the frame is legal.
    fn body_len<E>(&self) -> Result<usize, EncodeError<E>> {
        let mut counter = Counter::default();
        match self.write(&mut Output::new(&mut counter)) {
            Ok(()) => Ok(counter.count),
            Err(error) => Err(error.with_writer()),
        }
    }

    fn write<W: Write>(&self, output: &mut Output<W>) -> Written<W> {
        match self {
            Self::Hello(hello) => hello.write(output, HELLO),
            Self::Welcome(welcome) => welcome.write(output, WELCOME),
            Self::Reject(reject) => reject.write(output, REJECT),
            Self::Data(data) => data.write(output),
            Self::Ack(ack) => ack.write(output, ACK),
            Self::Ping(nonce) => nonce.write(output, PING),
            Self::Pong(nonce) => nonce.write(output, PONG),
            Self::GoAway(go_away) => go_away.write(output, GO_AWAY),
            Self::Close(close) => close.write(output, CLOSE),
            Self::Volatile(volatile) => volatile.write(output, VOLATILE),
            Self::Skipped { ty } => Err(EncodeError::Skipped { ty: *ty }),
        }
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

/// V3-4: at most so many elements, which the type is one of.
fn check_count(found: u64) -> Result<(), DecodeError> {
    let max = u64::from(MAX_ELEMENTS);
    if found <= max {
        return Ok(());
    }
    let kind = DecodeErrorKind::TooManyElements { found, max };
    Err(DecodeError { kind, at: 0 })
}

/// V3-4: nothing follows the array, which ends there.
pub(super) const fn check_end(body: &[u8], at: usize) -> Result<(), DecodeError> {
    match body.len().saturating_sub(at) {
        0 => Ok(()),
        len => {
            let kind = DecodeErrorKind::TrailingBytes { len };
            Err(DecodeError { kind, at })
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
