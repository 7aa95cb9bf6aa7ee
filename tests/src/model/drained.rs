use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The states of which it is known that a run without more faults comes to its end from there.
///
/// Such a run is the same from each state on, so it is followed only up to the first that is known: all
/// that it passed is known then, too.
#[derive(Debug, Default)]
pub(super) struct Drained(Mutex<HashSet<u64>>);

impl Drained {
    pub(super) fn is_known(&self, fingerprint: u64) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&fingerprint)
    }

    /// A run has come to its end that passed these.
    pub(super) fn add(&self, passed: Vec<u64>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.extend(passed);
    }
}
