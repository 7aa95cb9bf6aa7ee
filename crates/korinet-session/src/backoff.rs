use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// How long to wait before the next attempt: capped exponential, with full jitter.
///
/// The wait before attempt *n* (from 0) is drawn evenly from zero up to `base` × 2ⁿ, at most up to
/// `cap`. So clients that lost the same server at the same moment do not come back at the same
/// moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
    random: SplitMix64,
}

impl Backoff {
    /// The upper end of the first wait by default.
    pub const DEFAULT_BASE: Duration = Duration::from_millis(100);
    /// The upper end of every wait by default.
    pub const DEFAULT_CAP: Duration = Duration::from_secs(10);

    /// A schedule with these bounds, whose draws follow from `seed`.
    #[must_use]
    pub fn new(base: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            base,
            cap,
            attempt: 0,
            random: SplitMix64::seed_from_u64(seed),
        }
    }

    /// The wait before the next attempt.
    pub fn draw(&mut self) -> Duration {
        let limit = self
            .base
            .saturating_mul(2_u32.saturating_pow(self.attempt))
            .min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let nanos = (u128::from(self.random.next_u64()) * u128::from(limit)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(limit))
    }

    /// Starts again from the first wait.
    pub const fn reset(&mut self) {
        self.attempt = 0;
    }

    /// How many waits were drawn since the start or the last [`reset`](Self::reset).
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(100);
    const CAP: Duration = Duration::from_secs(10);

    #[test]
    fn waits_grow_up_to_the_cap_and_fill_their_range() {
        for (attempt, limit) in [
            (0, 100),
            (1, 200),
            (5, 3200),
            (6, 6400),
            (7, 10_000),
            (99, 10_000),
        ] {
            let limit = Duration::from_millis(limit);
            let waits: Vec<_> = (0..1000)
                .map(|seed| {
                    let mut backoff = Backoff::new(BASE, CAP, seed);
                    let before: Vec<_> = (0..attempt).map(|_| backoff.draw()).collect();
                    assert!(before.iter().all(|wait| *wait <= CAP));
                    backoff.draw()
                })
                .collect();
            assert!(waits.iter().all(|wait| *wait <= limit));
            assert!(waits.iter().any(|wait| *wait < limit / 20), "{attempt}");
            assert!(
                waits.iter().any(|wait| *wait > limit - limit / 20),
                "{attempt}"
            );
        }
    }

    #[test]
    fn a_seed_fixes_the_waits_and_a_reset_starts_over() {
        let draws = |seed| {
            let mut backoff = Backoff::new(BASE, CAP, seed);
            [(); 8].map(|()| backoff.draw())
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let mut backoff = Backoff::new(BASE, CAP, 1);
        assert!((0..50).any(|_| backoff.draw() > BASE));
        backoff.reset();
        assert!(backoff.draw() <= BASE);
    }

    #[test]
    fn extreme_bounds_do_not_overflow() {
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX, 3);
        assert!((0..100).any(|_| backoff.draw() > Duration::from_secs(1 << 30)));
        assert_eq!(Backoff::new(Duration::ZERO, CAP, 3).draw(), Duration::ZERO);
    }
}
