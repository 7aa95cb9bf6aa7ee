use std::time::Duration;

use bytes::Bytes;
use korinet_wire::v3::Seq;
use minicbor::{Decode, Encode};

use super::worker::Worker;
use crate::call::{self, CallError, Failure, TraceContext};
use crate::{Message, SessionError};

/// A request that is about to be made, without async; see [`Sender::call`](super::Sender::call).
#[derive(Debug)]
#[must_use = "the request is made by `answer` or `open`"]
pub struct CallBuilder<'a, T: ?Sized> {
    builder: call::CallBuilder<'a, T>,
    worker: Worker,
}

impl<'a, T: Encode<()> + ?Sized> CallBuilder<'a, T> {
    pub(super) const fn new(builder: call::CallBuilder<'a, T>, worker: Worker) -> Self {
        Self { builder, worker }
    }

    /// As [`call::CallBuilder::deadline`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.builder = self.builder.deadline(deadline);
        self
    }

    /// As [`call::CallBuilder::trace`].
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.builder = self.builder.trace(trace);
        self
    }

    /// Makes the request, and waits until it is accepted for sending: as [`call::CallBuilder::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(self) -> Result<Call, CallError> {
        let call = self.worker.wait(self.builder.open())?;
        let worker = self.worker;
        Ok(Call { call, worker })
    }

    /// Makes the request and waits for its answer: as [`call::CallBuilder::answer`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn answer<R: for<'b> Decode<'b, ()>>(self) -> Result<R, CallError> {
        self.worker.wait(self.builder.answer())
    }

    /// As [`call::CallBuilder::message`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn message(self) -> Result<Message, CallError> {
        self.worker.wait(self.builder.message())
    }
}

/// A request of this side, and the streams that belong to it: [`call::Call`] without async.
///
/// Dropped before the answer has come, it is given up, and the peer is told.
#[derive(Debug)]
#[must_use = "dropped, the request is given up"]
pub struct Call {
    call: call::Call,
    worker: Worker,
}

impl Call {
    /// The request's number in its session.
    #[must_use]
    pub const fn number(&self) -> Seq {
        self.call.number()
    }

    /// Waits for the next item of the answer's stream; `None` as [`call::Call::recv`] says.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv(&mut self) -> Result<Option<Message>, CallError> {
        self.worker.wait(self.call.recv())
    }

    /// Waits for the answer: as [`call::Call::answer`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn answer(self) -> Result<Message, CallError> {
        self.worker.wait(self.call.answer())
    }

    /// Sends an item of the request's stream: as [`call::Call::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<T: Encode<()> + ?Sized>(&mut self, item: &T) -> Result<(), CallError> {
        self.worker.wait(self.call.send(item))
    }

    /// As [`call::Call::send_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_raw(&mut self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        self.worker.wait(self.call.send_raw(bytes))
    }

    /// Ends the request's stream.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn end(&mut self) -> Result<(), CallError> {
        self.worker.wait(self.call.end())
    }
}

/// The requests of the peer, without async; see [`Sender::requests`](super::Sender::requests).
///
/// Clones share them, each in a thread of its own if need be: each request goes to one. When the last is dropped,
/// requests are answered as `unhandled`.
#[derive(Debug, Clone)]
pub struct Requests {
    requests: call::Requests,
    worker: Worker,
}

impl Requests {
    pub(super) const fn new(requests: call::Requests, worker: Worker) -> Self {
        Self { requests, worker }
    }

    /// Waits for the next request; `None` once the session has ended in good order, and at once in protocol v2.
    ///
    /// # Errors
    ///
    /// Why the session ended otherwise.
    pub fn recv(&mut self) -> Result<Option<Request>, SessionError> {
        let request = self.worker.wait(self.requests.recv())?;
        let worker = self.worker.clone();
        Ok(request.map(|request| Request { request, worker }))
    }

    /// The requests as they come, until the session has ended; an error is the last.
    pub const fn iter(&mut self) -> RequestIter<'_> {
        RequestIter {
            requests: self,
            is_over: false,
        }
    }
}

/// The requests of a session: made by [`Requests::iter`].
#[derive(Debug)]
pub struct RequestIter<'a> {
    requests: &'a mut Requests,
    is_over: bool,
}

impl Iterator for RequestIter<'_> {
    type Item = Result<Request, SessionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.requests.recv().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<'a> IntoIterator for &'a mut Requests {
    type Item = Result<Request, SessionError>;
    type IntoIter = RequestIter<'a>;

    fn into_iter(self) -> RequestIter<'a> {
        self.iter()
    }
}

/// A request of the peer, to be answered: [`call::Request`] without async.
///
/// Dropped without an answer, as when whoever works on it panics, it is answered by the error `unanswered`.
#[derive(Debug)]
#[must_use = "dropped, the request is answered by an error"]
pub struct Request {
    request: call::Request,
    worker: Worker,
}

impl Request {
    /// What is asked.
    #[must_use]
    pub const fn message(&self) -> &Message {
        self.request.message()
    }

    /// What is asked, as a `T`, which may borrow from it.
    ///
    /// # Errors
    ///
    /// As [`Message::decode`].
    pub fn decode<'b, T: Decode<'b, ()>>(&'b self) -> Result<T, minicbor::decode::Error> {
        self.request.decode()
    }

    /// The same for what does not wait: its number, its trace, the time that is left.
    pub const fn as_async(&self) -> &call::Request {
        &self.request
    }

    /// Answers it: as [`call::Request::respond`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn respond<T: Encode<()> + ?Sized>(self, answer: &T) -> Result<(), CallError> {
        self.worker.wait(self.request.respond(answer))
    }

    /// As [`call::Request::respond_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn respond_raw(self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        self.worker.wait(self.request.respond_raw(bytes))
    }

    /// Answers it by an error: as [`call::Request::fail`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn fail(self, failure: impl Into<Failure>) -> Result<(), CallError> {
        self.worker.wait(self.request.fail(failure))
    }

    /// Waits until the peer has given up the request, or its session is over.
    pub fn given_up(&self) {
        self.worker.wait(self.request.given_up());
    }

    /// Waits for the next item of the request's stream; `None` after its end.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub fn recv(&mut self) -> Result<Option<Message>, CallError> {
        self.worker.wait(self.request.recv())
    }

    /// Sends an item of the answer's stream: as [`call::Request::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<T: Encode<()> + ?Sized>(&mut self, item: &T) -> Result<(), CallError> {
        self.worker.wait(self.request.send(item))
    }

    /// As [`call::Request::send_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_raw(&mut self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        self.worker.wait(self.request.send_raw(bytes))
    }

    /// Ends the answer's stream, and with it the call.
    ///
    /// # Errors
    ///
    /// As [`call::Request::end`].
    pub fn end(self) -> Result<(), CallError> {
        self.worker.wait(self.request.end())
    }
}
