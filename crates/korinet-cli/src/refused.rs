//! Connections that get no session, told without ever filling a screen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use korinet::{ConnectionError, Refused};
use tokio::time::Instant;

use crate::output::{chain, tell};

/// How many are told of in a second.
const MOST: u32 = 10;

const SECOND: Duration = Duration::from_secs(1);

/// Tells of refused connections on stderr. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<Second>>);

/// What was told in a second.
#[derive(Debug, Default)]
struct Second {
    /// When it began; none has, if nobody was refused.
    since: Option<Instant>,
    told: u32,
    left_out: u64,
}

/// What becomes of one refusal.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Tell,
    LeaveOut,
    /// As that, and it is the first of its second: at this time it is to be told how many there were.
    LeaveOutFirst(Instant),
}

impl Refusals {
    /// Runs inside of a runtime.
    pub(crate) fn tell(&self, refused: Refused<'_>) {
        let verdict = self.with(|second| second.add(Instant::now()));
        match verdict {
            Verdict::Tell => tell(line(refused)),
            Verdict::LeaveOut => {}
            Verdict::LeaveOutFirst(until) => {
                let refusals = self.clone();
                tokio::spawn(async move {
                    tokio::time::sleep_until(until).await;
                    refusals.sum_up();
                });
            }
        }
    }

    /// Tells how many were left out, if there were any.
    pub(crate) fn sum_up(&self) {
        match self.with(|second| std::mem::take(&mut second.left_out)) {
            0 => {}
            left_out => tell(format_args!("{left_out} more refused")),
        }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Second) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Second {
    fn add(&mut self, now: Instant) -> Verdict {
        let since = match self.since {
            Some(since) if now < since + SECOND => since,
            _ => {
                (self.since, self.told) = (Some(now), 0);
                now
            }
        };
        if self.told < MOST {
            self.told += 1;
            return Verdict::Tell;
        }
        self.left_out += 1;
        match self.left_out {
            1 => Verdict::LeaveOutFirst(since + SECOND),
            _ => Verdict::LeaveOut,
        }
    }
}

fn line(refused: Refused<'_>) -> String {
    let peer = match refused.peer {
        Some(addr) => addr.to_string(),
        None => "peer".to_owned(),
    };
    let mut reason = chain(refused.reason);
    if let ConnectionError::RefusedHere { .. } = refused.reason {
        // It says so itself.
        reason = reason.replacen("refused: ", "", 1);
    }
    format!("{peer} refused: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_are_told_in_a_second_and_the_rest_is_counted() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut second = Second::default();
        for number in 0..10 {
            assert_eq!(second.add(at(number)), Verdict::Tell);
        }
        assert_eq!(second.add(at(20)), Verdict::LeaveOutFirst(at(1000)));
        assert_eq!(second.add(at(999)), Verdict::LeaveOut);
        assert_eq!(std::mem::take(&mut second.left_out), 2);
        for number in 0..10 {
            assert_eq!(second.add(at(1000 + number)), Verdict::Tell);
        }
        assert_eq!(second.add(at(1999)), Verdict::LeaveOutFirst(at(2000)));
    }
}
