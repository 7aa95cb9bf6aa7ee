use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The memory of all sessions of a server together, in bytes; as it is counted, not as it is allocated. Clones are the
/// same.
///
/// A session that holds little may use all of it; one that holds much, and a new one, only four fifths, so that
/// those that want everything do not take the last from those that want little.
#[derive(Debug, Clone)]
pub struct Budget {
    max: u64,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    used: AtomicU64,
    peak: AtomicU64,
}

/// What one session has of a [`Budget`]; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Account {
    budget: Budget,
    charged: u64,
}

/// Up to this much a session holds little.
const LITTLE: u64 = 64 * 1024;

/// What is charged at once, so that the sessions do not meet at one counter for each message.
const STEP: u64 = 16 * 1024;

impl Budget {
    /// This many bytes.
    #[must_use]
    pub fn new(max: u64) -> Self {
        Self {
            max,
            counters: Arc::default(),
        }
    }

    /// How many bytes there are in all.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// How many of them are in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.counters.used.load(Ordering::Relaxed)
    }

    /// How many of them were ever in use at one time.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.counters.peak.load(Ordering::Relaxed)
    }

    /// Whether a new session may be opened, or one come back that holds this much.
    pub(crate) fn admits(&self, held: u64) -> bool {
        self.used() + STEP <= self.share_of(held)
    }

    /// How much may be in use for a session to grow to `held`.
    const fn share_of(&self, held: u64) -> u64 {
        if held > 0 && held <= LITTLE {
            self.max
        } else {
            self.max / 5 * 4
        }
    }

    fn add(&self, bytes: u64) {
        let Counters { used, peak } = &*self.counters;
        let used = used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        peak.fetch_max(used, Ordering::Relaxed);
    }

    fn give_back(&self, bytes: u64) {
        self.counters.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Account {
    /// What there is of each session, whatever it does.
    pub(crate) const OF_SESSION: u64 = 8 * 1024;

    pub(crate) const fn new(budget: Budget) -> Self {
        Self { budget, charged: 0 }
    }

    /// The session holds this much now, whether it may or not.
    pub(crate) fn charge(&mut self, held: u64) {
        let wanted = held.next_multiple_of(STEP);
        if wanted > self.charged {
            self.budget.add(wanted - self.charged);
            self.charged = wanted;
        }
        // Not for a step that it is about to take again.
        if wanted + STEP < self.charged {
            let given_back = self.charged - wanted - STEP;
            self.budget.give_back(given_back);
            self.charged = wanted + STEP;
        }
    }

    /// Whether the session may come to hold this much.
    pub(crate) fn allows(&self, held: u64) -> bool {
        let more = held.next_multiple_of(STEP).saturating_sub(self.charged);
        more == 0 || self.budget.used() + more <= self.budget.share_of(held)
    }

    pub(crate) const fn budget(&self) -> &Budget {
        &self.budget
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.give_back(self.charged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 1024 * 1024;

    #[test]
    fn what_is_charged_is_given_back() {
        let budget = Budget::new(MAX);
        let mut account = Account::new(budget.clone());
        account.charge(1);
        assert_eq!(budget.used(), STEP);
        account.charge(10 * STEP);
        account.charge(10 * STEP - 1);
        assert_eq!(budget.used(), 10 * STEP);
        account.charge(0);
        assert_eq!((budget.used(), budget.peak()), (STEP, 10 * STEP));
        drop(account);
        assert_eq!((budget.used(), budget.peak()), (0, 10 * STEP));
    }

    #[test]
    fn the_last_fifth_is_for_those_that_hold_little() {
        let budget = Budget::new(MAX);
        let mut large = Account::new(budget.clone());
        let share = (MAX / 5 * 4) / STEP * STEP;
        assert!(large.allows(share));
        large.charge(share);
        assert!(!large.allows(share + 1) && !budget.admits(0));
        let mut little = Vec::new();
        while budget.used() < MAX {
            let mut account = Account::new(budget.clone());
            assert!(account.allows(LITTLE) == (budget.used() + LITTLE <= MAX));
            assert!(account.allows(STEP), "{}", budget.used());
            account.charge(STEP);
            little.push(account);
        }
        assert_eq!(budget.used(), MAX);
        assert!(little[0].allows(STEP) && !little[0].allows(STEP + 1));
        little.clear();
        assert!(large.allows(share) && !large.allows(share + 1));
        drop(large);
        assert!(budget.admits(0));
    }
}
