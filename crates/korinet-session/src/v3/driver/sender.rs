use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use korinet_proto::v3::{Payload, PushError};
use korinet_wire::v3::{Code, Kind, Role, Seq, SessionId};
use tokio::sync::watch;

use super::calls::{Call, CallError, CallId, Line, Requests};
use super::config::WhenDetached;
use super::events::Events;
use super::flight::FlightRecord;
use super::inner::Inner;
use super::receipt::Receipt;
use super::shared::{Handle, Shared};
use super::stats::Stats;
use super::waiters::WaiterId;
use super::wakes::Wakes;
use crate::clock::now;
use crate::v3::{Ending, SendError as Refusal, Ticket};
use crate::{SendError, SessionError, State};

/// The sending half of a session; clones share it.
///
/// Messages go in the order in which they were accepted.
#[derive(Debug, Clone)]
pub struct Sender {
    handle: Handle,
}

impl Sender {
    pub(super) const fn new(handle: Handle) -> Self {
        Self { handle }
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        self.handle.shared()
    }

    /// The same half, as it is kept by who does not keep the session open.
    #[must_use]
    pub fn downgrade(&self) -> WeakSender {
        WeakSender {
            shared: Arc::downgrade(self.shared()),
        }
    }

    /// Sends a message; resolves when the peer has acknowledged it.
    ///
    /// # Errors
    ///
    /// As [`enqueue`](Self::enqueue); or [`SendError::Unacknowledged`], if the session ended or was lost before
    /// the acknowledgement came.
    ///
    /// # Cancel safety
    ///
    /// Until the message is accepted, giving up the future means that it is not sent. After that it goes its way
    /// all the same, once.
    pub async fn send(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<(), SendError> {
        self.enqueue(kind, re, payload).await?.await
    }

    /// Has a message sent; resolves as soon as it is accepted, which is at once while there is room in the
    /// window. The receipt tells when it is acknowledged.
    ///
    /// # Errors
    ///
    /// The message was not accepted: it is too large, the session is closed or over, or there is no connection
    /// and messages are not to wait for one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the message was not accepted.
    pub async fn enqueue(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Receipt, SendError> {
        // Mostly there is room.
        match self.accept_now(kind, re, &payload, Receipt::new) {
            Some(receipt) => Ok(receipt),
            None => self.accept_later(kind, re, payload, Receipt::new).await,
        }
    }

    /// As [`enqueue`](Self::enqueue), without a receipt: [`flush`](Self::flush) tells of all messages at once.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn feed(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<(), SendError> {
        match self.accept_now(kind, re, &payload, no_receipt) {
            Some(()) => Ok(()),
            None => self.accept_later(kind, re, payload, no_receipt).await,
        }
    }

    /// As [`feed`](Self::feed), for many payloads, which are copied: as much as there is room for is accepted at once.
    ///
    /// # Errors
    ///
    /// As there; the payloads before the one that was not accepted are sent.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: where the future is given up, some of the first payloads may have been accepted, and none after
    /// those.
    pub async fn feed_many(&self, kind: Kind, payloads: &[&[u8]]) -> Result<(), SendError> {
        let mut left = payloads;
        loop {
            let count = self.accept_many_now(kind, left);
            let Some((first, rest)) = left.get(count..).and_then(<[_]>::split_first) else {
                return Ok(());
            };
            self.feed(kind, None, Payload::Copied(first)).await?;
            left = rest;
        }
    }

    /// As [`feed`](Self::feed), but does not wait.
    ///
    /// # Errors
    ///
    /// As [`try_enqueue`](Self::try_enqueue).
    #[inline]
    pub fn try_feed(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
    ) -> Result<(), SendError> {
        match self.accept_now(kind, re, payload, no_receipt) {
            Some(()) => Ok(()),
            None => self.try_accept(kind, re, payload, no_receipt),
        }
    }

    /// Accepts a message, if nothing at all is in the way. It says no more, since all of what there is to say of other
    /// cases would be carried through every call of the ordinary one.
    #[inline]
    fn accept_now<R>(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
        make: Make<R>,
    ) -> Option<R> {
        let mut inner = self.shared().lock();
        let may_wait = inner.config.when_detached == WhenDetached::Wait;
        let is_open = inner.ending.is_none() && inner.room.is_empty();
        if !is_open
            || !(may_wait || inner.core.is_attached())
            || !inner.has_memory_for(payload.as_bytes().len())
        {
            return None;
        }
        let ticket = inner.core.send(kind, re, payload.clone()).ok()?;
        inner.charge();
        let made = make(self.shared(), &mut inner, ticket);
        if inner.is_task_asleep() {
            let mut wakes = Wakes::default();
            inner.wake_task(&mut wakes);
            drop(inner);
            wakes.wake();
        }
        Some(made)
    }

    /// As [`accept_now`](Self::accept_now), for as many as it goes for; how many.
    fn accept_many_now(&self, kind: Kind, payloads: &[&[u8]]) -> usize {
        let bytes = payloads.iter().map(|payload| payload.len()).sum();
        let mut inner = self.shared().lock();
        let may_wait = inner.config.when_detached == WhenDetached::Wait;
        let is_open = inner.ending.is_none() && inner.room.is_empty();
        if !is_open
            || !(may_wait || inner.core.is_attached())
            || !inner.has_memory_for_many(payloads.len(), bytes)
        {
            return 0;
        }
        let mut count = 0;
        for payload in payloads {
            let Ok(ticket) = inner.core.send(kind, None, Payload::Copied(payload)) else {
                break;
            };
            inner.fed = ticket;
            count += 1;
        }
        if count == 0 {
            return 0;
        }
        inner.charge();
        if inner.is_task_asleep() {
            let mut wakes = Wakes::default();
            inner.wake_task(&mut wakes);
            drop(inner);
            wakes.wake();
        }
        count
    }

    /// Waits until all messages that were accepted so far are acknowledged.
    ///
    /// # Errors
    ///
    /// [`SendError::Unacknowledged`], if one without a receipt is not known to have arrived, since the session ended or
    /// was lost before its acknowledgement came; it is told of once.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the next flush has the same to tell.
    pub async fn flush(&self) -> Result<(), SendError> {
        let last = self.shared().with(|inner, _| {
            let last = inner.core.accepted();
            Receipt::new(self.shared(), inner, last)
        });
        let outcome = last.await;
        match self.shared().lock().take_lost() {
            Some(error) => Err(SendError::Unacknowledged(error)),
            None => outcome,
        }
    }

    /// Waits as long as it has to for a message to be accepted.
    async fn accept_later<R>(
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

    /// As [`enqueue`](Self::enqueue), but does not wait.
    ///
    /// # Errors
    ///
    /// As there; and with [`PushError::Full`] where there is no room, [`SendError::Detached`] where there is no
    /// session yet.
    pub fn try_enqueue(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
    ) -> Result<Receipt, SendError> {
        match self.accept_now(kind, re, payload, Receipt::new) {
            Some(receipt) => Ok(receipt),
            None => self.try_accept(kind, re, payload, Receipt::new),
        }
    }

    fn try_accept<R>(
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

    /// As [`enqueue`](Self::enqueue), for who polls: while it is pending, `place` keeps the caller's turn.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_enqueue(
        &self,
        cx: &mut Context<'_>,
        place: &mut Place,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
    ) -> Poll<Result<Receipt, SendError>> {
        self.poll_accept(cx, place, kind, re, payload, Receipt::new)
    }

    fn poll_accept<R>(
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

    fn poll_accept_in<R>(
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

    /// Whether a message that was not accepted for this reason may be later.
    #[must_use]
    pub fn may_wait_after(&self, error: &SendError) -> bool {
        is_temporary(error, self.shared().lock().config.when_detached)
    }

    /// The last place in the queue of those who wait for room in the window.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            shared: Arc::clone(self.shared()),
            id: None,
        }
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
        let may_wait = inner.config.when_detached == WhenDetached::Wait;
        if !may_wait && !inner.core.is_attached() {
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

    /// Sends a payload that is not acknowledged and never comes twice; false if it was dropped at once, as it is
    /// without a connection.
    ///
    /// # Errors
    ///
    /// It is too large.
    pub fn send_volatile(&self, raw: bool, payload: &[u8]) -> Result<bool, SendError> {
        self.shared().with(|inner, wakes| {
            let sent = inner.core.send_volatile(raw, payload);
            inner.wake_task(wakes);
            match sent {
                Ok(is_sent) => Ok(is_sent),
                Err(Refusal::Push(error)) => Err(SendError::Push(error)),
                Err(Refusal::Closed | Refusal::NotOpen) => Ok(false),
            }
        })
    }

    /// Where the session stands, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared().lock().state.subscribe()
    }

    /// What happens to the session from now on, in order.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::of(self.shared())
    }

    /// The session's name; a client has another one after a loss.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.shared().lock().core.id()
    }

    /// The peer's address on the last connection, where the transport has one.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.shared().lock().peer
    }

