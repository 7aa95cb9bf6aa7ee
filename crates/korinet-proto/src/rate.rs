use std::time::{Duration, Instant};

/// How often something may happen: at once, and on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How often at once, after a time without; at least once counts.
    pub burst: u32,
    /// How often a second, on average; zero for without limit.
    pub per_second: u32,
}

impl Rate {
    /// Any number of times.
    pub const UNLIMITED: Self = Self {
        burst: u32::MAX,
        per_second: 0,
    };

    /// The time that one takes on average.
    const fn interval(self) -> Duration {
        match 1_000_000_000_u64.checked_div(self.per_second as u64) {
            Some(nanos) => Duration::from_nanos(nanos),
            None => Duration::ZERO,
        }
    }
}

/// What is left of a [`Rate`]; it has no clock and needs no timer.
///
/// It holds the moment at which all would be as if nothing had happened; each time moves it by the time that one
/// takes on average.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RateLimit {
    full_at: Option<Instant>,
}

impl RateLimit {
    /// Counts one, if that is allowed now.
    ///
    /// # Errors
    ///
    /// How long to wait for the next; nothing is counted.
    pub fn take(&mut self, now: Instant, rate: Rate) -> Result<(), Duration> {
        let interval = rate.interval();
        if interval.is_zero() {
            return Ok(());
        }
        let debt = self.debt(now);
        let most = interval.saturating_mul(rate.burst.saturating_sub(1));
        if let Some(wait) = debt.checked_sub(most)
            && !wait.is_zero()
        {
            return Err(wait);
        }
        self.full_at = now.checked_add(debt + interval);
        Ok(())
    }

    /// Whether it is as if nothing had happened.
    #[must_use]
    pub fn is_full(&self, now: Instant) -> bool {
        self.debt(now).is_zero()
    }

    /// How long to wait until another is allowed; zero for now.
    #[must_use]
    pub fn wait(&self, now: Instant, rate: Rate) -> Duration {
        let most = rate.interval().saturating_mul(rate.burst.saturating_sub(1));
        self.debt(now).saturating_sub(most)
    }

    /// How many are counted that no time has made up for.
    #[cfg(test)]
    pub(crate) fn used(&self, now: Instant, rate: Rate) -> u32 {
        let interval = rate.interval().as_nanos().max(1);
        let used = self.debt(now).as_nanos().div_ceil(interval);
        used.try_into().unwrap()
    }

    fn debt(&self, now: Instant) -> Duration {
        let full_at = self.full_at;
        full_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        per_second: 10,
    };

    #[test]
    fn the_burst_is_exact_and_comes_back_with_time() {
        let start = Instant::now();
        let mut limit = RateLimit::default();
        for _ in 0..3 {
            limit.take(start, RATE).unwrap();
        }
        let interval = Duration::from_millis(100);
        assert_eq!(limit.take(start, RATE), Err(interval));
        assert_eq!(limit.wait(start, RATE), interval);
        assert!(!limit.is_full(start));
        // What is refused costs nothing.
        limit.take(start + interval, RATE).unwrap();
        assert!(limit.take(start + interval, RATE).is_err());
        let full = start + interval * 4;
        assert!(limit.is_full(full));
        for _ in 0..3 {
            limit.take(full, RATE).unwrap();
        }
        assert!(limit.take(full, RATE).is_err());
    }

    #[test]
    fn the_average_is_kept_for_a_long_time() {
        let start = Instant::now();
        let mut limit = RateLimit::default();
        let mut taken = 0;
        for millisecond in 0..100_000 {
            let now = start + Duration::from_millis(millisecond);
            taken += u32::from(limit.take(now, RATE).is_ok());
        }
        // 100 s at 10 a second, and the burst.
        assert!((1000..=1003).contains(&taken), "{taken}");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let now = Instant::now();
        let mut limit = RateLimit::default();
        for _ in 0..10 {
            limit.take(now, Rate::UNLIMITED).unwrap();
        }
        assert_eq!(limit, RateLimit::default());
    }

    #[test]
    fn no_burst_is_one_at_a_time() {
        let now = Instant::now();
        let rate = Rate {
            burst: 0,
            per_second: 1,
        };
        let mut limit = RateLimit::default();
        limit.take(now, rate).unwrap();
        assert_eq!(limit.take(now, rate), Err(Duration::from_secs(1)));
    }
}
