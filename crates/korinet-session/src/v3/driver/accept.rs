//! How a message is accepted for sending: at once, or when it is its turn and there is room.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use korinet_proto::v3::{Payload, PushError};
use korinet_wire::v3::{Kind, Seq};

use super::config::WhenDetached;
use super::inner::Inner;
use super::sender::Sender;
use super::shared::Shared;
use super::waiters::WaiterId;
use super::wakes::Wakes;
use crate::v3::{Ending, SendError as Refusal, Ticket};
use crate::{SendError, State};

/// Makes what stands for a message that was accepted, while the lock is held.
pub(super) type Make<R> = fn(&Arc<Shared>, &mut Inner, Ticket) -> R;

impl Sender {
    /// Accepts a message, if nothing at all is in the way. It says no more, since all of what there is to say of other
    /// cases would be carried through every call of the ordinary one.
    #[inline]
    pub(super) fn accept_now<R>(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        make: Make<R>,
    ) -> Option<R> {
        let mut inner = self.shared().lock();
        if !is_clear(&inner) || !inner.has_memory_for(payload.as_bytes().len()) {
            return None;
        }
        let ticket = inner.core.send(kind, re, payload.clone()).ok()?;
        inner.charge();
        let made = make(self.shared(), &mut inner, ticket);
        wake_asleep(inner);
        Some(made)
    }

    /// As [`accept_now`](Self::accept_now), for as many as it goes for; how many.
    pub(super) fn accept_many_now(&self, kind: Kind, payloads: &[&[u8]]) -> usize {
        let bytes = payloads.iter().map(|payload| payload.len()).sum();
        let mut inner = self.shared().lock();
        if !is_clear(&inner) || !inner.has_memory_for_many(payloads.len(), bytes) {
            return 0;
        }
        let count = inner.core.send_many(kind, payloads);
        if count == 0 {
            return 0;
        }
        inner.fed = inner.core.accepted();
        inner.charge();
        wake_asleep(inner);
        count
    }

    /// Waits as long as it has to for a message to be accepted.
    pub(super) async fn accept_later<R>(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
        make: Make<R>,
    ) -> Result<R, SendError> {
        let mut place = self.place();
        let accepted = poll_fn(|cx| self.poll_accept(cx, &mut place, kind, re, &payload, make));
        let mut accepted = pin!(accepted);
        let when_detached = self.shared().lock().config.when_detached;
        let limit = match when_detached {
            WhenDetached::WaitFor(limit) => limit,
            WhenDetached::Wait | WhenDetached::Fail => return accepted.await,
        };
        let mut state = self.state();
        loop {
            let detached = async {
                let _ = state.wait_for(|state| *state != State::Attached).await;
                tokio::time::sleep(limit).await;
            };
            let attached = self.state();
            tokio::select! {
                biased;
                result = &mut accepted => return result,
                () = detached => if *attached.borrow() != State::Attached {
                    return Err(SendError::Detached);
                },
            }
        }
    }

    pub(super) fn try_accept<R>(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        make: Make<R>,
    ) -> Result<R, SendError> {
        self.shared().with(|inner, wakes| {
            // Who waits already is first.
            if inner.room.is_empty() {
                return self.accept(inner, wakes, kind, re, payload, make);
            }
            let (messages, bytes) = inner.core.in_flight();
            Err(SendError::Push(PushError::Full { messages, bytes }))
        })
    }

    pub(super) fn poll_accept<R>(
        &self,
        cx: &Context<'_>,
        place: &mut Place,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        make: Make<R>,
    ) -> Poll<Result<R, SendError>> {
        self.shared().with(|inner, wakes| {
            self.poll_accept_in(inner, wakes, cx, place, (kind, re, payload), make)
        })
    }

