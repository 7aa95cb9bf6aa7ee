use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use korinet_proto::{Rate, RateLimit};
use korinet_session::Limit;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use turns::{Id, Stage, Turns};

mod turns;

/// How long a handshake is under way before it can be made to make room. Honest clients are done by then, also when many
/// come at once: without this, those that come later would end the handshakes of those before them, and nobody would get
/// through.
pub(crate) const PROTECTION: Duration = Duration::from_millis(1500);

/// From so many addresses on those are looked for of which nothing need be known any more.
const MANY_ADDRESSES: usize = 4096;

/// How much of a server its peers can have before anything is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GateLimits {
    pub(crate) connections: usize,
    pub(crate) handshakes: usize,
    pub(crate) handshakes_per_address: usize,
    pub(crate) failures_per_address: Rate,
}

impl Default for GateLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshakes: 256,
            handshakes_per_address: 16,
            failures_per_address: Rate {
                burst: 1000,
                per_second: 100,
            },
        }
    }
}

/// Lets connections in. Those that are too many for a handshake wait for their turn, and the fewer an address has, the
/// sooner that is: nobody keeps the others out.
///
/// A peer that is waited for can let the time for its handshake pass at no cost, whether it has said nothing or all but
/// its last byte. So what makes room for others is the oldest handshake of the address that has the most of them, until
/// its HELLO is complete: what is waited for then is the server itself.
#[derive(Debug)]
pub(super) struct Gate {
    limits: GateLimits,
    connections: AtomicUsize,
    turns: Mutex<Turns>,
    failures: Mutex<HashMap<AddressKey, RateLimit>>,
}

/// One address, of which many can be had only where they are cheap: of IPv6 the first 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AddressKey(IpAddr);

/// A connection that is let in; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    gate: Arc<Gate>,
    key: Option<AddressKey>,
}

/// A connection's turn to have a handshake: waited for first, and given up when it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    gate: Arc<Gate>,
    id: Id,
    changed: Arc<Notify>,
    protected_until: tokio::time::Instant,
}

impl Gate {
    pub(super) fn new(limits: GateLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            connections: AtomicUsize::new(0),
            turns: Mutex::new(Turns::new(limits)),
            failures: Mutex::default(),
        })
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many handshakes are under way.
    pub(super) fn handshakes(&self) -> usize {
        self.turns().underway()
    }

    /// The limit to these, and its value.
    pub(super) fn most_handshakes(&self) -> (Limit, u64) {
        (Limit::Handshakes, as_u64(self.limits.handshakes))
    }

    /// A connection was accepted; or the limit that is in its way, and its value.
    pub(super) fn enter(
        self: &Arc<Self>,
        now: Instant,
        peer: Option<SocketAddr>,
    ) -> Result<Entered, (Limit, u64)> {
        let key = peer.map(|peer| AddressKey::of(peer.ip()));
        if let Some(key) = key {
            let rate = self.limits.failures_per_address;
            let failures = self.failures().get(&key).copied();
            if failures.is_some_and(|failures| !failures.wait(now, rate).is_zero()) {
                return Err((Limit::FailuresPerAddress, u64::from(rate.burst)));
            }
        }
        let most = self.limits.connections;
        let more = |count| (count < most).then_some(count + 1);
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        match self.connections.fetch_update(set, fetch, more) {
            Ok(_) => Ok(Entered {
                gate: Arc::clone(self),
                key,
            }),
            Err(_) => Err((Limit::Connections, as_u64(most))),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<AddressKey, RateLimit>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entered {
    /// Queues for a handshake.
    pub(super) fn queue(&self) -> Turn {
        let (id, changed) = self.gate.turns().arrive(self.key);
        Turn {
            gate: Arc::clone(&self.gate),
            id,
            changed,
            protected_until: tokio::time::Instant::now(),
        }
    }

    /// The handshake came to nothing.
    pub(super) fn fail(&self, now: Instant) {
        if let Some(key) = self.key {
            let rate = self.gate.limits.failures_per_address;
            let mut failures = self.gate.failures();
            // Beyond the limit there is no more to count.
            let _ = failures.entry(key).or_default().take(now, rate);
            if failures.len() >= MANY_ADDRESSES {
                failures.retain(|_, failures| !failures.is_full(now));
            }
        }
    }
}

impl Turn {
    /// Waits until the handshake may begin.
    pub(super) async fn granted(&mut self) {
        self.reaches(|stage| stage != Some(Stage::Waiting)).await;
        self.protected_until = tokio::time::Instant::now() + PROTECTION;
    }

    /// While it waits: what is in the way, and how much of that there may be.
    pub(super) fn obstacle(&self) -> (Limit, u64) {
        self.gate.turns().obstacle(self.id)
    }

    /// Waits until the handshake has to make room for another, which has its place then.
    pub(super) async fn preempted(&self) {
        sleep_until(self.protected_until).await;
        self.gate.turns().expose(self.id);
        self.reaches(|stage| stage.is_none()).await;
    }

    /// The server has heard all that it waits for: from now on the handshake makes no room. Not, if it has to already.
    #[must_use]
    pub(super) fn keep(&self) -> bool {
        self.gate.turns().hear(self.id)
    }

    async fn reaches(&self, is_there: impl Fn(Option<Stage>) -> bool) {
        while !is_there(self.gate.turns().stage(self.id)) {
            self.changed.notified().await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.turns().leave(self.id);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.gate.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AddressKey {
    fn of(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
