use std::time::{Duration, Instant};

use korinet_wire::v3::Nonce;

/// Whether the peer is there (V3-25, V3-26).
///
/// After `interval` without a byte it is asked, after twice that it counts as gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KeepAlive {
    /// `None`: neither asked nor missed.
    interval: Option<Duration>,
    /// When the last byte came.
    heard: Instant,
    probe: Probe,
    nonce: Nonce,
    /// What the peer asked last and was not answered yet.
    asked: Option<Nonce>,
    round_trip: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Probe {
    None,
    /// To be written.
    Due,
    Written(Instant),
}

/// The peer was silent for twice the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Silent;

impl KeepAlive {
    pub(super) fn new(now: Instant, interval: Duration) -> Self {
        Self {
            interval: (interval > Duration::ZERO).then_some(interval),
            heard: now,
            probe: Probe::None,
            nonce: Nonce(0),
            asked: None,
            round_trip: None,
        }
    }

    /// Bytes came, whatever they are.
    pub(super) fn handle_activity(&mut self, now: Instant) {
        // Without an interval nobody asks when it was.
        if self.interval.is_some() {
            self.heard = now;
        }
        if self.probe == Probe::Due {
            self.probe = Probe::None;
        }
    }

    pub(super) const fn handle_ping(&mut self, nonce: Nonce) {
        self.asked = Some(nonce);
    }

    /// Whether it is the answer to the last question.
    pub(super) fn handle_pong(&mut self, now: Instant, nonce: Nonce) -> bool {
        match self.probe {
            Probe::Written(at) if nonce == self.nonce => {
                self.round_trip = Some(now.saturating_duration_since(at));
                self.probe = Probe::None;
                true
            }
            Probe::None | Probe::Due | Probe::Written(_) => false,
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Result<(), Silent> {
        let Some(interval) = self.interval else {
            return Ok(());
        };
        let silence = now.saturating_duration_since(self.heard);
        if silence >= interval.saturating_mul(2) {
            return Err(Silent);
        }
        if silence >= interval && self.asked_at().is_none_or(|at| at < self.heard) {
            self.probe = Probe::Due;
        }
        Ok(())
    }

    fn asked_at(&self) -> Option<Instant> {
        match self.probe {
            Probe::None => None,
            Probe::Due => Some(self.heard),
            Probe::Written(at) => Some(at),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let interval = self.interval?;
        let is_asked = self.asked_at().is_some_and(|at| at >= self.heard);
        let wait = if is_asked {
            interval.saturating_mul(2)
        } else {
            interval
        };
        self.heard.checked_add(wait)
    }

    pub(super) const fn has_transmit(&self) -> bool {
        self.asked.is_some() || matches!(self.probe, Probe::Due)
    }

    /// The answer that is owed.
    pub(super) const fn poll_pong(&mut self) -> Option<Nonce> {
        self.asked.take()
    }

    /// The question that is due.
    pub(super) fn poll_ping(&mut self, now: Instant) -> Option<Nonce> {
        if self.probe != Probe::Due {
            return None;
        }
        self.nonce = Nonce(self.nonce.0.wrapping_add(1));
        self.probe = Probe::Written(now);
        Some(self.nonce)
    }

    pub(super) const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    // V3-26
    #[test]
    fn silence_is_asked_about_once_and_then_ends_the_connection() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(start, INTERVAL);
        assert_eq!(keep_alive.poll_timeout(), Some(at(start, 10)));
        assert_eq!(keep_alive.handle_timeout(at(start, 9)), Ok(()));
        assert!(!keep_alive.has_transmit());
        assert_eq!(keep_alive.handle_timeout(at(start, 10)), Ok(()));
        assert!(keep_alive.poll_ping(at(start, 10)).is_some());
        assert_eq!(keep_alive.poll_timeout(), Some(at(start, 20)));
        assert_eq!(keep_alive.handle_timeout(at(start, 19)), Ok(()));
        assert_eq!(keep_alive.poll_ping(at(start, 19)), None, "asked already");
        assert_eq!(keep_alive.handle_timeout(at(start, 20)), Err(Silent));
    }

    #[test]
    fn any_byte_is_life() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(start, INTERVAL);
        keep_alive.handle_activity(at(start, 9));
        assert_eq!(keep_alive.poll_timeout(), Some(at(start, 19)));
        assert_eq!(keep_alive.handle_timeout(at(start, 10)), Ok(()));
        assert!(!keep_alive.has_transmit());
        for round in [19, 38] {
            keep_alive.handle_timeout(at(start, round)).unwrap();
            let nonce = keep_alive.poll_ping(at(start, round)).unwrap();
            keep_alive.handle_activity(at(start, round + 9));
            assert!(keep_alive.handle_pong(at(start, round + 9), nonce));
            assert!(
                !keep_alive.handle_pong(at(start, round + 9), nonce),
                "again"
            );
            assert_eq!(keep_alive.round_trip(), Some(Duration::from_secs(9)));
        }
    }

    #[test]
    fn a_peer_that_sends_all_but_pongs_is_asked_again() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(start, INTERVAL);
        keep_alive.handle_timeout(at(start, 10)).unwrap();
        let first = keep_alive.poll_ping(at(start, 10)).unwrap();
        keep_alive.handle_activity(at(start, 15));
        assert_eq!(keep_alive.poll_timeout(), Some(at(start, 25)));
        keep_alive.handle_timeout(at(start, 25)).unwrap();
        let second = keep_alive.poll_ping(at(start, 25)).unwrap();
        assert_ne!(first, second);
    }

    // V3-25
    #[test]
    fn the_last_question_is_answered() {
        let mut keep_alive = KeepAlive::new(Instant::now(), INTERVAL);
        keep_alive.handle_ping(Nonce(1));
        keep_alive.handle_ping(Nonce(2));
        assert!(keep_alive.has_transmit());
        assert_eq!(keep_alive.poll_pong(), Some(Nonce(2)));
        assert_eq!(keep_alive.poll_pong(), None);
    }

    #[test]
    fn without_an_interval_there_is_no_timer() {
        let start = Instant::now();
        let mut keep_alive = KeepAlive::new(start, Duration::ZERO);
        assert_eq!(keep_alive.poll_timeout(), None);
        assert_eq!(keep_alive.handle_timeout(at(start, 1 << 40)), Ok(()));
        let mut keep_alive = KeepAlive::new(start, Duration::MAX);
        assert_eq!(keep_alive.poll_timeout(), None);
        assert_eq!(keep_alive.handle_timeout(at(start, 1 << 40)), Ok(()));
    }
}
