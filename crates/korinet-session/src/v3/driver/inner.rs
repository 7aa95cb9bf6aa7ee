use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use korinet_proto::v3::GoAway;
use korinet_wire::v3::{AttachNumber, Code};
use tokio::sync::mpsc;

use super::calls::Calls;
use super::config::{DriverConfig, WhenDetached};
use super::core::Core;
use super::links::{Links, Parting};
use super::progress::{Progress, Stall};
use super::standing::Standing;
use super::stats::Stats;
use super::trace::trace;
use super::waiters::Waiters;
use super::wakes::Wakes;
use crate::budget::Account;
use crate::clock::now;
use crate::v3::deadline::later;
use crate::v3::{Action, Continuity, Ending, Event, InDoubt, Principal, Ticket};
use crate::{ConnectionError, SessionError, State};

mod flight;
mod memory;

use flight::Flight;

/// What the handles and the tasks of one session share, under its lock.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) core: Core,
    pub(super) config: Arc<DriverConfig>,
    /// What a server's session has of the server's memory.
    account: Option<Account>,
    /// What of a frame has come, and its buffer, in bytes.
    pub(super) input_size: usize,
    /// Where what the peer does not acknowledge has a limit.
    progress: Option<Box<Progress>>,
    /// When the present connection has lasted as long as it may.
    outdated_at: Option<Instant>,
    /// The same of the connection that is about to be told of.
    welcomed: Option<Option<Instant>>,
    /// The tasks that sleep until there is something to do: the one that drives the session, and for a moment
    /// one whose connection was taken over.
    sleepers: Vec<Waker>,
    pub(super) links: Links,
    /// The peer's last announcement that it will close the connection.
    pub(super) go_away: Option<Box<GoAway>>,
    pub(super) peer: Option<SocketAddr>,
    /// Who the client is, in a server.
    pub(super) principal: Principal,
    /// Who waits in `recv`.
    pub(super) reader: Option<Waker>,
    /// Once there was one.
    pub(super) volatile_readers: Option<Box<Waiters>>,
    /// Who waits for room in the window.
    pub(super) room: Waiters,
    /// Who waits for an acknowledgement, by ticket.
    pub(super) receipts: BTreeMap<(Ticket, ReceiptId), Waker>,
    /// How many receipts there are, at least: while there are none, nobody asks what was handed back. It is counted
    /// outside of the lock, too, so that to drop one costs nothing.
    pub(super) receipt_count: Arc<AtomicUsize>,
    pub(super) last_receipt: ReceiptId,
    /// The last message that was accepted without a receipt.
    pub(super) fed: Ticket,
    /// Once a session was lost.
    handed_back: Option<Box<HandedBack>>,
    pub(super) standing: Standing,
    pub(super) observers: Vec<mpsc::UnboundedSender<Event>>,
    pub(super) ending: Option<Box<Ending>>,
    /// Whether every message of this side is known to have been taken, now that the session is over.
    is_settled: bool,
    /// How many handles the application has.
    pub(super) handles: usize,
    /// When a session without handles is given up.
    give_up_at: Option<Instant>,
    /// What was last known to be acknowledged.
    settled: Ticket,
    /// The message whose acknowledgement tells the round trip, and when it was written.
    probe: Option<(Ticket, Instant)>,
    round_trip: Option<Duration>,
    pub(super) received: u64,
    /// What there is of calls, once there was one.
    pub(super) calls: Option<Box<Calls>>,
    /// What happened last, where that is recorded.
    flight: Option<Box<Flight>>,
    /// The last message that may have reached the peer.
    pub(super) written: Ticket,
    replayed: u64,
    connections: u64,
    lost: u64,
    #[cfg(feature = "metrics")]
    pub(super) meter: super::meter::Meter,
}

/// Tells the receipts for the same ticket apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct ReceiptId(pub(super) u64);

/// What was accepted and is not known to have arrived, since its session was lost.
#[derive(Debug, Default)]
struct HandedBack {
    /// Why, where one of them has no receipt, until a flush tells of it.
    without_receipt: Option<SessionError>,
    with_receipt: Vec<(RangeInclusive<Ticket>, SessionError)>,
}

