use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Kind, Role, Seq};

use super::call::Call;
use super::error::CallError;
use super::incoming::Requests;
use super::line::Line;
use super::table::CallId;
use crate::SendError;
use crate::v3::Ticket;
use crate::v3::driver::inner::Inner;
use crate::v3::driver::shared::Shared;
use crate::v3::driver::waiters::WaiterId;
use crate::v3::driver::{Place, Sender};

impl Sender {
    /// Makes a request; resolves when it is accepted for sending. It waits while as many requests are not answered as
    /// [`CallLimits::local`](super::CallLimits::local) allows.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue): the request does not run.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the request is not made.
    pub async fn call(&self, raw: bool, payload: Payload<'_>) -> Result<Call, SendError> {
        let kind = Kind {
            raw,
            ..Kind::of(Role::Request)
        };
        let mut slot = Slot::new(self);
        poll_fn(|cx| slot.poll(cx)).await;
        let opened = match self.accept_now(kind, None, &payload, open_call) {
            Some(opened) => opened,
            None => self.accept_later(kind, None, payload, open_call).await?,
        };
        let (id, seq) = opened.ok_or(SendError::Closed)?;
        Ok(Call::new(Line::new(self.clone(), id, seq, true)))
    }

    /// The requests of the peer, to be answered from now on.
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self.clone())
    }

    /// Sends a message that belongs to a call, if that is still open: for who polls. An answer closes it.
    pub(super) fn poll_send_part(
        &self,
        cx: &Context<'_>,
        place: &mut Place,
        id: CallId,
        (kind, re): (Kind, Seq),
        payload: &Payload<'_>,
    ) -> Poll<Result<(), CallError>> {
        self.shared().with(|inner, wakes| {
            // The number means nothing in another session than the one of the call.
            if inner.calls().is_stopped(id)? {
                return Poll::Ready(Err(CallError::Stopped));
            }
            let message = (kind, Some(re), payload);
            ready!(self.poll_accept_in(inner, wakes, cx, place, message, untold))?;
            if kind.role == Role::Item {
                inner.calls().handle_sent(id, payload.as_bytes().len());
            } else if !kind.own {
                inner.calls().close(id, wakes);
            }
            Poll::Ready(Ok(()))
        })
    }
}

/// For messages of calls: a flush does not tell of them.
const fn untold(_: &Arc<Shared>, _: &mut Inner, _: Ticket) {}

/// The session always has a number for what it has just accepted.
fn open_call(_: &Arc<Shared>, inner: &mut Inner, ticket: Ticket) -> Option<(CallId, Seq)> {
    let seq = inner.core.number_of(ticket)?;
    Some((inner.calls().open(seq, ticket), seq))
}

/// The permission to make one more request; used or not, it is given back.
struct Slot<'a> {
    sender: &'a Sender,
    id: Option<WaiterId>,
    is_reserved: bool,
}

impl<'a> Slot<'a> {
    const fn new(sender: &'a Sender) -> Self {
        Self {
            sender,
            id: None,
            is_reserved: false,
        }
    }

    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.sender.shared().with(|inner, _| {
            let is_over = inner.ending.is_some();
            let calls = inner.calls();
            // Of a session that is over the request itself is told.
            if is_over || (calls.slots.is_turn_of(self.id) && calls.reserve()) {
                self.is_reserved = !is_over;
                return Poll::Ready(());
            }
            self.id = Some(calls.slots.register(self.id, cx.waker()));
            Poll::Pending
        })
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.sender.shared().with(|inner, wakes| {
            let calls = inner.calls();
            let was_woken = self.id.is_some_and(|id| !calls.slots.remove(id));
            if self.is_reserved {
                calls.unreserve(wakes);
            } else if was_woken {
                calls.pass_slot(wakes);
            }
        });
    }
}
