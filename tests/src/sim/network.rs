use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use korinet_wire::v3::{Limits, SessionId};

use super::conditions::{Conditions, Connect, Cut};
use super::draw::Draw;
use super::ledger::Ledger;
use super::link::{Dialler, End, Link, LinkId, Pipe, Side};
use super::report::Report;
use super::sky::Sky;
use super::tally::Fault;
use super::trace::Trace;

mod cuts;

/// The connections of a world, its clock, and what is known of all that happened.
#[derive(Debug, Clone)]
pub struct Network {
    base: Instant,
    now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Due)>>,
    order: u64,
    /// All that there ever were.
    pub links: BTreeMap<LinkId, Link>,
    next_link: u32,
    /// What is to become of new connections.
    pub sky: Sky,
    /// The first bytes of clients, for attackers to play back.
    pub recorded: Vec<Bytes>,
    /// Sessions on whose connections frames were changed or put in.
    pub tampered: BTreeSet<SessionId>,
    /// What the server that there is now lets its clients have on their way.
    pub server_limits: Limits,
    /// All that is random.
    pub draw: Draw,
    /// What must hold.
    pub ledger: Ledger,
    /// What was counted.
    pub report: Report,
    /// What happened.
    pub trace: Trace,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// An attempt to connect has an outcome.
    Dialled(LinkId),
    /// Bytes that this side has written arrive.
    Delivery(LinkId, Side),
    /// A connection is cut.
    Cut(LinkId),
    /// This side hears that a connection is over; whether by a reset.
    Told(LinkId, Side, bool),
    /// This side can write again.
    Room(LinkId, Side),
    /// Somebody wanted to be woken.
    Wake(u32),
}

/// What arrives at one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// Bytes.
    Bytes(Bytes),
    /// The end; whether by a reset.
    End(bool),
}

impl Network {
    /// No connections yet.
    #[must_use]
    pub fn new(base: Instant, seed: u64, sky: Sky, is_readable: bool) -> Self {
        Self {
            base,
            now: 0,
            queue: BinaryHeap::new(),
            order: 0,
            links: BTreeMap::new(),
            next_link: 0,
            sky,
            recorded: Vec::new(),
            tampered: BTreeSet::new(),
            server_limits: Limits {
                messages: 1,
                bytes: 1,
                message: 1,
            },
            draw: Draw::new(seed),
            ledger: Ledger::default(),
            report: Report::default(),
            trace: Trace::new(is_readable),
        }
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.base + Duration::from_micros(self.now)
    }

    /// The same in microseconds since the beginning.
    #[must_use]
    pub const fn micros(&self) -> u64 {
        self.now
    }

    /// The moment in microseconds since the beginning.
    #[must_use]
    pub fn micros_of(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.base);
        // Whoever wants to be called in the middle of a microsecond is called after it.
        u64::try_from(since.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
    }

