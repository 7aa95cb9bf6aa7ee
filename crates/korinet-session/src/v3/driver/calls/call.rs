use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Role, Seq};

use super::error::CallError;
use super::line::Line;
use crate::v3::Delivery;
use crate::v3::driver::Place;

/// A request of this side.
///
/// Dropped before the answer has come, it is given up: the peer is told, and what comes of it is dropped.
#[derive(Debug)]
#[must_use = "dropped, the request is given up"]
pub struct Call {
    line: Line,
    is_answered: bool,
    is_ended: bool,
}

impl Call {
    pub(in crate::v3::driver) const fn new(line: Line) -> Self {
        Self {
            line,
            is_answered: false,
            is_ended: false,
        }
    }

    /// The request's number in its session.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.line.seq()
    }

    /// The next message of the answer: items of its stream, and in the end one response, error, or end; `None` after
    /// that.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; it says whether the request ran.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, CallError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv), for who polls.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Result<Option<Delivery>, CallError>> {
        if self.is_answered {
            return Poll::Ready(Ok(None));
        }
        self.line.poll_recv(cx).map_ok(|delivery| {
            self.is_answered = delivery.message.kind.role != Role::Item;
            Some(delivery)
        })
    }

    /// Sends an item of the stream that belongs to the request; resolves when it is accepted, for which it waits until
    /// the peer has room for it.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; [`CallError::Stopped`] when the peer wants no more, as when it has answered, or after
    /// [`end`](Self::end).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the item is not sent.
    pub async fn send(&mut self, raw: bool, payload: Payload<'_>) -> Result<(), CallError> {
        if self.is_ended {
            return Err(CallError::Stopped);
        }
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
        if self.is_ended {
            return Poll::Ready(Err(CallError::Stopped));
        }
        self.line.poll_send(cx, place, (Role::Item, raw), payload)
    }

    /// As [`end`](Self::end), for who polls.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_end(&mut self, cx: &Context<'_>, place: &mut Place) -> Poll<Result<(), CallError>> {
        if self.is_ended {
            return Poll::Ready(Ok(()));
        }
        let end = (Role::End, true);
        match ready!(self.line.poll_send(cx, place, end, &Payload::Copied(&[]))) {
            Ok(()) | Err(CallError::Stopped) => {
                self.is_ended = true;
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    /// The last place among those who wait for room in the window.
    #[must_use]
    pub fn place(&self) -> Place {
        self.line.place()
    }

    /// Ends that stream. Whoever wants no more of it already needs not hear of its end.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), but for the peer that wants no more.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the stream is not ended.
    pub async fn end(&mut self) -> Result<(), CallError> {
        let mut place = self.place();
        poll_fn(|cx| self.poll_end(cx, &mut place)).await
    }
}