impl Inner {
    pub(super) fn new(core: Core, config: Arc<DriverConfig>, account: Option<Account>) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            meter: super::meter::Meter::new(&core),
            flight: Flight::new(&core, config.flight_recorder),
            core,
            account,
            input_size: 0,
            progress: (config.stalled_after).map(|limit| Box::new(Progress::new(limit))),
            outdated_at: None,
            welcomed: None,
            config,
            sleepers: Vec::new(),
            links: Links::default(),
            go_away: None,
            peer: None,
            principal: Principal::default(),
            reader: None,
            volatile_readers: None,
            room: Waiters::default(),
            receipts: BTreeMap::new(),
            receipt_count: Arc::default(),
            last_receipt: ReceiptId::default(),
            fed: Ticket(0),
            handed_back: None,
            standing: Standing::new(State::Connecting),
            observers: Vec::new(),
            ending: None,
            is_settled: true,
            handles: 0,
            give_up_at: None,
            settled: Ticket(0),
            probe: None,
            round_trip: None,
            received: 0,
            calls: None,
            written: Ticket(0),
            replayed: 0,
            connections: 0,
            lost: 0,
        }
    }

    /// Follows up on whatever the core was just told: to be called after each input, and after commands that
    /// can end something.
    pub(super) fn settle(&mut self, wakes: &mut Wakes) {
        // An answer that came before the end of its session is an answer.
        self.route_calls(wakes);
        while let Some(event) = self.core.poll_event() {
            self.handle_event(event, wakes);
        }
        while let Some(action) = self.core.poll_action() {
            self.handle_action(action, wakes);
        }
        self.tell_flight();
        if self.core.unread_messages() > 0 || self.has_unanswered() {
            wakes.push(self.reader.take());
        }
        if let Some(readers) = &mut self.volatile_readers
            && self.core.has_volatile()
        {
            wakes.push(readers.next());
        }
        self.settle_acknowledged(wakes);
        #[cfg(feature = "metrics")]
        self.measure();
    }

    fn settle_acknowledged(&mut self, wakes: &mut Wakes) {
        let settled = self.core.acknowledged();
        if settled == self.settled {
            return;
        }
        self.settled = settled;
        if let Some(progress) = &mut self.progress {
            let is_all = settled == self.core.accepted();
            progress.handle_acknowledged(now(), is_all);
        }
        if let Some((ticket, written)) = self.probe
            && ticket <= settled
        {
            self.round_trip = Some(now().saturating_duration_since(written));
            self.probe = None;
        }
        while let Some(entry) = self.receipts.first_entry()
            && entry.key().0 <= settled
        {
            wakes.push(Some(entry.remove()));
        }
        // It passes the turn on while there is room.
        wakes.push(self.room.next());
    }

    fn handle_event(&mut self, event: Event, wakes: &mut Wakes) {
        trace(&event, self.core.id(), self.peer);
        if let Some(flight) = &mut self.flight {
            flight.handle_event(&event);
        }
        match &event {
            Event::Connecting(_) => self.standing.set(State::Connecting),
            Event::Attached(continuity) => {
                self.handle_attached(continuity);
                wakes.push(self.room.next());
            }
            Event::Detached { reason, wait } => {
                self.probe = None;
                self.input_size = 0;
                // Who has left half of a message has no memory for it any more.
                self.charge();
                self.outdated_at = None;
                if let Some(progress) = &mut self.progress {
                    progress.handle_detached();
                }
                let state = State::Detached {
                    reason: reason.clone(),
                    attempts: self.core.attempts(),
                    wait: *wait,
                };
                self.standing.set(state);
                if self.config.when_detached == WhenDetached::Fail {
                    wakes.extend(self.room.drain());
                }
            }
            Event::Draining(go_away) => self.go_away = Some(Box::new(go_away.clone())),
            Event::Lost { why, in_doubt, .. } => {
                self.lost += 1;
                self.hand_back(in_doubt, &SessionError::Lost(why.clone()));
                self.lose_calls(why, wakes);
            }
            Event::Closed { why, in_doubt } => self.handle_closed(why, in_doubt, wakes),
        }
        self.observers
            .retain(|observer| observer.send(event.clone()).is_ok());
        if self.ending.is_some() {
            // Whoever holds the session does not wait for more.
            self.observers = Vec::new();
        }
    }

    fn handle_attached(&mut self, continuity: &Continuity) {
        self.outdated_at = self.welcomed.take().flatten();
        self.connections += 1;
        self.replayed += continuity.replayed;
        self.standing.set(State::Attached);
        self.name(&tracing::Span::current());
    }

    /// Tells a connection's span whose it is.
    pub(super) fn name(&self, span: &tracing::Span) {
        if let Some(id) = self.core.id() {
            span.record("session", tracing::field::display(id.short()));
        }
    }

    fn handle_closed(&mut self, why: &Ending, in_doubt: &[InDoubt], wakes: &mut Wakes) {
        let error = why.as_error();
        self.hand_back(in_doubt, error.as_ref().unwrap_or(&SessionError::Abandoned));
        self.standing.set(State::Closed { error });
        self.ending = Some(Box::new(why.clone()));
        self.is_settled = in_doubt.is_empty();
        self.end_calls(why, wakes);
        wakes.push(self.reader.take());
        if let Some(readers) = &mut self.volatile_readers {
            wakes.extend(readers.drain());
        }
        wakes.extend(self.room.drain());
        wakes.extend(std::mem::take(&mut self.receipts).into_values());
        self.wake_task(wakes);
    }

    /// How the session ended, as who closes it is told: that the peer did so first, in good order, is as good.
    pub(super) fn outcome(&self) -> Result<(), SessionError> {
        let ending = self.ending.as_ref().ok_or(SessionError::Stopped)?;
        if ending.is_done() && self.is_settled {
            return Ok(());
        }
        ending.as_error().map_or(Ok(()), Err)
    }

    fn hand_back(&mut self, in_doubt: &[InDoubt], error: &SessionError) {
        let has_receipts = self.receipt_count.load(Ordering::Relaxed) > 0;
        if !has_receipts && let Some(before) = &mut self.handed_back {
            before.with_receipt.clear();
        }
        let (Some(first), Some(last)) = (in_doubt.first(), in_doubt.last()) else {
            return;
        };
        let handed_back = self.handed_back.get_or_insert_default();
        if first.ticket <= self.fed {
            let without_receipt = &mut handed_back.without_receipt;
            without_receipt.get_or_insert_with(|| error.clone());
        }
        if has_receipts {
            let tickets = first.ticket..=last.ticket;
            handed_back.with_receipt.push((tickets, error.clone()));
        }
    }

    /// Why a message without a receipt is not known to have arrived, once.
    pub(super) fn take_lost(&mut self) -> Option<SessionError> {
        self.handed_back.as_mut()?.without_receipt.take()
    }

    /// Why one of these messages is not known to have arrived, if so.
    pub(super) fn handed_back(&self, first: Ticket, last: Ticket) -> Option<&SessionError> {
        let mut list = self.handed_back.as_ref()?.with_receipt.iter();
        let (_, error) =
            list.find(|(tickets, _)| *tickets.start() <= last && first <= *tickets.end())?;
        Some(error)
    }

    fn handle_action(&mut self, action: Action, wakes: &mut Wakes) {
        match action {
            Action::Dial(attach) => {
                self.links.dial(attach);
            }
            Action::Abandon(attach) => self.links.part(attach, Parting::Abandon),
            Action::Finish(attach, last) => {
                if let Some(flight) = &mut self.flight {
                    flight.handle_last(attach, &last);
                }
                self.links.part(attach, Parting::Finish(last));
            }
        }
        self.wake_task(wakes);
    }

    /// Has the task woken when there is something to do.
    pub(super) fn sleep(&mut self, waker: &Waker) {
        if !self.sleepers.iter().any(|old| old.will_wake(waker)) {
            self.sleepers.reserve_exact(1);
            self.sleepers.push(waker.clone());
        }
    }

    /// Whether nobody drives the session now.
    pub(super) const fn is_task_asleep(&self) -> bool {
        !self.sleepers.is_empty()
    }

    /// Wakes whoever drives the session, if they sleep.
    pub(super) fn wake_task(&mut self, wakes: &mut Wakes) {
        if !self.sleepers.is_empty() {
            wakes.extend(self.sleepers.drain(..));
        }
    }

    /// As [`wake_task`](Self::wake_task), if there is anything to write.
    pub(super) fn wake_if_owing(&mut self, wakes: &mut Wakes) {
        if !self.sleepers.is_empty() && self.core.has_transmit(self.core.attach(), true) {
            self.wake_task(wakes);
        }
    }

    /// Notes when a message was written, to learn how long its acknowledgement takes.
    pub(super) fn handle_written(&mut self, now: Instant) {
        let newest = self.core.accepted();
        self.written = self.written.max(self.core.written());
        if let Some(progress) = &mut self.progress {
            progress.handle_written(now, newest, self.settled);
        }
        if self.probe.is_none() && newest > self.settled {
            self.probe = Some((newest, now));
        }
        #[cfg(feature = "metrics")]
        self.measure();
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let timeouts = [
            self.core.poll_timeout(),
            self.give_up_at,
            self.outdated_at,
            self.progress.as_ref().and_then(|it| it.poll_timeout()),
        ];
        timeouts.into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, wakes: &mut Wakes) {
        self.core.handle_timeout(now);
        if self.give_up_at.is_some_and(|at| at <= now) {
            self.give_up_at = None;
            self.core.abort(now, SessionError::Abandoned);
        }
        if self.outdated_at.is_some_and(|at| at <= now) {
            self.outdated_at = None;
            let code = Code::AUTHENTICATION_EXPIRED;
            self.detach(now, code, "", ConnectionError::Outdated);
        }
        let stall = self.progress.as_mut().and_then(|it| it.handle_timeout(now));
        match stall {
            None => {}
            Some(Stall::EndConnection(limit)) => {
                let reason = ConnectionError::Stalled(limit);
                let text = reason.to_string();
                self.detach(now, Code::TIMEOUT, &text, reason);
            }
            Some(Stall::EndSession(limit)) => {
                let reason = ConnectionError::Stalled(limit);
                self.core.abort(now, SessionError::Stalled(reason));
            }
        }
        self.settle(wakes);
    }

    /// Closes the connection of a server's session, which goes on.
    fn detach(&mut self, now: Instant, code: Code, text: &str, reason: ConnectionError) {
        if let Core::Server(session) = &mut self.core {
            session.detach_for(now, code, text, reason);
        }
    }

    /// A client was welcomed on this connection, which may last until then.
    pub(super) fn handle_welcomed(
        &mut self,
        attach: AttachNumber,
        peer: Option<SocketAddr>,
        outdated_at: Option<Instant>,
    ) {
        self.links.add(attach);
        self.peer = peer;
        self.welcomed = Some(outdated_at);
    }

    /// The application has dropped its last handle.
    pub(super) fn handle_dropped(&mut self, now: Instant, wakes: &mut Wakes) {
        self.give_up_at = Some(later(now, self.config.linger));
        self.core.close(now, Code::DONE, "");
        self.settle(wakes);
        self.wake_task(wakes);
    }

    pub(super) fn stats(&self) -> Stats {
        let (unacknowledged, unacknowledged_bytes) = self.core.in_flight();
        let calls = self.calls.as_ref();
        let (calls, requests) = calls.map_or((0, 0), |calls| calls.open_calls());
        Stats {
            sent: self.core.accepted().0,
            settled: self.core.acknowledged().0,
            received: self.received,
            unread: self.core.unread(),
            replayed: self.replayed,
            deduplicated: self.core.duplicates(),
            connections: self.connections,
            lost: self.lost,
            unacknowledged,
            unacknowledged_bytes,
            calls,
            requests,
            round_trip: self.round_trip.or_else(|| self.core.round_trip()),
        }
    }
}
