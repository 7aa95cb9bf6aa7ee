use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Code, Kind, Seq, SessionId};
use tokio::sync::watch;

use super::accept::{Place, no_receipt};
use super::events::Events;
use super::flight::FlightRecord;
use super::receipt::Receipt;
use super::shared::{Handle, Shared};
use super::stats::Stats;
use crate::clock::now;
use crate::v3::{Principal, SendError as Refusal};
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

    /// As [`feed`](Self::feed), if nothing at all is in the way: false says no more than that it is not sent.
    #[inline]
    #[must_use]
    pub fn feed_now(&self, kind: Kind, re: Option<Seq>, payload: &Payload<'_>) -> bool {
        self.accept_now(kind, re, payload, no_receipt).is_some()
    }

    /// As [`enqueue`](Self::enqueue), if nothing at all is in the way: `None` says no more than that it is not sent.
    #[inline]
    #[must_use]
    pub fn enqueue_now(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: &Payload<'_>,
    ) -> Option<Receipt> {
        self.accept_now(kind, re, payload, Receipt::new)
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

    /// As [`enqueue`](Self::enqueue), but does not wait.
    ///
    /// # Errors
    ///
    /// As there; and with [`PushError::Full`](korinet_proto::v3::PushError::Full) where there is no room,
    /// [`SendError::Detached`] where there is no session yet.
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
        self.shared().lock().standing.watch()
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

    /// Who the client is, as the server has found out: the same on all connections of the session. `None` where nothing
    /// is known of it, and in a client.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        let principal = self.shared().lock().principal.clone();
        (!principal.is_anonymous()).then_some(principal)
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
            inner.standing.watch()
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
