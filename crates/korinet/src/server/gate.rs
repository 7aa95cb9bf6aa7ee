use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use korinet_proto::{Rate, RateLimit};
use korinet_session::Limit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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

/// Lets connections in. Those that are too many for a handshake wait for one another, and those of one address first
/// of all for each other, so that nobody keeps the others out.
#[derive(Debug)]
pub(super) struct Gate {
    limits: GateLimits,
    connections: AtomicUsize,
    handshakes: Arc<Semaphore>,
    addresses: Mutex<HashMap<AddressKey, Address>>,
}

/// One address, of which many can be had only where they are cheap: of IPv6 the first 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct AddressKey(IpAddr);

#[derive(Debug)]
struct Address {
    handshakes: Arc<Semaphore>,
    failures: RateLimit,
}

/// A connection that is let in; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    gate: Arc<Gate>,
    key: Option<AddressKey>,
}

/// What a handshake holds while it is under way.
#[derive(Debug)]
pub(super) struct Underway {
    _of_address: Option<OwnedSemaphorePermit>,
    _of_all: OwnedSemaphorePermit,
}

impl Gate {
    pub(super) fn new(limits: GateLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            connections: AtomicUsize::new(0),
            handshakes: Arc::new(Semaphore::new(limits.handshakes)),
            addresses: Mutex::default(),
        })
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many handshakes are under way.
    pub(super) fn handshakes(&self) -> usize {
        self.limits.handshakes - self.handshakes.available_permits()
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
            let addresses = self.addresses();
            let failures = addresses.get(&key).map(|address| address.failures);
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

    fn addresses(&self) -> MutexGuard<'_, HashMap<AddressKey, Address>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of an address.
    fn with_address<R>(&self, key: AddressKey, work: impl FnOnce(&mut Address) -> R) -> R {
        let most = self.limits.handshakes_per_address;
        let mut addresses = self.addresses();
        work(addresses.entry(key).or_insert_with(|| Address {
            handshakes: Arc::new(Semaphore::new(most)),
            failures: RateLimit::default(),
        }))
    }

    /// Forgets the addresses that have nothing under way and have not failed for a while, if there are many.
    fn forget(&self, now: Instant) {
        let mut addresses = self.addresses();
        if addresses.len() >= MANY_ADDRESSES {
            addresses.retain(|_, address| {
                !address.failures.is_full(now) || Arc::strong_count(&address.handshakes) > 1
            });
        }
    }
}

impl Entered {
    /// Waits until there may be another handshake. Giving it up is leaving the queue.
    pub(super) async fn begin(&self, waiting_for: &mut (Limit, u64)) -> Option<Underway> {
        let of_address = match self.key {
            None => None,
            Some(key) => {
                let limit = self.gate.limits.handshakes_per_address;
                *waiting_for = (Limit::HandshakesPerAddress, as_u64(limit));
                let semaphore = self
                    .gate
                    .with_address(key, |address| Arc::clone(&address.handshakes));
                Some(semaphore.acquire_owned().await.ok()?)
            }
        };
        *waiting_for = (Limit::Handshakes, as_u64(self.gate.limits.handshakes));
        let all = Arc::clone(&self.gate.handshakes);
        Some(Underway {
            _of_address: of_address,
            _of_all: all.acquire_owned().await.ok()?,
        })
    }

    /// The handshake came to nothing.
    pub(super) fn fail(&self, now: Instant) {
        if let Some(key) = self.key {
            let rate = self.gate.limits.failures_per_address;
            // Beyond the limit there is no more to count.
            let _ = self
                .gate
                .with_address(key, |address| address.failures.take(now, rate));
            self.gate.forget(now);
        }
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
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    fn gate(limits: GateLimits) -> Arc<Gate> {
        Gate::new(limits)
    }

    fn from(last: u8) -> Option<SocketAddr> {
        Some(SocketAddr::from(([127, 0, 0, last], 1)))
    }

    fn begin(entered: &Entered) -> Option<Underway> {
        let mut waiting_for = (Limit::Handshakes, 0);
        entered.begin(&mut waiting_for).now_or_never().flatten()
    }

    #[test]
    fn connections_are_limited_exactly() {
        let gate = gate(GateLimits {
            connections: 2,
            ..GateLimits::default()
        });
        let now = Instant::now();
        let first = gate.enter(now, from(1)).unwrap();
        let _second = gate.enter(now, None).unwrap();
        let refused = gate.enter(now, from(2)).unwrap_err();
        assert_eq!(refused, (Limit::Connections, 2));
        assert_eq!(gate.connections(), 2);
        drop(first);
        gate.enter(now, from(2)).unwrap();
    }

    #[test]
    fn one_address_does_not_keep_the_others_out() {
        let gate = gate(GateLimits {
            handshakes: 3,
            handshakes_per_address: 2,
            ..GateLimits::default()
        });
        let now = Instant::now();
        let entered: Vec<_> = (0..4).map(|_| gate.enter(now, from(1)).unwrap()).collect();
        let mut underway: Vec<_> = entered[..2].iter().map(|it| begin(it).unwrap()).collect();
        assert!(begin(&entered[2]).is_none() && begin(&entered[3]).is_none());
        let other = gate.enter(now, from(2)).unwrap();
        let third = begin(&other).unwrap();
        assert_eq!(gate.handshakes(), 3);
        // Now all of them are taken.
        let another = gate.enter(now, from(3)).unwrap();
        assert!(begin(&another).is_none());
        drop(third);
        assert!(begin(&another).is_some());
        underway.pop();
        assert!(begin(&entered[2]).is_some());
    }

    #[test]
    fn who_fails_too_often_is_kept_out_for_a_while() {
        let rate = Rate {
            burst: 3,
            per_second: 1,
        };
        let gate = gate(GateLimits {
            failures_per_address: rate,
            ..GateLimits::default()
        });
        let now = Instant::now();
        for _ in 0..3 {
            gate.enter(now, from(1)).unwrap().fail(now);
        }
        let refused = gate.enter(now, from(1)).unwrap_err();
        assert_eq!(refused, (Limit::FailuresPerAddress, 3));
        gate.enter(now, from(2)).unwrap();
        gate.enter(now + Duration::from_secs(1), from(1)).unwrap();
    }

    #[test]
    fn addresses_are_forgotten() {
        let gate = gate(GateLimits::default());
        let start = Instant::now();
        for number in 0..3 * u32::try_from(MANY_ADDRESSES).unwrap() {
            let now = start + Duration::from_millis(number.into());
            let ip = IpAddr::from(number.to_be_bytes());
            let entered = gate.enter(now, Some(SocketAddr::new(ip, 1))).unwrap();
            entered.fail(now);
            assert!(gate.addresses().len() <= MANY_ADDRESSES);
        }
    }

    #[test]
    fn an_address_is_what_is_not_cheap_to_have() {
        let key = |text: &str| AddressKey::of(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3::4"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::"), key("2001:db8:1:3::"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
