use std::collections::{BTreeMap, VecDeque};
use std::task::Waker;

use korinet_wire::v3::{FailureCode, Ran, Role, Seq};

use super::error::CallError;
use super::exchange::{Effect, Exchange};
use super::limits::CallLimits;
use super::owed::Owed;
use crate::v3::driver::waiters::Waiters;
use crate::v3::driver::wakes::Wakes;
use crate::v3::{Delivery, Ticket};

/// Which side has made a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requester {
    Local,
    Peer,
}

/// One call, for as long as its handle lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::v3::driver) struct CallId(u64);

#[derive(Debug)]
struct Call {
    requester: Requester,
    /// The request's number.
    seq: Seq,
    /// The request's place among all messages of this side, if it is one of them.
    ticket: Ticket,
    exchange: Exchange,
    /// Until the application takes it.
    request: Option<Delivery>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Why nothing more comes of it.
    failed: Option<CallError>,
}

/// Who answers the requests of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answering {
    /// That is not known yet: they wait.
    Undecided,
    /// So many handles.
    Handles(usize),
    Nobody,
}

/// The calls of a session, made by either side: where the messages that name them go (V3-47 to V3-49).
///
/// Memory: see [`CallLimits`]; of each call as much as its stream may hold, one message more, and its answer.
#[derive(Debug)]
pub(in crate::v3::driver) struct Calls {
    limits: CallLimits,
    calls: BTreeMap<CallId, Call>,
    last: u64,
    /// The requests of this side, and of the peer, that are not answered.
    local: BTreeMap<Seq, CallId>,
    peer: BTreeMap<Seq, CallId>,
    /// Those of the peer that the application has not taken.
    waiting: VecDeque<CallId>,
    waiting_bytes: u64,
    answering: Answering,
    /// Who waits for a request of the peer.
    pub(super) acceptors: Waiters,
    /// Who waits to be allowed one more request.
    pub(in crate::v3::driver) slots: Waiters,
    /// Those that are allowed one and have not made it.
    reserved: usize,
    owed: VecDeque<Owed>,
    /// The bytes of all streams that the application has not taken.
    streamed: u64,
}

/// What the session remembers of a call beside its messages, in bytes, as it is charged.
const PER_CALL: u64 = 512;

impl Calls {
    pub(in crate::v3::driver) const fn new(limits: CallLimits) -> Self {
        Self {
            limits,
            calls: BTreeMap::new(),
            last: 0,
            local: BTreeMap::new(),
            peer: BTreeMap::new(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            answering: Answering::Undecided,
            acceptors: Waiters::new(),
            slots: Waiters::new(),
            reserved: 0,
            owed: VecDeque::new(),
            streamed: 0,
        }
    }

    /// Whether another message that belongs to a call can be handled: each may make this side owe one.
    pub(in crate::v3::driver) fn may_handle(&self) -> bool {
        self.owed.len() < self.limits.peer
    }

    /// A message came that is a request or names one.
    pub(in crate::v3::driver) fn handle(&mut self, delivery: Delivery, wakes: &mut Wakes) {
        let kind = delivery.message.kind;
        if kind.role == Role::Request {
            return self.handle_request(delivery, wakes);
        }
        let calls = if kind.own { &self.peer } else { &self.local };
        let re = delivery.message.re.unwrap_or(Seq::END);
        // What is over, and what never was, looks alike: it came too late.
        let Some(&id) = calls.get(&re) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        self.streamed -= call.exchange.held();
        let effect = call.exchange.handle(delivery);
        self.streamed += call.exchange.held();
        if matches!(effect, Effect::Readable | Effect::Both) {
            wakes.push(call.reader.take());
        }
        if matches!(effect, Effect::Writable | Effect::Both) {
            wakes.push(call.writer.take());
        }
        match call.requester {
            _ if effect == Effect::Broken => self.handle_broken(id, wakes),
            Requester::Local if call.exchange.is_peer_done() => self.close(id, wakes),
            Requester::Local => {}
            // Nobody has seen it: it does not run.
            Requester::Peer if call.exchange.is_stopped() && call.request.is_some() => {
                self.remove(id, wakes);
            }
            Requester::Peer => {}
        }
    }

    fn handle_request(&mut self, delivery: Delivery, wakes: &mut Wakes) {
        let seq = delivery.message.seq;
        let len = u64::try_from(delivery.message.payload.len()).unwrap_or(u64::MAX);
        let is_busy = self.peer.len() >= self.limits.peer
            || (!self.waiting.is_empty()
                && self.waiting_bytes.saturating_add(len) > self.limits.peer_bytes);
        if self.answering == Answering::Nobody {
            return self
                .owed
                .push_back(Owed::Failure(seq, FailureCode::UNHANDLED));
        }
        if is_busy {
            return self.owed.push_back(Owed::Failure(seq, FailureCode::BUSY));
        }
        let id = self.insert(Requester::Peer, seq, Ticket(0));
        if let Some(call) = self.calls.get_mut(&id) {
            call.request = Some(delivery);
        }
        self.peer.insert(seq, id);
        self.waiting.push_back(id);
        self.waiting_bytes = self.waiting_bytes.saturating_add(len);
        wakes.push(self.acceptors.next());
    }

    fn insert(&mut self, requester: Requester, seq: Seq, ticket: Ticket) -> CallId {
        self.last += 1;
        let id = CallId(self.last);
        let call = Call {
            requester,
            seq,
            ticket,
            exchange: Exchange::new(self.limits.stream),
            request: None,
            reader: None,
            writer: None,
            failed: None,
        };
        self.calls.insert(id, call);
        id
    }

    /// The peer broke the rules of a stream: the call is over, and the peer is told.
    fn handle_broken(&mut self, id: CallId, wakes: &mut Wakes) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        self.owed.push_back(match call.requester {
            Requester::Local => Owed::Cancel(call.seq, true),
            Requester::Peer => Owed::Failure(call.seq, FailureCode::STREAM_BROKEN),
        });
        call.failed = Some(CallError::Broken(Ran::Maybe));
        wakes.push(call.reader.take());
        wakes.push(call.writer.take());
        let is_taken = call.request.is_none();
        self.close(id, wakes);
        if !is_taken {
            self.remove(id, wakes);
        }
    }

