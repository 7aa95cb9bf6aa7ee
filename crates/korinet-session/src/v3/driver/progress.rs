use std::time::{Duration, Instant};

use crate::v3::Ticket;

/// How often in a row a client may be connected without acknowledging anything.
const MAX_STALLS: u32 = 3;

/// Whether the peer acknowledges what it is sent.
#[derive(Debug)]
pub(super) struct Progress {
    limit: Duration,
    /// Since when something is written on this connection, and nothing acknowledged.
    waiting_since: Option<Instant>,
    /// How many connections in a row came to their end by that.
    stalls: u32,
}

/// What is to be done with a peer that acknowledges nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    EndConnection(Duration),
    EndSession(Duration),
}

impl Progress {
    pub(super) const fn new(limit: Duration) -> Self {
        Self {
            limit,
            waiting_since: None,
            stalls: 0,
        }
    }

    /// Everything up to `newest` is written, and up to `settled` acknowledged.
    pub(super) fn handle_written(&mut self, now: Instant, newest: Ticket, settled: Ticket) {
        if newest > settled {
            self.waiting_since.get_or_insert(now);
        }
    }

    /// Something is acknowledged; `is_all` when nothing is left to be.
    pub(super) fn handle_acknowledged(&mut self, now: Instant, is_all: bool) {
        self.stalls = 0;
        if self.waiting_since.is_some() {
            self.waiting_since = (!is_all).then_some(now);
        }
    }

    /// There is no connection, or another one.
    pub(super) const fn handle_detached(&mut self) {
        self.waiting_since = None;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting_since?.checked_add(self.limit)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Stall> {
        if self.poll_timeout()? > now {
            return None;
        }
        self.waiting_since = None;
        self.stalls += 1;
        Some(if self.stalls < MAX_STALLS {
            Stall::EndConnection(self.limit)
        } else {
            Stall::EndSession(self.limit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[test]
    fn three_connections_without_an_acknowledgement_are_the_end() {
        let mut now = Instant::now();
        let mut progress = Progress::new(LIMIT);
        assert_eq!(progress.poll_timeout(), None);
        for stall in 1..=3 {
            progress.handle_written(now, Ticket(2), Ticket(0));
            progress.handle_written(now + LIMIT / 2, Ticket(3), Ticket(0));
            assert_eq!(progress.poll_timeout(), Some(now + LIMIT));
            assert_eq!(progress.handle_timeout(now + LIMIT / 2), None);
            now += LIMIT;
            let expect = match stall {
                3 => Stall::EndSession(LIMIT),
                _ => Stall::EndConnection(LIMIT),
            };
            assert_eq!(progress.handle_timeout(now), Some(expect));
            progress.handle_detached();
        }
    }

    #[test]
    fn any_acknowledgement_starts_the_time_and_the_count_over() {
        let now = Instant::now();
        let mut progress = Progress::new(LIMIT);
        for _ in 0..10 {
            progress.handle_written(now, Ticket(2), Ticket(0));
            assert!(progress.handle_timeout(now + LIMIT).is_some());
            progress.handle_written(now, Ticket(2), Ticket(0));
            progress.handle_acknowledged(now + LIMIT / 2, false);
            assert_eq!(progress.poll_timeout(), Some(now + LIMIT / 2 + LIMIT));
            progress.handle_acknowledged(now + LIMIT, true);
            assert_eq!(progress.poll_timeout(), None);
        }
    }
}
