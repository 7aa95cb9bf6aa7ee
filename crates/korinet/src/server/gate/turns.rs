//! Which connections have a handshake under way, which wait for their turn, and which make room for others. No clock, no
//! task: told what happened, it says to whom it matters.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;

use super::{AddressKey, GateLimits, Limit, as_u64};

/// A connection, by when it came.
pub(super) type Id = u64;

/// How far a connection is with its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits for its turn.
    Waiting,
    /// It is under way, and not for long.
    Protected,
    /// It is under way for so long that it makes room for another where that is fair.
    Preemptible,
    /// It is under way, and the server has heard all that it waits for.
    Heard,
}

/// All connections without a session, each address in its fair share.
#[derive(Debug)]
pub(super) struct Turns {
    limits: GateLimits,
    next: Id,
    underway: usize,
    places: HashMap<Id, Place>,
    addresses: HashMap<Option<AddressKey>, Address>,
    /// Of each address that may have another handshake, how many it has, and who is next: the first of all is the one
    /// of the fewest.
    takers: BTreeSet<(usize, Id)>,
    /// Of each address that could make room, how many it has, and its oldest: the last of all is the oldest of the most.
    victims: BTreeSet<(usize, Reverse<Id>)>,
}

#[derive(Debug)]
struct Place {
    key: Option<AddressKey>,
    stage: Stage,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Address {
    underway: usize,
    waiting: BTreeSet<Id>,
    preemptible: BTreeSet<Id>,
}

impl Address {
    fn taker(&self, most: usize) -> Option<(usize, Id)> {
        let next = self.waiting.first().filter(|_| self.underway < most)?;
        Some((self.underway, *next))
    }

    fn victim(&self) -> Option<(usize, Reverse<Id>)> {
        let oldest = self.preemptible.first()?;
        Some((self.underway, Reverse(*oldest)))
    }
}

impl Turns {
    pub(super) fn new(limits: GateLimits) -> Self {
        Self {
            limits,
            next: 0,
            underway: 0,
            places: HashMap::new(),
            addresses: HashMap::new(),
            takers: BTreeSet::new(),
            victims: BTreeSet::new(),
        }
    }

    /// How many handshakes are under way.
    pub(super) const fn underway(&self) -> usize {
        self.underway
    }

    /// How far a connection is; nothing, once it has left or made room for another.
    pub(super) fn stage(&self, id: Id) -> Option<Stage> {
        self.places.get(&id).map(|place| place.stage)
    }

    /// What a connection that waits is in the way of, and how much of that there may be.
    pub(super) fn obstacle(&self, id: Id) -> (Limit, u64) {
        let key = self.places.get(&id).and_then(|place| place.key);
        let most = self.most_of(key);
        let address = self.addresses.get(&key);
        if address.is_some_and(|address| address.underway >= most) {
            (Limit::HandshakesPerAddress, as_u64(most))
        } else {
            (Limit::Handshakes, as_u64(self.limits.handshakes))
        }
    }

    /// A connection has come; and how it is told that its stage has changed.
    pub(super) fn arrive(&mut self, key: Option<AddressKey>) -> (Id, Arc<Notify>) {
        let id = self.next;
        self.next += 1;
        let changed = Arc::new(Notify::new());
        let place = Place {
            key,
            stage: Stage::Waiting,
            changed: Arc::clone(&changed),
        };
        self.places.insert(id, place);
        self.change(key, |address| {
            address.waiting.insert(id);
        });
        self.settle();
        (id, changed)
    }

    /// The handshake has had its time for itself.
    pub(super) fn expose(&mut self, id: Id) {
        if let Some(place) = self.places.get_mut(&id)
            && place.stage == Stage::Protected
        {
            place.stage = Stage::Preemptible;
            let key = place.key;
            self.change(key, |address| {
                address.preemptible.insert(id);
            });
            self.settle();
        }
    }

    /// The server has heard all that it waits for, so that the handshake makes no room any more; whether it is under way.
    pub(super) fn hear(&mut self, id: Id) -> bool {
        let Some(place) = self.places.get_mut(&id) else {
            return false;
        };
        place.stage = Stage::Heard;
        let key = place.key;
        self.change(key, |address| {
            address.preemptible.remove(&id);
        });
        true
    }

    /// The connection waits no more, or its handshake is over.
    pub(super) fn leave(&mut self, id: Id) {
        self.remove(id);
        self.settle();
    }

    /// Has as many handshakes begin as there may be. Beyond that, who is next takes the place of another, if its address
    /// has none, or has fewer than the other's even then.
    fn settle(&mut self) {
        while let Some(&(fewest, next)) = self.takers.first() {
            if self.underway >= self.limits.handshakes {
                let Some(&(most, Reverse(victim))) = self.victims.last() else {
                    return;
                };
                if fewest > 0 && fewest + 1 >= most {
                    return;
                }
                self.remove(victim);
            }
            self.grant(next);
        }
    }

    fn grant(&mut self, id: Id) {
        let Some(place) = self.places.get_mut(&id) else {
            return;
        };
        place.stage = Stage::Protected;
        place.changed.notify_one();
        let key = place.key;
        self.underway += 1;
        self.change(key, |address| {
            address.waiting.remove(&id);
            address.underway += 1;
        });
    }

    fn remove(&mut self, id: Id) {
        let Some(place) = self.places.remove(&id) else {
            return;
        };
        place.changed.notify_one();
        let is_underway = place.stage != Stage::Waiting;
        self.underway -= usize::from(is_underway);
        self.change(place.key, |address| {
            address.waiting.remove(&id);
            address.preemptible.remove(&id);
            address.underway -= usize::from(is_underway);
        });
    }

    /// Changes what there is of an address, and its rank among the others with it.
    fn change(&mut self, key: Option<AddressKey>, change: impl FnOnce(&mut Address)) {
        let most = self.most_of(key);
        let mut address = self.addresses.remove(&key).unwrap_or_default();
        if let Some(rank) = address.taker(most) {
            self.takers.remove(&rank);
        }
        if let Some(rank) = address.victim() {
            self.victims.remove(&rank);
        }
        change(&mut address);
        self.takers.extend(address.taker(most));
        self.victims.extend(address.victim());
        if address.underway > 0 || !address.waiting.is_empty() {
            self.addresses.insert(key, address);
        }
    }

    /// How many handshakes an address may have. A connection without one, as over a Unix socket, has all.
    const fn most_of(&self, key: Option<AddressKey>) -> usize {
        match key {
            Some(_) => self.limits.handshakes_per_address,
            None => usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests;
