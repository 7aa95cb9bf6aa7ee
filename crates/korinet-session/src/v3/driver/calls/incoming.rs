use std::future::poll_fn;
use std::task::{Context, Poll};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Role, Seq};

use super::error::CallError;
use super::line::Line;
use crate::SessionError;
use crate::v3::Delivery;
use crate::v3::driver::receiver::end_of;
use crate::v3::driver::waiters::WaiterId;
use crate::v3::driver::{Place, Sender};

/// The requests of the peer; where there are several handles, each request goes to one of them.
///
/// While there has been none, requests wait until the application reads messages: then they are refused as
/// `unhandled`, as they are when the last handle is dropped.
#[derive(Debug)]
pub struct Requests {
    sender: Sender,
}

impl Requests {
    pub(in crate::v3::driver) fn new(sender: Sender) -> Self {
        sender.shared().lock().calls().add_acceptor();
        Self { sender }
    }

    /// The next request; `None` once the session has ended in good order.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no request is lost.
    pub async fn recv(&mut self) -> Result<Option<IncomingRequest>, SessionError> {
        let mut waiting = Waiting {
            requests: self,
            id: None,
        };
        poll_fn(|cx| waiting.poll(cx)).await
    }
}

impl Clone for Requests {
    fn clone(&self) -> Self {
        Self::new(self.sender.clone())
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.sender.shared().with(|inner, wakes| {
            inner.calls().remove_acceptor(wakes);
            inner.send_owed(wakes);
        });
    }
}

struct Waiting<'a> {
    requests: &'a Requests,
    id: Option<WaiterId>,
}

impl Waiting<'_> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Result<Option<IncomingRequest>, SessionError>> {
        let sender = &self.requests.sender;
        let accepted = sender.shared().with(|inner, wakes| {
            if let Some(accepted) = inner.calls().accept(wakes) {
                inner.charge();
                return Poll::Ready(Ok(Some(accepted)));
            }
            if let Some(ending) = &inner.ending {
                return Poll::Ready(end_of(ending).map(|()| None));
            }
            self.id = Some(inner.calls().acceptors.register(self.id, cx.waker()));
            Poll::Pending
        });
        accepted.map_ok(|accepted| {
            let (id, request) = accepted?;
            let line = Line::new(sender.clone(), id, request.message.seq, false);
            Some(IncomingRequest {
                line,
                request,
                is_done: false,
            })
        })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else {
            return;
        };
        self.requests.sender.shared().with(|inner, wakes| {
            let calls = inner.calls();
            // It may have been woken for a request that it does not take.
            if !calls.acceptors.remove(id) && calls.has_waiting() {
                wakes.push(calls.acceptors.next());
            }
        });
    }
}

/// A request of the peer, to be answered.
///
/// Dropped without an answer, it is answered by the error `unanswered`: it may have run.
#[derive(Debug)]
#[must_use = "dropped, the request is answered by an error"]
pub struct IncomingRequest {
    line: Line,
    request: Delivery,
    is_done: bool,
}

impl IncomingRequest {
    /// The request itself.
    #[must_use]
    pub const fn request(&self) -> &Delivery {
        &self.request
    }

    /// Its number in its session.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.line.seq()
    }

    /// The next item of the stream that belongs to it; `None` after the end.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no item is lost.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, CallError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv), for who polls.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Result<Option<Delivery>, CallError>> {
        if self.is_done {
            return Poll::Ready(Ok(None));
        }
        self.line.poll_recv(cx).map_ok(|delivery| {
            self.is_done = delivery.message.kind.role != Role::Item;
            (!self.is_done).then_some(delivery)
        })
    }

    /// Tells the peer that no more of that stream is wanted.
    pub fn stop(&mut self) {
        if !std::mem::replace(&mut self.is_done, true) {
            self.line.stop();
        }
    }

    /// Sends an item of the answer's stream; resolves when it is accepted, for which it waits until the peer has room
    /// for it. After items the answer is [`end`](Self::end), or an error.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer has given up the request.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the item is not sent.
    pub async fn send(&mut self, raw: bool, payload: Payload<'_>) -> Result<(), CallError> {
        self.line.send(Role::Item, raw, payload).await
    }

    /// As [`send`](Self::send), for who polls; `place` keeps the caller's turn while it is pending.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_send(
        &mut self,
        cx: &Context<'_>,
        place: &mut Place,
        raw: bool,
        payload: &Payload<'_>,
    ) -> Poll<Result<(), CallError>> {
        self.line.poll_send(cx, place, (Role::Item, raw), payload)
    }

    /// The last place among those who wait for room in the window.
    #[must_use]
    pub fn place(&self) -> Place {
        self.line.place()
    }

    /// Answers the request; resolves when the answer is accepted for sending.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer has given up the request.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up before the answer was accepted the request is dropped.
    pub async fn respond(self, raw: bool, payload: Payload<'_>) -> Result<(), CallError> {
        self.line.send(Role::Response, raw, payload).await
    }

    /// Answers the request by an error, whose payload is a [`Failure`](korinet_wire::v3::Failure).
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn fail(self, payload: Payload<'_>) -> Result<(), CallError> {
        self.line.send(Role::Error, false, payload).await
    }

    /// Ends the answer's stream, which is the answer.
    ///
    /// # Errors
    ///
    /// As [`respond`](Self::respond).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn end(self) -> Result<(), CallError> {
        self.line.send(Role::End, true, Payload::Copied(&[])).await
    }

    /// Resolves when the peer has given up the request, or the session is over: there is no use in working on it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn given_up(&self) {
        self.line.stopped().await;
    }
}
