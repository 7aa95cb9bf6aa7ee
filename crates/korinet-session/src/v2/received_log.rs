use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use korinet_proto::v2::{Frame, MessageIds};

/// What a receiver does with a message that the Python package's client sends again.
///
/// The package sends it under a new id, so that it looks like a message of its own. It is told by
/// its circumstances: it is the first on a new connection, byte for byte the same as the last on
/// another connection from the same address, and that one ended so early and so shortly before
/// that its client may have missed the acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeats {
    /// Acknowledge it and deliver it once, so that a cut connection doubles nothing. The price: a
    /// message of its own in the very same circumstances is not delivered either.
    #[default]
    DeliverOnce,
    /// Deliver it again. Only messages that come again under their own id are delivered once.
    DeliverAgain,
}

/// The Python package's client waits so long for an acknowledgement, and a little more: a connection
/// that outlives its last acknowledgement by this has delivered it.
const PEER_ACK_WAIT: Duration = Duration::from_secs(6);

/// The package's client reconnects at once after a loss and then every second.
const PEER_RECONNECT: Duration = Duration::from_secs(2);

/// The package's client gives up after so long; a message that was never acknowledged can come
/// again until then.
const PEER_TIMEOUT: Duration = Duration::from_secs(120);

/// How many of the latest connections with the same last message are looked at: thousands of clients
/// that all begin with the same words must not cost each other time.
const MAX_CANDIDATES: usize = 64;

/// How many ended connections are remembered at most, and how long.
const MAX_ENDED: usize = 1024;
const MAX_AGE: Duration = Duration::from_secs(600);

/// The last message of each connection, to recognise it when it comes again on another one.
///
/// The rules are V2-14 to V2-16 of the wire crate's `PROTOCOL.md`.
///
/// With stop and wait, only a connection's last message can come again, and only as the first on
/// the next. `T` is what the caller wants to know of the earlier message.
///
/// Memory: some 200 bytes for each open connection and for up to 1,024 ended ones, which are
/// forgotten after ten minutes.
#[derive(Debug)]
pub struct ReceivedLog<T> {
    repeats: Repeats,
    hasher: RandomState,
    connections: BTreeMap<ConnectionId, Connection<T>>,
    /// The connections by the id, and by the data, of their last message.
    by_id: BTreeSet<(u64, ConnectionId)>,
    by_data: BTreeSet<(u64, ConnectionId)>,
    /// The ended ones, in order.
    ended: VecDeque<ConnectionId>,
    next: ConnectionId,
}

/// One connection of a server, in the order of their beginnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

/// What the first message of a connection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum First<T> {
    /// A message of its own.
    New,
    /// One that came before on another connection; what was noted of it.
    Repeat(T),
    /// One that came before if that connection turns out to have ended: the package's client leaves
    /// the old one when it has the new one, and the news of both arrive in any order. To be asked
    /// again a moment later; if it is still open then, the message is [`New`](Self::New).
    Undecided,
}

#[derive(PartialEq, Eq)]
enum Chance {
    None,
    Repeat,
    IfItEnds,
}

#[derive(Debug)]
struct Connection<T> {
    peer: Option<IpAddr>,
    last: Option<Last<T>>,
    ended_at: Option<Instant>,
}

#[derive(Debug)]
struct Last<T> {
    id: u64,
    data: u64,
    /// Whether its sender repeats a message under the same id.
    keeps_ids: bool,
    acknowledged_at: Option<Instant>,
    /// The peer has sent something since, so it had the acknowledgement.
    confirmed: bool,
    value: T,
}

impl<T: Clone> ReceivedLog<T> {
    /// A log without connections.
    #[must_use]
    pub fn new(repeats: Repeats) -> Self {
        Self {
            repeats,
            hasher: RandomState::new(),
            connections: BTreeMap::new(),
            by_id: BTreeSet::new(),
            by_data: BTreeSet::new(),
            ended: VecDeque::new(),
            next: ConnectionId(0),
        }
    }

    /// A connection begins; `peer` is its address, if it has one.
    pub fn handle_opened(&mut self, now: Instant, peer: Option<IpAddr>) -> ConnectionId {
        self.forget(now);
        let id = self.next;
        self.next.0 += 1;
        let connection = Connection {
            peer,
            last: None,
            ended_at: None,
        };
        self.connections.insert(id, connection);
        id
    }

    /// A connection begins with this message: whether it is one that came before.
    pub fn handle_first(&mut self, now: Instant, on: ConnectionId, frame: &Frame) -> First<T> {
        let Some(peer) = self.connections.get(&on).map(|this| this.peer) else {
            return First::New;
        };
        let (id, data) = self.hash(frame);
        let same_id = recent(&self.by_id, id).find(|earlier| {
            *earlier != on && self.last(*earlier).is_some_and(|last| last.data == data)
        });
        if let Some(earlier) = same_id {
            return self.repeat_of(earlier);
        }
        if self.repeats == Repeats::DeliverAgain || MessageIds::is_marked(&frame.id()) {
            return First::New;
        }
        let chance = |earlier| {
            self.connections
                .get(&earlier)
                .map(|it| it.chance(now, peer))
        };
        let others = || recent(&self.by_data, data).filter(|earlier| *earlier != on);
        let repeated = others().find(|it| chance(*it) == Some(Chance::Repeat));
        let is_open = others().any(|it| chance(it) == Some(Chance::IfItEnds));
        match (repeated, is_open) {
            (Some(earlier), _) => self.repeat_of(earlier),
            (None, true) => First::Undecided,
            (None, false) => First::New,
        }
    }

