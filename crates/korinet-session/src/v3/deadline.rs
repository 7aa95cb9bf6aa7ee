use std::time::{Duration, Instant};

/// `now` and a wait; a wait beyond all time never ends.
pub(super) fn later(now: Instant, wait: Duration) -> Instant {
    const AGES: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);
    now.checked_add(wait).unwrap_or_else(|| now + AGES)
}