    /// Whether one more request may be made; if so, that is kept for whoever asks.
    pub(in crate::v3::driver) fn reserve(&mut self) -> bool {
        let has_room = self.local.len() + self.reserved < self.limits.local;
        self.reserved += usize::from(has_room);
        has_room
    }

    /// Gives up what was reserved, or has made use of it.
    pub(in crate::v3::driver) fn unreserve(&mut self, wakes: &mut Wakes) {
        self.reserved = self.reserved.saturating_sub(1);
        self.pass_slot(wakes);
    }

    /// Lets the next one have its turn, if there is room for its request.
    pub(in crate::v3::driver) fn pass_slot(&mut self, wakes: &mut Wakes) {
        if self.local.len() + self.reserved < self.limits.local {
            wakes.push(self.slots.next());
        }
    }

    /// A request of this side was accepted for sending.
    pub(in crate::v3::driver) fn open(&mut self, seq: Seq, ticket: Ticket) -> CallId {
        let id = self.insert(Requester::Local, seq, ticket);
        self.local.insert(seq, id);
        id
    }

    /// One more handle answers the requests of the peer.
    pub(super) const fn add_acceptor(&mut self) {
        self.answering = match self.answering {
            Answering::Handles(count) => Answering::Handles(count + 1),
            Answering::Undecided | Answering::Nobody => Answering::Handles(1),
        };
    }

    /// One handle fewer does.
    pub(super) fn remove_acceptor(&mut self, wakes: &mut Wakes) {
        match self.answering {
            Answering::Handles(count) if count > 1 => {
                self.answering = Answering::Handles(count - 1);
            }
            Answering::Handles(_) | Answering::Undecided | Answering::Nobody => {
                self.answering = Answering::Nobody;
                self.refuse_waiting(wakes);
            }
        }
    }

    /// Whether requests wait, and it is not known whether anybody will answer them.
    pub(in crate::v3::driver) fn has_unanswered(&self) -> bool {
        self.answering == Answering::Undecided && !self.waiting.is_empty()
    }

    /// Nobody will answer requests, unless somebody says otherwise later.
    pub(in crate::v3::driver) fn refuse_unanswered(&mut self, wakes: &mut Wakes) {
        self.answering = Answering::Nobody;
        self.refuse_waiting(wakes);
    }

    fn refuse_waiting(&mut self, wakes: &mut Wakes) {
        while let Some(&id) = self.waiting.front() {
            let seq = self.calls.get(&id).map(|call| call.seq);
            let refused = seq.map(|seq| Owed::Failure(seq, FailureCode::UNHANDLED));
            self.owed.extend(refused);
            self.remove(id, wakes);
        }
    }

