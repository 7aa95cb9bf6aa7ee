use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Kind, Role, Seq};

use super::error::CallError;
use super::table::CallId;
use crate::v3::Delivery;
use crate::v3::driver::{Place, Sender};

/// One side's hold on a call; dropped, the call is over for it.
#[derive(Debug)]
pub(in crate::v3::driver) struct Line {
    sender: Sender,
    id: CallId,
    /// The request's number.
    seq: Seq,
    /// Whether this side has made the request.
    is_own: bool,
}

impl Line {
    pub(in crate::v3::driver) const fn new(
        sender: Sender,
        id: CallId,
        seq: Seq,
        is_own: bool,
    ) -> Self {
        Self {
            sender,
            id,
            seq,
            is_own,
        }
    }

    pub(super) const fn seq(&self) -> Seq {
        self.seq
    }

    /// The next message of the peer.
    pub(super) fn poll_recv(&self, cx: &Context<'_>) -> Poll<Result<Delivery, CallError>> {
        self.sender.shared().with(|inner, wakes| {
            let calls = inner.calls();
            match calls.recv(self.id)? {
                Some(delivery) => {
                    inner.charge();
                    inner.send_owed(wakes);
                    Poll::Ready(Ok(delivery))
                }
                None => {
                    calls.wait_to_read(self.id, cx.waker());
                    Poll::Pending
                }
            }
        })
    }

    /// Resolves when the peer wants nothing more of this side, or the call is over.
    pub(super) async fn stopped(&self) {
        poll_fn(|cx| {
            self.sender.shared().with(|inner, _| {
                let calls = inner.calls();
                match calls.is_stopped(self.id) {
                    Ok(false) => {
                        calls.wait_to_write(self.id, cx.waker());
                        Poll::Pending
                    }
                    Ok(true) | Err(_) => Poll::Ready(()),
                }
            })
        })
        .await;
    }

    /// A place among those who wait for room in the window.
    pub(super) fn place(&self) -> Place {
        self.sender.place()
    }

    /// Sends a message of the call, when there is room for it: an item also waits for the credit of the peer.
    pub(super) async fn send(
        &self,
        role: Role,
        raw: bool,
        payload: Payload<'_>,
    ) -> Result<(), CallError> {
        let mut place = self.place();
        poll_fn(|cx| self.poll_send(cx, &mut place, (role, raw), &payload)).await
    }

    /// The same for who polls; `place` keeps the caller's turn.
    pub(super) fn poll_send(
        &self,
        cx: &Context<'_>,
        place: &mut Place,
        (role, raw): (Role, bool),
        payload: &Payload<'_>,
    ) -> Poll<Result<(), CallError>> {
        if role == Role::Item {
            ready!(self.poll_credit(cx))?;
        }
        let kind = Kind {
            raw,
            own: self.is_own && role.may_be_own(),
            ..Kind::of(role)
        };
        let message = (kind, self.seq);
        self.sender
            .poll_send_part(cx, place, self.id, message, payload)
    }

    fn poll_credit(&self, cx: &Context<'_>) -> Poll<Result<(), CallError>> {
        self.sender.shared().with(|inner, _| {
            let calls = inner.calls();
            if calls.may_send(self.id)? {
                return Poll::Ready(Ok(()));
            }
            calls.wait_to_write(self.id, cx.waker());
            Poll::Pending
        })
    }

    /// Tells the peer that this side wants no more of its stream.
    pub(super) fn stop(&self) {
        self.sender.shared().with(|inner, wakes| {
            inner.calls().stop(self.id);
            inner.send_owed(wakes);
        });
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.sender.shared().with(|inner, wakes| {
            inner.calls().drop_call(self.id, wakes);
            inner.charge();
            inner.send_owed(wakes);
        });
    }
}
