use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use korinet_session::v3;
use korinet_wire::v3 as wire;
use korinet_wire::v3::Seq;
use minicbor::{Decode, Encode};
use tokio::time::Instant;

use super::{Body, CallError, Failure, FailureCode, TraceContext};
use crate::Message;
use crate::session::Encoded;

/// A request of the peer, to be answered.
///
/// Dropped without an answer, as when whoever works on it panics, it is answered by the error `unanswered`.
#[derive(Debug)]
#[must_use = "dropped, the request is answered by an error"]
pub struct Request {
    request: v3::IncomingRequest,
    body: Message,
    deadline: Option<Instant>,
    trace: Option<TraceContext>,
}

impl Request {
    /// The request, and the failure that tells the peer what is wrong with it, if something is.
    pub(super) fn new(request: v3::IncomingRequest) -> (Self, Option<Failure>) {
        let mut body = request.request().clone();
        let (mut deadline, mut trace, mut failure) = (None, None, None);
        if !body.message.kind.raw {
            let payload = body.message.payload.clone();
            match wire::Request::decode(&payload) {
                Ok(decoded) => {
                    body.message.payload = payload.slice_ref(decoded.body);
                    let meta = decoded.meta;
                    // What is too far away is no limit.
                    deadline = meta.timeout.and_then(|it| Instant::now().checked_add(it));
                    trace = TraceContext::received(meta.trace_parent, meta.trace_state);
                }
                Err(error) => {
                    let text = error.to_string();
                    failure = Some(Failure::with_code(FailureCode::MALFORMED, text));
                }
            }
        }
        let request = Self {
            request,
            body: Message::from_v3(body),
            deadline,
            trace,
        };
        (request, failure)
    }

    /// What is asked.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.body
    }

    /// What is asked, as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// As [`Message::decode`].
    pub fn decode<'b, T: Decode<'b, ()>>(&'b self) -> Result<T, minicbor::decode::Error> {
        self.body.decode()
    }

    /// Its number in its session.
    #[must_use]
    pub const fn number(&self) -> Seq {
        self.request.seq()
    }

    /// How much is left of the time in which the answer is of use, counted from when the request arrived; `None` where
    /// the requester has not said.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// The trace that it belongs to, if it says so.
    #[must_use]
    pub const fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_ref()
    }

    /// Answers it; resolves when the answer is accepted for sending.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer has given up the request.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up before the answer was accepted the request is dropped.
    pub async fn respond<T: Encode<()> + ?Sized>(self, answer: &T) -> Result<(), CallError> {
        let answer = Encoded::of(answer)?;
        Ok(self.request.respond(false, answer.borrow()).await?)
    }

    /// As [`respond`](Self::respond), with bytes as they are.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn respond_raw(self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        let answer = Encoded::raw(bytes.into());
        Ok(self.request.respond(true, answer.borrow()).await?)
    }

    /// Answers it by an error.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn fail(self, failure: impl Into<Failure>) -> Result<(), CallError> {
        let payload = Encoded::raw(failure.into().payload().into());
        Ok(self.request.fail(payload.borrow()).await?)
    }

    /// The next item of the request's stream; `None` after its end.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no item is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, CallError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    pub(super) fn poll_recv(
        &mut self,
        cx: &Context<'_>,
    ) -> Poll<Result<Option<Message>, CallError>> {
        let item = std::task::ready!(self.request.poll_recv(cx))?;
        Poll::Ready(Ok(item.map(Message::from_v3)))
    }

    /// Tells the peer that no more of that stream is wanted; the request can still be answered.
    pub fn stop(&mut self) {
        self.request.stop();
    }

    /// Sends an item of the answer's stream; resolves when it is accepted for sending, for which it waits until the
    /// peer has room for it. The answer is [`end`](Self::end) then, or an error.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer has given up the request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the item is not sent.
    pub async fn send<T: Encode<()> + ?Sized>(&mut self, item: &T) -> Result<(), CallError> {
        let item = Encoded::of(item)?;
        Ok(self.request.send(false, item.borrow()).await?)
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
        Ok(self.request.send(true, item.borrow()).await?)
    }

    /// Ends the answer's stream, and with it the call.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn end(self) -> Result<(), CallError> {
        Ok(self.request.end().await?)
    }

    /// Resolves when the peer has given up the request, or its session is over: there is no use in working on it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn given_up(&self) {
        self.request.given_up().await;
    }

    /// Both streams as bytes: what is written goes as items of raw bytes, and so the peer's items are read.
    pub fn body(&mut self) -> Body<'_> {
        Body::of_request(self)
    }

    pub(super) const fn inner(&mut self) -> &mut v3::IncomingRequest {
        &mut self.request
    }
}
