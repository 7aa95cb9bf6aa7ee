use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use minicbor::Encode;

use super::encoding::Encoded;
use super::sender::Side;
use super::{Receipt, Sender};
use crate::SendError;
use korinet_wire::v3::Kind;

/// A [`Sink`] of messages: made by [`Sender::sink`].
///
/// It is ready while messages are accepted without waiting, and flushed when all that it was given are acknowledged.
/// Dropped before that, it may leave one message unsent: the one that waits for room.
pub struct MessageSink<T> {
    sender: Sender,
    /// A message that is to be accepted yet.
    waiting: Option<Waiting>,
    /// What is accepted and was not flushed.
    unacknowledged: Option<Receipt>,
    messages: PhantomData<fn(T)>,
}

enum Waiting {
    V2(Pin<Box<dyn Future<Output = Result<Receipt, SendError>> + Send>>),
    V3(korinet_session::v3::Place, Encoded),
}

impl<T> MessageSink<T> {
    pub(super) const fn new(sender: Sender) -> Self {
        Self {
            sender,
            waiting: None,
            unacknowledged: None,
            messages: PhantomData,
        }
    }

    /// Ready when no message waits to be accepted.
    fn poll_accepted(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(()));
        };
        let accepted = match (waiting, &self.sender.0) {
            (Waiting::V2(future), _) => ready!(future.as_mut().poll(cx)),
            (Waiting::V3(place, message), Side::V3(sender)) => {
                let polled = sender.poll_enqueue(cx, place, Kind::MESSAGE, None, &message.borrow());
                ready!(polled)
                    .map(Receipt::from_v3)
                    .map_err(SendError::from)
            }
            (Waiting::V3(..), Side::V2(_)) => return Poll::Ready(Ok(())),
        };
        self.waiting = None;
        let receipt = accepted?;
        match &mut self.unacknowledged {
            Some(earlier) => earlier.join(receipt),
            none => *none = Some(receipt),
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Encode<()>> Sink<T> for MessageSink<T> {
    type Error = SendError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_accepted(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: T) -> Result<(), SendError> {
        let waiting = match &self.sender.0 {
            Side::V2(v2) => {
                let frame = v2.sender.encode(&message)?;
                let sender = v2.sender.clone();
                Waiting::V2(Box::pin(async move {
                    Ok(Receipt::from_v2(sender.enqueue(frame).await?))
                }))
            }
            Side::V3(sender) => Waiting::V3(sender.place(), Encoded::of(&message)?),
        };
        self.waiting = Some(waiting);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        ready!(self.poll_accepted(cx))?;
        if let Some(receipt) = &mut self.unacknowledged {
            let acknowledged = ready!(Pin::new(receipt).poll(cx));
            self.unacknowledged = None;
            acknowledged?;
        }
        Poll::Ready(Ok(()))
    }

    /// Flushes; the session is not closed.
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.poll_flush(cx)
    }
}

impl<T> fmt::Debug for MessageSink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSink")
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}
