use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::{Failure, Latency, Snapshot, machine};

/// Longer ones count as this; no workload waits so long.
const LONGEST_NANOS: u64 = 60_000_000_000;

/// What the tasks of a process count and time.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    counters: Mutex<Vec<Arc<AtomicU64>>>,
    times: Mutex<Histogram<u64>>,
    failure: Mutex<Option<String>>,
    /// The process that does the work, where that is not this one.
    watched: Mutex<Option<u32>>,
}

impl Meter {
    /// # Errors
    ///
    /// There is no memory for the histogram.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self {
            began: Instant::now(),
            counters: Mutex::default(),
            // Three digits are more than two rounds have in common.
            times: Mutex::new(Histogram::new_with_max(LONGEST_NANOS, 3)?),
            failure: Mutex::default(),
            watched: Mutex::default(),
        })
    }

    /// A counter for one task.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let shared = Arc::<AtomicU64>::default();
        lock(&self.counters).push(Arc::clone(&shared));
        Tally { count: 0, shared }
    }

    pub fn record(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        lock(&self.times).saturating_record(nanos);
    }

    /// Makes the figures worthless; the first reason is kept.
    pub fn fail(&self, reason: impl ToString) {
        lock(&self.failure).get_or_insert_with(|| reason.to_string());
    }

    /// Takes processor time and memory from another process.
    pub(crate) fn watch(&self, process: u32) {
        *lock(&self.watched) = Some(process);
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot, Failure> {
        let at = self.began.elapsed();
        let counters = lock(&self.counters);
        let messages = counters
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum();
        let watched = *lock(&self.watched);
        let cpu = match watched {
            Some(process) => machine::processor_time_of(process)?,
            None => machine::processor_time()?,
        };
        Ok(Snapshot {
            at_nanos: u64::try_from(at.as_nanos())?,
            messages,
            cpu_nanos: u64::try_from(cpu.as_nanos())?,
            resident_bytes: machine::resident(watched)?,
            latency: self.take_latency(),
            failure: lock(&self.failure).clone(),
        })
    }

    fn take_latency(&self) -> Option<Latency> {
        let mut times = lock(&self.times);
        let latency = Latency {
            count: times.len(),
            p50_nanos: times.value_at_quantile(0.5),
            p99_nanos: times.value_at_quantile(0.99),
            max_nanos: times.max(),
        };
        times.reset();
        (latency.count > 0).then_some(latency)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts for one task: a plain store for each message, since nobody else writes it.
#[derive(Debug)]
pub struct Tally {
    count: u64,
    shared: Arc<AtomicU64>,
}

impl Tally {
    pub fn add(&mut self, messages: u64) {
        self.count += messages;
        self.shared.store(self.count, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_has_all_tasks_and_only_its_own_times() {
        let meter = Meter::new().unwrap();
        let (mut one, mut other) = (meter.tally(), meter.tally());
        one.add(2);
        other.add(3);
        meter.record(Duration::from_micros(10));
        let snapshot = meter.snapshot().unwrap();
        assert_eq!(snapshot.messages, 5);
        assert_eq!(snapshot.latency.unwrap().count, 1);
        assert_eq!(meter.snapshot().unwrap().latency, None);
    }
}
