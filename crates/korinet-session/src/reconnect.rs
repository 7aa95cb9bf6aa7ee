use std::time::{Duration, Instant};

use crate::Backoff;

/// When to try to connect again, and when to give up.
///
/// The total time runs from the moment the connection was lost. A connection that carried nothing
/// counts as part of the same outage, so that a peer that accepts and hangs up at once is neither
/// tried without pause nor for ever: only [`handle_progress`](Self::handle_progress) ends it; or, where
/// the protocol has a handshake that says more, [`handle_connected`](Self::handle_connected).
#[derive(Debug, Clone)]
pub struct Reconnect {
    backoff: Backoff,
    timeout: Duration,
    lost_at: Option<Instant>,
}

/// What to do about a lost connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Try again after this wait.
    After(Duration),
    /// The time is up: this long after the loss.
    GiveUp(Duration),
}

impl Reconnect {
    /// Tries by `backoff` until `timeout` after a loss; the last attempt is made at that moment.
    #[must_use]
    pub const fn new(backoff: Backoff, timeout: Duration) -> Self {
        Self {
            backoff,
            timeout,
            lost_at: None,
        }
    }

    /// A connection was lost, or an attempt to get one failed.
    pub fn handle_failure(&mut self, now: Instant) -> Attempt {
        let lost_at = *self.lost_at.get_or_insert(now);
        let elapsed = now.saturating_duration_since(lost_at);
        match self.timeout.checked_sub(elapsed) {
            None | Some(Duration::ZERO) => Attempt::GiveUp(elapsed),
            Some(left) => Attempt::After(self.backoff.draw().min(left)),
        }
    }

    /// Tries no longer than this after a loss from now on.
    pub(crate) fn limit(&mut self, timeout: Duration) {
        self.timeout = self.timeout.min(timeout);
    }

    /// There is a connection, and the peer is the right one: the outage is over. The waits go on where
    /// they were, for a connection that may be lost before it was good for anything.
    pub const fn handle_connected(&mut self) {
        self.lost_at = None;
    }

    /// The peer was heard on a connection: the outage is over.
    pub const fn handle_progress(&mut self) {
        self.lost_at = None;
        self.backoff.reset();
    }

    /// How many attempts this outage has seen.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.backoff.attempts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(120);

    fn reconnect(seed: u64) -> Reconnect {
        let backoff = Backoff::new(Backoff::DEFAULT_BASE, Backoff::DEFAULT_CAP, seed);
        Reconnect::new(backoff, TIMEOUT)
    }

    #[test]
    fn the_last_attempt_is_made_when_the_time_is_up() {
        for seed in 0..100 {
            let mut reconnect = reconnect(seed);
            let start = Instant::now();
            let mut now = start;
            loop {
                match reconnect.handle_failure(now) {
                    Attempt::After(wait) => now += wait,
                    Attempt::GiveUp(after) => {
                        assert_eq!((after, now), (TIMEOUT, start + TIMEOUT), "seed {seed}");
                        break;
                    }
                }
            }
            assert!(reconnect.attempts() >= 12, "seed {seed}");
        }
    }

    #[test]
    fn only_progress_ends_an_outage() {
        let mut reconnect = reconnect(1);
        let now = Instant::now();
        for second in 0..120 {
            let now = now + Duration::from_secs(second);
            assert!(matches!(reconnect.handle_failure(now), Attempt::After(_)));
        }
        let end = now + TIMEOUT;
        assert_eq!(
            reconnect.clone().handle_failure(end),
            Attempt::GiveUp(TIMEOUT)
        );
        reconnect.handle_progress();
        let Attempt::After(wait) = reconnect.handle_failure(end) else {
            panic!("the outage began only now");
        };
        assert!(wait <= Backoff::DEFAULT_BASE);
    }

    #[test]
    fn connections_that_carry_nothing_neither_end_the_session_nor_shorten_the_waits() {
        let mut reconnect = reconnect(1);
        let mut now = Instant::now();
        for _ in 0..1000 {
            assert!(matches!(reconnect.handle_failure(now), Attempt::After(_)));
            reconnect.handle_connected();
            now += TIMEOUT;
        }
        assert_eq!(reconnect.attempts(), 1000);
    }

    #[test]
    fn no_time_means_no_second_attempt() {
        let backoff = Backoff::new(Backoff::DEFAULT_BASE, Backoff::DEFAULT_CAP, 1);
        let mut reconnect = Reconnect::new(backoff, Duration::ZERO);
        let now = Instant::now();
        assert_eq!(
            reconnect.handle_failure(now),
            Attempt::GiveUp(Duration::ZERO)
        );
    }
}
