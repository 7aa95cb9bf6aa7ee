//! The raw protocol: frames of protocol v2 over a socket that is already there.
//!
//! What the Python package calls `protocol.v2`. Messages have ids and boundaries and that is all:
//! no acknowledgement, no reconnection. When the socket is lost, the conversation is over, and what
//! was sent may have arrived or not.
//!
//! ```
//! use std::collections::BTreeMap;
//! use korinet::raw::Raw;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (here, there) = tokio::io::duplex(1024);
//! let (mut here, mut there) = (Raw::new(here), Raw::new(there));
//! here.send(&BTreeMap::from([("type", "ping")])).await?;
//! let message = there.recv().await?.expect("a message");
//! assert_eq!(message.value()?.get("type").and_then(|value| value.as_str()), Some("ping"));
//! # Ok(())
//! # }
//! ```

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;
use futures_util::{SinkExt, StreamExt};
use korinet_proto::CodecError;
use korinet_proto::v2::{EncodedFrame, FrameCodec, MessageIds};
use korinet_wire::v2::{Limits, MessageId};
use minicbor::Encode;
use pin_project::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio_util::codec::{Framed, FramedRead, FramedWrite};

use crate::settings::{check_max_message, seed};
use crate::{ConfigError, Message};

/// Frames over `Io`, both ways.
///
/// It is a [`Stream`] of messages, and a [`Sink`] of anything that encodes to a map.
#[pin_project]
#[derive(Debug)]
pub struct Raw<Io> {
    #[pin]
    framed: Framed<Io, FrameCodec>,
    encoder: Encoder,
}

/// The sending half of a [`Raw`].
#[pin_project]
#[derive(Debug)]
pub struct RawSender<Io> {
    #[pin]
    framed: FramedWrite<Io, FrameCodec>,
    encoder: Encoder,
}

/// The receiving half of a [`Raw`].
#[pin_project]
#[derive(Debug)]
pub struct RawReceiver<Io> {
    #[pin]
    framed: FramedRead<Io, FrameCodec>,
}

/// Gives messages their ids and frames.
#[derive(Debug)]
struct Encoder {
    ids: MessageIds,
    limits: Limits,
}

impl Encoder {
    fn encode<T: Encode<()> + ?Sized>(&mut self, message: &T) -> Result<EncodedFrame, CodecError> {
        Ok(EncodedFrame::new(self.ids.draw(), message, &self.limits)?)
    }

    async fn send<T: Encode<()> + ?Sized>(
        &mut self,
        message: &T,
        framed: &mut (impl Sink<EncodedFrame, Error = CodecError> + Unpin),
    ) -> Result<MessageId, CodecError> {
        let frame = self.encode(message)?;
        let id = frame.id();
        framed.send(frame).await?;
        Ok(id)
    }
}

impl<Io: AsyncRead + AsyncWrite> Raw<Io> {
    /// Frames over `io`, each up to 524,288 bytes, as the Python package takes them.
    #[must_use]
    pub fn new(io: Io) -> Self {
        Self::with_limits(io, Limits::default())
    }

    /// Frames over `io`, each up to `bytes` both ways: 64 to 67,108,864.
    ///
    /// # Errors
    ///
    /// `bytes` is outside of these bounds.
    pub fn with_max_message(io: Io, bytes: usize) -> Result<Self, ConfigError> {
        let limits = Limits {
            max_frame: check_max_message(bytes)?,
            ..Limits::default()
        };
        Ok(Self::with_limits(io, limits))
    }

    fn with_limits(io: Io, limits: Limits) -> Self {
        let ids = MessageIds::from_seed(seed());
        Self {
            framed: Framed::new(io, FrameCodec::new(limits)),
            encoder: Encoder { ids, limits },
        }
    }

    /// Two halves that can live in different tasks. What was read ahead or not yet written goes with
    /// its half.
    pub fn split(self) -> (RawSender<WriteHalf<Io>>, RawReceiver<ReadHalf<Io>>) {
        let parts = self.framed.into_parts();
        let (read, write) = tokio::io::split(parts.io);
        let mut sender = FramedWrite::new(write, parts.codec.clone());
        *sender.write_buffer_mut() = parts.write_buf;
        let mut receiver = FramedRead::new(read, parts.codec);
        *receiver.read_buffer_mut() = parts.read_buf;
        (
            RawSender {
                framed: sender,
                encoder: self.encoder,
            },
            RawReceiver { framed: receiver },
        )
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Raw<Io> {
    /// Sends a message; its id. It is on its way when this resolves, and may or may not arrive.
    ///
    /// # Errors
    ///
    /// The message is none that the protocol can carry, or the connection failed.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: after giving up the future the message may be in the buffer or not. If it
    /// is, it leaves with the next.
    pub async fn send<T: Encode<()> + ?Sized>(
        &mut self,
        message: &T,
    ) -> Result<MessageId, CodecError> {
        self.encoder.send(message, &mut self.framed).await
    }

    /// The next message; `None` once the peer has closed the connection between two messages.
    ///
    /// # Errors
    ///
    /// The peer sent what is no frame, or closed the connection inside of one, or the connection
    /// failed.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, CodecError> {
        self.next().await.transpose()
    }
}

impl<Io: AsyncWrite + Unpin> RawSender<Io> {
    /// As [`Raw::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send<T: Encode<()> + ?Sized>(
        &mut self,
        message: &T,
    ) -> Result<MessageId, CodecError> {
        self.encoder.send(message, &mut self.framed).await
    }
}

impl<Io: AsyncRead + Unpin> RawReceiver<Io> {
    /// As [`Raw::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Message>, CodecError> {
        self.next().await.transpose()
    }
}

macro_rules! impl_stream {
    ($($type:ident: $($bound:ident)+;)*) => {$(
        impl<Io: $($bound +)+> Stream for $type<Io> {
            type Item = Result<Message, CodecError>;

            fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                let frame = ready!(self.project().framed.poll_next(cx));
                Poll::Ready(frame.map(|frame| frame.map(Message::from_frame)))
            }
        }
    )*};
}

impl_stream! {
    Raw: AsyncRead;
    RawReceiver: AsyncRead;
}

macro_rules! impl_sink {
    ($($type:ident)*) => {$(
        impl<Io: AsyncWrite, T: Encode<()>> Sink<T> for $type<Io> {
            type Error = CodecError;

            fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), CodecError>> {
                Sink::<EncodedFrame>::poll_ready(self.project().framed, cx)
            }

            fn start_send(self: Pin<&mut Self>, message: T) -> Result<(), CodecError> {
                let this = self.project();
                let frame = this.encoder.encode(&message)?;
                this.framed.start_send(frame)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), CodecError>> {
                Sink::<EncodedFrame>::poll_flush(self.project().framed, cx)
            }

            fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), CodecError>> {
                Sink::<EncodedFrame>::poll_close(self.project().framed, cx)
            }
        }
    )*};
}

impl_sink! { Raw RawSender }