    /// When something happens next.
    #[must_use]
    pub fn next_due(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    /// Lets time go by; it never goes back.
    pub fn advance(&mut self, to: u64) {
        self.now = self.now.max(to);
    }

    /// What happens now, if anything does.
    pub fn pop_due(&mut self) -> Option<Due> {
        match self.queue.peek() {
            Some(Reverse((at, ..))) if *at <= self.now => {
                self.queue.pop().map(|Reverse((_, _, due))| due)
            }
            _ => None,
        }
    }

    /// Something will happen.
    pub fn push_due(&mut self, at: u64, due: Due) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order, due)));
    }

    /// Somebody wants to be woken after `micros`.
    pub fn wake_after(&mut self, micros: u64, token: u32) {
        self.push_due(self.now + micros, Due::Wake(token));
    }

    /// Counts a fault.
    pub fn fault(&mut self, fault: Fault) {
        self.report.faults.add(fault);
    }

    /// Writes a line for the reader.
    pub fn note(&mut self, line: std::fmt::Arguments<'_>) {
        self.trace.line(self.now, line);
    }

    /// Begins an attempt to connect.
    pub fn dial(&mut self, dialler: Dialler, is_secured: bool) -> LinkId {
        let conditions = match dialler {
            Dialler::Client { .. } => self.sky.next(&mut self.draw),
            Dialler::Attacker => Conditions::CALM,
        };
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let secret = is_secured.then(|| (self.draw.bytes(), self.draw.bytes()));
        match conditions.connect {
            Connect::After(wait) | Connect::Fails(wait) => {
                self.push_due(self.now + wait, Due::Dialled(id));
            }
            Connect::Never => self.fault(Fault::ConnectTimeout),
        }
        if let Some((wait, ..)) = conditions.cut_after {
            self.push_due(self.now + wait, Due::Cut(id));
        }
        self.links
            .insert(id, Link::new(id, dialler, conditions, secret));
        id
    }

    /// Bytes for a pipe; nobody looks at them.
    pub fn put(&mut self, id: LinkId, side: Side, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.end(side) != End::Open {
            return;
        }
        let pipe = link.pipe_mut(side);
        if !pipe.is_silent && !pipe.is_finished {
            pipe.queue.extend_from_slice(bytes);
        }
        self.schedule(id, side);
    }

    /// Sees to it that what `side` wrote is delivered.
    pub(super) fn schedule(&mut self, id: LinkId, side: Side) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let (low, high) = link.conditions.latency;
        let pipe = link.pipe_mut(side);
        let is_awaited = !pipe.queue.is_empty() || (pipe.is_finished && !pipe.is_over);
        if pipe.due.is_some() || pipe.is_silent || !is_awaited {
            return;
        }
        let at = self.now + self.draw.between(low, high);
        pipe.due = Some(at);
        self.push_due(at, Due::Delivery(id, side));
    }

    /// Whether `side` can write more at the moment.
    pub fn has_room(&mut self, id: LinkId, side: Side) -> bool {
        const SOCKET_BUFFER: usize = 512;
        let Some(link) = self.links.get(&id) else {
            return false;
        };
        if link.pipe(side).queue.len() >= SOCKET_BUFFER {
            return false;
        }
        let is_wild = matches!(self.sky, Sky::Wild(_));
        if is_wild && self.draw.one_in(32) {
            let at = self.now + self.draw.between(1, 100_000);
            self.push_due(at, Due::Room(id, side));
            return false;
        }
        true
    }

    /// Whether `side` will read more right now.
    #[must_use]
    pub fn is_input_idle(&self, id: LinkId, side: Side) -> bool {
        let Some(link) = self.links.get(&id) else {
            return true;
        };
        link.pipe(side.peer()).due != Some(self.now)
    }

    /// `side` ends its direction and reads on (V3-41).
    pub fn finish(&mut self, id: LinkId, side: Side) {
        if let Some(link) = self.links.get_mut(&id)
            && link.end(side) == End::Open
        {
            link.set_end(side, End::Finished);
            link.pipe_mut(side).is_finished = true;
            self.schedule(id, side);
        }
    }

    /// `side` has no use for the connection any more.
    pub fn close(&mut self, id: LinkId, side: Side) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.set_end(side, End::Closed);
        let is_flushed = link.conditions.is_flushed;
        let pipe = link.pipe_mut(side);
        pipe.is_finished = true;
        if !is_flushed {
            pipe.queue.clear();
        }
        self.schedule(id, side);
    }

    /// What arrives now of what `writer` wrote.
    pub fn deliver(&mut self, id: LinkId, writer: Side) -> Option<Arrival> {
        let link = self.links.get_mut(&id)?;
        let (one_in, most) = link.conditions.stall;
        let (slice, (low, _)) = (link.conditions.slice, link.conditions.latency);
        let cut = link.conditions.cut.filter(|cut| cut.from == writer);
        let pipe = link.pipe_mut(writer);
        if pipe.due != Some(self.now) {
            // It was planned anew since.
            return None;
        }
        pipe.due = None;
        if pipe.is_silent || pipe.is_over {
            return None;
        }
        if pipe.queue.is_empty() {
            pipe.is_over = true;
            return Some(Arrival::End(false));
        }
        if self.draw.one_in(one_in) {
            let at = self.now + self.draw.between(1, most);
            pipe.due = Some(at);
            self.push_due(at, Due::Delivery(id, writer));
            self.fault(Fault::Stall);
            return None;
        }
        let all = pipe.queue.len() as u64;
        let mut count = if slice < all {
            self.report.faults.add(Fault::Split);
            self.draw.between(1, slice)
        } else {
            all
        };
        let is_cut = cut.is_some_and(|cut| pipe.delivered + count >= cut.at);
        if let Some(Cut { at, .. }) = cut.filter(|_| is_cut) {
            count = at.saturating_sub(pipe.delivered);
        }
        let bytes = pipe.take(count);
        if is_cut {
            self.push_due(self.now, Due::Cut(id));
        } else if !pipe.queue.is_empty() || pipe.is_finished {
            let at = self.now + low / 8;
            pipe.due = Some(at);
            self.push_due(at, Due::Delivery(id, writer));
        }
        (!bytes.is_empty()).then_some(Arrival::Bytes(bytes))
    }

    /// Changes a pipe.
    pub fn pipe(&mut self, id: LinkId, side: Side, change: impl FnOnce(&mut Pipe)) {
        if let Some(link) = self.links.get_mut(&id) {
            change(link.pipe_mut(side));
        }
    }
}