    pub(super) fn poll_accept_in<R>(
        &self,
        inner: &mut Inner,
        wakes: &mut Wakes,
        cx: &Context<'_>,
        place: &mut Place,
        (kind, re, payload): (Kind, Option<Seq>, &Payload<'_>),
        make: Make<R>,
    ) -> Poll<Result<R, SendError>> {
        if !inner.room.is_turn_of(place.id) && inner.ending.is_none() {
            place.id = Some(inner.room.register(place.id, cx.waker()));
            return Poll::Pending;
        }
        let accepted = self.accept(inner, wakes, kind, re, payload, make);
        if let Err(error) = &accepted
            && is_temporary(error, inner.config.when_detached)
        {
            place.id = Some(inner.room.register_first(place.id, cx.waker()));
            return Poll::Pending;
        }
        place.leave(inner, wakes);
        Poll::Ready(accepted)
    }

    fn accept<R>(
        &self,
        inner: &mut Inner,
        wakes: &mut Wakes,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        make: Make<R>,
    ) -> Result<R, SendError> {
        if let Some(ending) = &inner.ending {
            return Err(not_sent(ending));
        }
        if !may_be_accepted(inner) {
            return Err(SendError::Detached);
        }
        if !inner.has_memory_for(payload.as_bytes().len()) {
            let (messages, bytes) = inner.core.in_flight();
            return Err(SendError::Push(PushError::Full { messages, bytes }));
        }
        match inner.core.send(kind, re, payload.clone()) {
            Ok(ticket) => {
                inner.charge();
                inner.wake_task(wakes);
                Ok(make(self.shared(), inner, ticket))
            }
            Err(Refusal::Closed) => Err(SendError::Closed),
            Err(Refusal::NotOpen) => Err(SendError::Detached),
            Err(Refusal::Push(error)) => Err(SendError::Push(error)),
        }
    }

    /// The last place in the queue of those who wait for room in the window.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            shared: Arc::clone(self.shared()),
            id: None,
        }
    }
}

pub(super) const fn no_receipt(_: &Arc<Shared>, inner: &mut Inner, ticket: Ticket) {
    inner.fed = ticket;
}

/// Whether there is a connection, or messages are accepted without one.
fn may_be_accepted(inner: &Inner) -> bool {
    inner.config.when_detached == WhenDetached::Wait || inner.core.is_attached()
}

/// Whether nothing but a lack of room can be in the way of a message: nobody else waits, either.
fn is_clear(inner: &Inner) -> bool {
    inner.ending.is_none() && inner.room.is_empty() && may_be_accepted(inner)
}

/// Wakes whoever drives the session, if they sleep, once the lock is free.
fn wake_asleep(mut inner: MutexGuard<'_, Inner>) {
    if inner.is_task_asleep() {
        let mut wakes = Wakes::default();
        inner.wake_task(&mut wakes);
        drop(inner);
        wakes.wake();
    }
}

/// A place in the queue of those who wait for room in the window; dropped, it is given up.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    id: Option<WaiterId>,
}

impl Place {
    /// Does not wait any more: it is the next one's turn.
    fn leave(&mut self, inner: &mut Inner, wakes: &mut Wakes) {
        if let Some(id) = self.id.take() {
            inner.room.remove(id);
        }
        wakes.push(inner.room.next());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.id.is_some() {
            let shared = Arc::clone(&self.shared);
            shared.with(|inner, wakes| self.leave(inner, wakes));
        }
    }
}

/// Whether a message may be accepted later that was not now.
const fn is_temporary(error: &SendError, when_detached: WhenDetached) -> bool {
    match error {
        SendError::Detached => !matches!(when_detached, WhenDetached::Fail),
        SendError::Push(PushError::Full { .. }) => true,
        SendError::Closed
        | SendError::NotSent(_)
        | SendError::Push(_)
        | SendError::Unacknowledged(_) => false,
    }
}

fn not_sent(ending: &Ending) -> SendError {
    ending
        .as_error()
        .map_or(SendError::Closed, SendError::NotSent)
}