    /// The next request of the peer for the application.
    pub(super) fn accept(&mut self, wakes: &mut Wakes) -> Option<(CallId, Delivery)> {
        let id = self.waiting.pop_front()?;
        let request = self.calls.get_mut(&id)?.request.take()?;
        let len = u64::try_from(request.message.payload.len()).unwrap_or(u64::MAX);
        self.waiting_bytes = self.waiting_bytes.saturating_sub(len);
        if !self.waiting.is_empty() {
            wakes.push(self.acceptors.next());
        }
        Some((id, request))
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next message of a call; `None` if there is none yet.
    pub(super) fn recv(&mut self, id: CallId) -> Result<Option<Delivery>, CallError> {
        let call = self.calls.get_mut(&id).ok_or(CallError::Stopped)?;
        let held = call.exchange.held();
        if let Some(delivery) = call.exchange.recv() {
            self.streamed -= held - call.exchange.held();
            if call.exchange.is_credit_owed() && call.failed.is_none() {
                let is_own = call.requester == Requester::Local;
                let credit = call.exchange.grant();
                self.owed.push_back(Owed::Credit(call.seq, is_own, credit));
            }
            return Ok(Some(delivery));
        }
        // Who has given up its request sends nothing more of it.
        if call.requester == Requester::Peer && call.exchange.is_stopped() {
            return Err(CallError::Stopped);
        }
        call.failed.clone().map_or(Ok(None), Err)
    }

    /// Whether the peer wants nothing more of this side: in a request of its own, not even the answer.
    pub(in crate::v3::driver) fn is_stopped(&self, id: CallId) -> Result<bool, CallError> {
        let call = self.calls.get(&id).ok_or(CallError::Stopped)?;
        match &call.failed {
            Some(error) => Err(error.clone()),
            None => Ok(call.exchange.is_stopped()),
        }
    }

    /// Whether an item may be sent now.
    pub(super) fn may_send(&self, id: CallId) -> Result<bool, CallError> {
        if self.is_stopped(id)? {
            return Err(CallError::Stopped);
        }
        Ok(self
            .calls
            .get(&id)
            .is_some_and(|call| call.exchange.may_send()))
    }

    pub(in crate::v3::driver) fn handle_sent(&mut self, id: CallId, len: usize) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.exchange.handle_sent(len);
        }
    }

    pub(super) fn wait_to_read(&mut self, id: CallId, waker: &Waker) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.reader = Some(waker.clone());
        }
    }

    pub(super) fn wait_to_write(&mut self, id: CallId, waker: &Waker) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.writer = Some(waker.clone());
        }
    }

    /// This side wants no more of the peer's stream.
    pub(super) fn stop(&mut self, id: CallId) {
        if let Some(call) = self.calls.get(&id)
            && call.failed.is_none()
            && !call.exchange.is_peer_done()
        {
            let is_own = call.requester == Requester::Local;
            self.owed.push_back(Owed::Cancel(call.seq, is_own));
        }
    }

    /// The call is answered: what comes of it now comes too late.
    pub(in crate::v3::driver) fn close(&mut self, id: CallId, wakes: &mut Wakes) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let calls = match call.requester {
            Requester::Local => &mut self.local,
            Requester::Peer => &mut self.peer,
        };
        if calls.get(&call.seq) != Some(&id) {
            return;
        }
        calls.remove(&call.seq);
        if call.requester == Requester::Local {
            self.pass_slot(wakes);
        }
    }

    /// The application is done with the call. The peer is told, if it is not over.
    pub(super) fn drop_call(&mut self, id: CallId, wakes: &mut Wakes) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let (calls, owed) = match call.requester {
            Requester::Local => (&self.local, Owed::Cancel(call.seq, true)),
            Requester::Peer => (&self.peer, Owed::Failure(call.seq, FailureCode::UNANSWERED)),
        };
        let is_open = calls.get(&call.seq) == Some(&id);
        let is_wanted = call.requester == Requester::Local || !call.exchange.is_stopped();
        if is_open && is_wanted {
            self.owed.push_back(owed);
        }
        self.remove(id, wakes);
    }

    fn remove(&mut self, id: CallId, wakes: &mut Wakes) {
        self.close(id, wakes);
        let Some(call) = self.calls.remove(&id) else {
            return;
        };
        self.streamed -= call.exchange.held();
        if let Some(request) = call.request {
            let len = u64::try_from(request.message.payload.len()).unwrap_or(u64::MAX);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(len);
            self.waiting.retain(|waiting| *waiting != id);
        }
    }

    /// The session is over: no call of it comes to an answer any more. `written`: the last message of this side that
    /// may have reached the peer.
    pub(in crate::v3::driver) fn handle_lost(
        &mut self,
        written: Ticket,
        error: impl Fn(Ran) -> CallError,
        wakes: &mut Wakes,
    ) {
        self.owed.clear();
        while let Some(&id) = self.waiting.front() {
            self.remove(id, wakes);
        }
        let open = std::mem::take(&mut self.local).into_values();
        let open = open.chain(std::mem::take(&mut self.peer).into_values());
        for id in open {
            if let Some(call) = self.calls.get_mut(&id) {
                let ran = match call.requester {
                    Requester::Local if call.ticket > written => Ran::No,
                    Requester::Local | Requester::Peer => Ran::Maybe,
                };
                call.failed.get_or_insert_with(|| error(ran));
                wakes.push(call.reader.take());
                wakes.push(call.writer.take());
            }
        }
        wakes.extend(self.slots.drain());
    }

    /// What this side owes to the peer next.
    pub(in crate::v3::driver) fn owed(&self) -> Option<&Owed> {
        self.owed.front()
    }

    pub(in crate::v3::driver) fn pop_owed(&mut self) {
        self.owed.pop_front();
    }

    /// The memory of all calls, in bytes.
    pub(in crate::v3::driver) fn held(&self) -> u64 {
        let count = u64::try_from(self.calls.len()).unwrap_or(u64::MAX);
        count * PER_CALL + self.streamed + self.waiting_bytes
    }

    /// How many requests are not answered: of this side, and of the peer.
    pub(in crate::v3::driver) fn open_calls(&self) -> (usize, usize) {
        (self.local.len(), self.peer.len())
    }
}
