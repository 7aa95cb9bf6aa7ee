use std::hash::{Hash, Hasher};
use std::time::Instant;

use super::Violation;
use crate::{Rate, RateLimit};

/// How many frames may still come that carry nothing forward (V3-46): a second's worth at once, and so many in
/// each second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ControlBudget {
    rate: Rate,
    limit: RateLimit,
    /// The DATA that came after the CLOSE of this side.
    late: u32,
    /// The least that there ever was, for tests of honest peers.
    #[cfg(test)]
    lowest: u32,
}

impl ControlBudget {
    pub(super) fn new(per_second: u32) -> Self {
        let per_second = per_second.max(1);
        Self {
            rate: Rate {
                burst: per_second,
                per_second,
            },
            limit: RateLimit::default(),
            late: 0,
            #[cfg(test)]
            lowest: per_second,
        }
    }

    /// A frame came that carries nothing forward.
    ///
    /// # Errors
    ///
    /// It was one too many.
    pub(super) fn spend(&mut self, now: Instant) -> Result<(), Violation> {
        if self.limit.take(now, self.rate).is_err() && !mutated!(FloodNotCounted) {
            let limit = self.rate.per_second;
            return Err(Violation::ControlFlood { limit });
        }
        #[cfg(test)]
        self.note(now);
        Ok(())
    }

    /// DATA came after the CLOSE of this side, which cannot be taken any more: what was on its way is
    /// free, and that is a window of `window` messages.
    ///
    /// # Errors
    ///
    /// As [`spend`](Self::spend).
    pub(super) fn spend_late(&mut self, now: Instant, window: u32) -> Result<(), Violation> {
        if self.late < window {
            self.late += 1;
            return Ok(());
        }
        self.spend(now)
    }

    /// How many frames may come now.
    #[cfg(test)]
    fn left(&self, now: Instant) -> u32 {
        self.rate.burst - self.limit.used(now, self.rate)
    }

    #[cfg(test)]
    fn note(&mut self, now: Instant) {
        self.lowest = self.lowest.min(self.left(now));
    }

    /// The least that there ever was.
    #[cfg(test)]
    pub(super) const fn lowest(&self) -> u32 {
        self.lowest
    }
}

/// It does not show in a hash. A model checker would otherwise take states for different that differ in
/// nothing but how many duplicates came on the way to them; and they behave alike, since no run of a model
/// has so many frames that a budget comes to its end.
impl Hash for ControlBudget {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const LIMIT: u32 = 100;
    const FLOOD: Result<(), Violation> = Err(Violation::ControlFlood { limit: LIMIT });

    /// How many frames are let through until one is not.
    fn drain(budget: &mut ControlBudget, now: Instant) -> u32 {
        let mut count = 0;
        while budget.spend(now).is_ok() {
            count += 1;
        }
        count
    }

    // V3-46
    #[test]
    fn the_limit_may_come_at_once_and_not_one_more() {
        let now = Instant::now();
        let mut budget = ControlBudget::new(LIMIT);
        for left in (1..LIMIT).rev() {
            assert_eq!(budget.spend(now), Ok(()));
            assert_eq!(budget.left(now), left);
        }
        assert_eq!(budget.spend(now), Ok(()));
        assert_eq!(budget.spend(now), FLOOD);
        assert_eq!(budget.lowest(), 0);
    }

    // V3-46
    #[test]
    fn it_fills_up_evenly_and_not_beyond_the_limit() {
        let share = Duration::from_millis(10);
        let mut now = Instant::now();
        let mut budget = ControlBudget::new(LIMIT);
        assert_eq!(drain(&mut budget, now), 100);
        now += share - Duration::from_nanos(1);
        assert_eq!(budget.spend(now), FLOOD);
        now += Duration::from_nanos(1);
        assert_eq!(drain(&mut budget, now), 1);
        for (waited, count) in [(15, 1), (15, 2), (500, 50), (1000, 100), (3_600_000, 100)] {
            now += Duration::from_millis(waited);
            assert_eq!(drain(&mut budget, now), count, "after {waited} ms");
        }
    }

    // V3-46: at the limit for an hour, then a little above.
    #[test]
    fn the_limit_may_come_for_ever() {
        let mut now = Instant::now();
        let mut budget = ControlBudget::new(LIMIT);
        for _ in 0..3600 * LIMIT {
            assert_eq!(budget.spend(now), Ok(()));
            now += Duration::from_millis(10);
        }
        assert_eq!(budget.lowest(), LIMIT - 1);
        let mut count = 0;
        while budget.spend(now).is_ok() {
            now += Duration::from_micros(9_900);
            count += 1;
        }
        // Each gains a hundredth of a frame.
        assert_eq!(count, 9_901);
    }

    #[test]
    fn any_limit_is_kept() {
        let now = Instant::now();
        for (per_second, count) in [(0, 1), (1, 1), (3, 3), (7, 7), (300_007, 300_007)] {
            let mut budget = ControlBudget::new(per_second);
            assert_eq!(drain(&mut budget, now), count, "{per_second}");
            let second = Duration::from_secs(1);
            assert_eq!(drain(&mut budget, now + second), count, "{per_second}");
        }
    }

    #[test]
    fn the_highest_limit_is_none() {
        let now = Instant::now();
        let mut budget = ControlBudget::new(u32::MAX);
        for _ in 0..1000 {
            assert_eq!(budget.spend(now), Ok(()));
            assert!(budget.limit.is_full(now), "nothing piles up");
        }
    }

    // V3-46: of what comes after a CLOSE, a window is free.
    #[test]
    fn what_was_on_its_way_is_not_counted() {
        let now = Instant::now();
        let mut budget = ControlBudget::new(2);
        let late: Vec<_> = (0..8).map(|_| budget.spend_late(now, 5).is_ok()).collect();
        assert_eq!(late, [true, true, true, true, true, true, true, false]);
    }
}
