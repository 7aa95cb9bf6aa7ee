use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use korinet_session::v3::{self, Delivery};
use korinet_wire::v3::{Ran, Role, Seq};
use minicbor::Encode;
use tokio::time::Instant;
use tracing::Span;

use super::{Body, CallError, Failure};
use crate::Message;
use crate::session::Encoded;

/// A request of this side, and the streams that belong to it.
///
/// Dropped before the answer has come, it is given up, and the peer is told.
#[derive(Debug)]
#[must_use = "dropped, the request is given up"]
pub struct Call {
    call: v3::Call,
    /// The time that it has, and when that is over.
    deadline: Option<(Duration, Instant)>,
    /// What came instead of another item.
    answer: Option<Delivery>,
    span: Span,
}

impl Call {
    pub(super) const fn new(
        call: v3::Call,
        deadline: Option<(Duration, Instant)>,
        span: Span,
    ) -> Self {
        Self {
            call,
            deadline,
            answer: None,
            span,
        }
    }

    pub(super) const fn span(&self) -> &Span {
        &self.span
    }

    /// The request's number in its session.
    #[must_use]
    pub const fn number(&self) -> Seq {
        self.call.seq()
    }

    /// The next item of the answer's stream; `None` when that has ended, or the request was answered otherwise: then
    /// [`answer`](Self::answer) has it.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no item is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, CallError> {
        let deadline = self.deadline;
        in_time(deadline, poll_fn(|cx| self.poll_recv(cx))).await
    }

    pub(super) fn poll_recv(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Result<Option<Message>, CallError>> {
        if self.answer.is_some() {
            return Poll::Ready(Ok(None));
        }
        let delivery = std::task::ready!(self.call.poll_recv(cx))?;
        Poll::Ready(match delivery {
            Some(delivery) if delivery.message.kind.role == Role::Item => {
                Ok(Some(Message::from_v3(delivery)))
            }
            Some(delivery) if delivery.message.kind.role == Role::Error => {
                Err(failed(&delivery.message.payload))
            }
            answer => {
                self.answer = answer;
                Ok(None)
            }
        })
    }

    /// The answer. Items that were not received before it are dropped.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Answer`] where the answer was a stream.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up the request is, too.
    pub async fn answer(mut self) -> Result<Message, CallError> {
        while self.recv().await?.is_some() {}
        match self.answer.take() {
            Some(answer) if answer.message.kind.role == Role::Response => {
                Ok(Message::from_v3(answer))
            }
            _ => Err(CallError::Answer(
                "it is a stream, expected one message".to_owned(),
            )),
        }
    }

    /// Sends an item of the request's stream; resolves when it is accepted for sending, for which it waits until the
    /// peer has room for it.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer wants no more, as when it has answered.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the item is not sent.
    pub async fn send<T: Encode<()> + ?Sized>(&mut self, item: &T) -> Result<(), CallError> {
        let item = Encoded::of(item)?;
        let deadline = self.deadline;
        in_time(deadline, self.call.send(false, item.borrow())).await
    }

    /// As [`send`](Self::send), with bytes as they are.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_raw(&mut self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        let item = Encoded::raw(bytes.into());
        let deadline = self.deadline;
        in_time(deadline, self.call.send(true, item.borrow())).await
    }

    /// Ends the request's stream.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the stream is not ended.
    pub async fn end(&mut self) -> Result<(), CallError> {
        let deadline = self.deadline;
        in_time(deadline, self.call.end()).await
    }

    /// Both streams as bytes: what is written goes as items of raw bytes, and so the peer's items are read.
    pub fn body(&mut self) -> Body<'_> {
        Body::of_call(self)
    }

    pub(super) const fn inner(&mut self) -> &mut v3::Call {
        &mut self.call
    }
}

/// The error that a peer answered.
fn failed(payload: &Bytes) -> CallError {
    match Failure::received(payload) {
        Ok(failure) => CallError::Failed(failure),
        Err(error) => CallError::Answer(format!("its error is malformed: {error}")),
    }
}

async fn in_time<T, E: Into<CallError>>(
    deadline: Option<(Duration, Instant)>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, CallError> {
    let Some((after, at)) = deadline else {
        return work.await.map_err(Into::into);
    };
    match tokio::time::timeout_at(at, work).await {
        Ok(outcome) => outcome.map_err(Into::into),
        Err(_) => Err(CallError::Deadline {
            after,
            ran: Ran::Maybe,
        }),
    }
}
