use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_core::Stream;
use korinet_proto::v3::MessageRef;
use korinet_session::{v2, v3};
use minicbor::{Decode, decode};

use crate::message::check;
use crate::{Batch, Message, RecvError, SessionError, shared_bytes};

/// The receiving half of a [`Session`](super::Session); a [`Stream`] of messages.
#[derive(Debug)]
pub struct Receiver(Side);

#[derive(Debug)]
enum Side {
    /// Apart, so that those of v3 take no memory for it.
    V2(Box<V2Receiver>),
    V3(v3::Receiver),
}

#[derive(Debug)]
struct V2Receiver {
    receiver: v2::Receiver,
    /// The last message that was lent.
    lent: Option<v2::Position>,
    /// The last message that was given as a type.
    unfinished: Option<v2::Position>,
}

impl Receiver {
    pub(super) fn from_v2(receiver: v2::Receiver) -> Self {
        Self(Side::V2(Box::new(V2Receiver {
            receiver,
            lent: None,
            unfinished: None,
        })))
    }

    pub(super) const fn from_v3(receiver: v3::Receiver) -> Self {
        Self(Side::V3(receiver))
    }

    /// As [`Session::recv`](super::Session::recv).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Message>, SessionError> {
        // Mostly it is there, and then nothing else is carried along.
        if let Side::V3(receiver) = &mut self.0
            && let Some(delivery) = receiver.pop()
        {
            return Ok(Some(Message::from_v3(delivery)));
        }
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`Session::recv_as`](super::Session::recv_as).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv_as<T: for<'b> Decode<'b, ()>>(&mut self) -> Result<Option<T>, RecvError> {
        // Mostly it is there, and then nothing else is carried along.
        if let Side::V3(receiver) = &mut self.0
            && let Some(value) = receiver.pop_as(decode_in)
        {
            return Ok(Some(value));
        }
        let next = match &mut self.0 {
            Side::V3(receiver) => receiver.recv_next().await?.map(Message::from_v3),
            Side::V2(v2) => v2.recv_next().await?,
        };
        let Some(message) = next else {
            return Ok(None);
        };
        match message.decode() {
            Ok(value) => Ok(Some(value)),
            Err(source) => {
                let message = Box::new(message);
                Err(RecvError::Decode { message, source })
            }
        }
    }

    /// As [`Session::recv_many`](super::Session::recv_many).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv_many(
        &mut self,
        messages: &mut Vec<Message>,
        limit: usize,
    ) -> Result<usize, SessionError> {
        if let Side::V3(receiver) = &mut self.0 {
            return receiver.recv_many(messages, limit, Message::from_v3).await;
        }
        let first = match limit {
            0 => None,
            _ => self.recv().await?,
        };
        let count = usize::from(first.is_some());
        messages.extend(first);
        Ok(count)
    }

    /// The next messages, at least one and as many as are there already, but at most `limit`, to be looked at until the
    /// next call; `None` once the conversation has ended in good order, or where `limit` is zero. They are received,
    /// whether they are looked at or not.
    ///
    /// It is the fastest way to receive many messages of which few are kept: they stay where they were read to.
    /// With [`AckLevel::Processed`](crate::AckLevel::Processed), [`done_batch`](Self::done_batch) is to be called for each.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_batch(&mut self, limit: usize) -> Result<Option<Batch<'_>>, SessionError> {
        if limit > 0
            && let Side::V2(v2) = &mut self.0
        {
            let delivery = v2.receiver.recv().await?;
            v2.lent = delivery.as_ref().map(|delivery| delivery.position);
            return Ok(delivery.map(|delivery| Batch::one(Message::from_v2(delivery))));
        }
        let Side::V3(receiver) = &mut self.0 else {
            return Ok(None);
        };
        let batch = receiver.recv_batch(limit).await?;
        Ok((!batch.is_empty()).then(|| Batch::from_v3(batch)))
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, SessionError>> {
        Poll::Ready(match &mut self.0 {
            Side::V2(v2) => {
                ready!(v2.receiver.poll_recv(cx)).map(|delivery| delivery.map(Message::from_v2))
            }
            Side::V3(receiver) => {
                ready!(receiver.poll_recv(cx)).map(|delivery| delivery.map(Message::from_v3))
            }
        })
    }

    /// The next message, if there is one already.
    pub fn try_recv(&mut self) -> Option<Message> {
        let mut cx = Context::from_waker(Waker::noop());
        match &mut self.0 {
            Side::V2(_) => match self.poll_recv(&mut cx) {
                Poll::Ready(Ok(message)) => message,
                Poll::Ready(Err(_)) | Poll::Pending => None,
            },
            Side::V3(receiver) => receiver.try_recv().map(Message::from_v3),
        }
    }

    /// The application is done with this message; in protocol v2, and with all before it. With
    /// [`AckLevel::Processed`](crate::AckLevel::Processed) it is acknowledged now, in v3 once those before it are, too;
    /// otherwise it has been, and this has no effect.
    pub fn done(&self, message: &Message) {
        match &self.0 {
            Side::V2(v2) => {
                message
                    .position()
                    .into_iter()
                    .for_each(|position| v2.receiver.done(position));
            }
            Side::V3(receiver) => {
                if let Some((session, seq)) = message.number() {
                    receiver.finish(session, seq);
                }
            }
        }
    }

    /// As [`done`](Self::done), with all messages of the last [batch](Self::recv_batch).
    pub fn done_batch(&self) {
        match &self.0 {
            Side::V2(v2) => v2
                .lent
                .into_iter()
                .for_each(|position| v2.receiver.done(position)),
            Side::V3(receiver) => receiver.finish_batch(),
        }
    }

    /// What receives the [volatile](crate::Sender::send_volatile) messages of the peer. Of those that come faster than
    /// they are read the oldest are dropped; 64 are kept.
    #[must_use]
    pub fn volatile(&self) -> VolatileReceiver {
        VolatileReceiver(match &self.0 {
            Side::V2(_) => None,
            Side::V3(receiver) => Some(receiver.volatile()),
        })
    }
}

impl V2Receiver {
    async fn recv_next(&mut self) -> Result<Option<Message>, SessionError> {
        if let Some(position) = self.unfinished.take() {
            self.receiver.done(position);
        }
        let delivery = self.receiver.recv().await?;
        self.unfinished = delivery.as_ref().map(|delivery| delivery.position);
        Ok(delivery.map(Message::from_v2))
    }
}

/// `memory` is what the message is in. What is no such type is decoded once more, to say why.
fn decode_in<T: for<'b> Decode<'b, ()>>(message: &MessageRef<'_>, memory: &Bytes) -> Option<T> {
    let data = message.payload;
    check(message.kind.raw, data).ok()?;
    shared_bytes::decoding(memory, data.len(), || decode(data)).ok()
}

impl Stream for Receiver {
    type Item = Result<Message, SessionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.poll_recv(cx)).transpose())
    }
}

/// Receives the volatile messages of a session; where there are several, each message goes to one of them.
#[derive(Debug)]
pub struct VolatileReceiver(Option<v3::VolatileReceiver>);

impl VolatileReceiver {
    /// The next message; `None` when the session is over, or in protocol v2, which has none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost by it.
    pub async fn recv(&mut self) -> Option<Message> {
        let volatile = self.0.as_mut()?.recv().await?;
        Some(Message::volatile(volatile.raw, volatile.payload))
    }
}