    /// The last message of `earlier` has come again. It is accounted for: only the copy on the new
    /// connection can come once more.
    fn repeat_of(&mut self, earlier: ConnectionId) -> First<T> {
        match self.last_mut(earlier) {
            Some(last) => {
                last.confirmed = true;
                First::Repeat(last.value.clone())
            }
            None => First::New,
        }
    }

    /// A message came, the first or a later one; `value` is what to note of it.
    pub fn handle_message(&mut self, on: ConnectionId, frame: &Frame, value: T) {
        let (id, data) = self.hash(frame);
        let last = Last {
            id,
            data,
            keeps_ids: MessageIds::is_marked(&frame.id()),
            acknowledged_at: None,
            confirmed: false,
            value,
        };
        let Some(connection) = self.connections.get_mut(&on) else {
            return;
        };
        if let Some(before) = connection.last.replace(last) {
            self.by_id.remove(&(before.id, on));
            self.by_data.remove(&(before.data, on));
        }
        self.by_id.insert((id, on));
        self.by_data.insert((data, on));
    }

    /// The last message was acknowledged.
    pub fn handle_acknowledged(&mut self, now: Instant, on: ConnectionId) {
        if let Some(last) = self.last_mut(on) {
            last.acknowledged_at.get_or_insert(now);
        }
    }

    /// The peer acknowledged a message of ours, so it does not wait for an acknowledgement itself.
    pub fn handle_confirmed(&mut self, on: ConnectionId) {
        if let Some(last) = self.last_mut(on) {
            last.confirmed = true;
        }
    }

    /// A connection ended, in whatever way; only the first time counts.
    pub fn handle_closed(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.ended_at.is_some() {
            return;
        }
        connection.ended_at = Some(now);
        self.ended.push_back(id);
        self.forget(now);
    }

    fn last_mut(&mut self, on: ConnectionId) -> Option<&mut Last<T>> {
        self.connections.get_mut(&on)?.last.as_mut()
    }

    fn last(&self, on: ConnectionId) -> Option<&Last<T>> {
        self.connections.get(&on)?.last.as_ref()
    }

    /// The frame's id and data.
    fn hash(&self, frame: &Frame) -> (u64, u64) {
        let id = self.hasher.hash_one(frame.id());
        (id, self.hasher.hash_one(&frame.data()[..]))
    }

    /// Removes the ended connections that are too many or too old.
    fn forget(&mut self, now: Instant) {
        while let Some(oldest) = self.ended.front().copied() {
            let is_old = |connection: &Connection<T>| {
                connection
                    .ended_at
                    .is_some_and(|at| now.saturating_duration_since(at) > MAX_AGE)
            };
            if self.ended.len() <= MAX_ENDED && !self.connections.get(&oldest).is_some_and(is_old) {
                return;
            }
            self.ended.pop_front();
            if let Some(last) = self.connections.remove(&oldest).and_then(|gone| gone.last) {
                self.by_id.remove(&(last.id, oldest));
                self.by_data.remove(&(last.data, oldest));
            }
        }
    }
}

/// The latest connections that `index` has under `hash`, the last one first.
fn recent(
    index: &BTreeSet<(u64, ConnectionId)>,
    hash: u64,
) -> impl Iterator<Item = ConnectionId> + '_ {
    index
        .range((hash, ConnectionId(0))..=(hash, ConnectionId(u64::MAX)))
        .rev()
        .take(MAX_CANDIDATES)
        .map(|(_, connection)| *connection)
}

impl<T> Connection<T> {
    /// Whether a client at `peer` may send this connection's last message again, `now`, because it
    /// missed the acknowledgement.
    fn chance(&self, now: Instant, peer: Option<IpAddr>) -> Chance {
        let Some(last) = &self.last else {
            return Chance::None;
        };
        if last.confirmed || last.keeps_ids || peer.is_none() || self.peer != peer {
            return Chance::None;
        }
        let ended_at = self.ended_at.unwrap_or(now);
        let since_end = now.saturating_duration_since(ended_at);
        // An acknowledgement made after the end did not reach the client.
        let is_in_time = match last.acknowledged_at.filter(|at| *at <= ended_at) {
            None => since_end <= PEER_TIMEOUT,
            Some(at) => {
                since_end <= PEER_RECONNECT
                    && ended_at.saturating_duration_since(at) <= PEER_ACK_WAIT
            }
        };
        match (is_in_time, self.ended_at) {
            (false, _) => Chance::None,
            (true, Some(_)) => Chance::Repeat,
            (true, None) => Chance::IfItEnds,
        }
    }
}

#[cfg(test)]
mod tests;