    /// What the session has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.shared().lock().stats()
    }

    /// What happened last in the session, as far as it is recorded: see
    /// [`DriverConfig::flight_recorder`](super::DriverConfig::flight_recorder). `None` where it is not.
    #[must_use]
    pub fn flight_record(&self) -> Option<FlightRecord> {
        self.shared().lock().flight_record()
    }

    /// Closes the session, for both halves and all clones, once every message is acknowledged; resolves when that
    /// is done. Messages that were received can still be read.
    ///
    /// # Errors
    ///
    /// Why the session ended otherwise: the peer closed it first for a reason, or before it had taken everything; or
    /// it could not be reached.
    ///
    /// # Cancel safety
    ///
    /// The session is closed all the same.
    pub async fn close(self) -> Result<(), SessionError> {
        self.close_with(Code::DONE, "").await
    }

    /// As [`close`](Self::close), and tells the peer why; `text` is cut to 256 bytes.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn close_with(self, code: Code, text: &str) -> Result<(), SessionError> {
        let mut state = self.shared().with(|inner, wakes| {
            inner.core.close(now(), code, text);
            inner.settle(wakes);
            inner.wake_task(wakes);
            inner.state.subscribe()
        });
        let closed = state.wait_for(|state| matches!(state, State::Closed { .. }));
        // The sender of the states is in what `self` holds.
        let _ = closed.await;
        self.shared().lock().outcome()
    }
}

/// A [`Sender`] that does not keep its session open.
#[derive(Debug, Clone)]
pub struct WeakSender {
    shared: Weak<Shared>,
}

impl WeakSender {
    /// The sending half, if the session is not over and another handle of it is there.
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender> {
        let shared = self.shared.upgrade()?;
        Handle::another(&shared).map(Sender::new)
    }
}

/// Makes what stands for a message that was accepted, while the lock is held.
type Make<R> = fn(&Arc<Shared>, &mut Inner, Ticket) -> R;

const fn no_receipt(_: &Arc<Shared>, inner: &mut Inner, ticket: Ticket) {
    inner.fed = ticket;
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
