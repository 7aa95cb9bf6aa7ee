use metrics::{Counter, Histogram, counter, gauge, histogram};

use super::core::Core;
use super::inner::Inner;
use super::stats::Stats;

/// Tells a recorder of the crate `metrics` what a session does: what has changed since it was told the last time.
///
/// The names are told in the documentation of the crate `korinet`.
#[derive(Debug)]
pub(super) struct Meter {
    told: Stats,
    is_over: bool,
    sent: Counter,
    acknowledged: Counter,
    received: Counter,
    replayed: Counter,
    duplicates: Counter,
    connections: Counter,
    lost: Counter,
    round_trip: Histogram,
    side: &'static str,
}

impl Meter {
    pub(super) fn new(core: &Core) -> Self {
        let side = match core {
            Core::Client(_) => "client",
            Core::Server(_) => "server",
        };
        counter!("korinet_sessions_total", "side" => side).increment(1);
        gauge!("korinet_sessions", "side" => side).increment(1);
        Self {
            told: Stats::default(),
            is_over: false,
            sent: counter!("korinet_messages_sent_total", "side" => side),
            acknowledged: counter!("korinet_messages_acknowledged_total", "side" => side),
            received: counter!("korinet_messages_received_total", "side" => side),
            replayed: counter!("korinet_messages_replayed_total", "side" => side),
            duplicates: counter!("korinet_duplicates_dropped_total", "side" => side),
            connections: counter!("korinet_connections_total", "side" => side),
            lost: counter!("korinet_sessions_lost_total", "side" => side),
            round_trip: histogram!("korinet_round_trip_seconds", "side" => side),
            side,
        }
    }

    fn tell(&mut self, stats: Stats, is_over: bool) {
        let told = std::mem::replace(&mut self.told, stats);
        let since = |now: u64, before: u64| now.saturating_sub(before);
        self.sent.increment(since(stats.sent, told.sent));
        self.acknowledged
            .increment(since(stats.settled, told.settled));
        self.received
            .increment(since(stats.received, told.received));
        self.replayed
            .increment(since(stats.replayed, told.replayed));
        self.duplicates
            .increment(since(stats.deduplicated, told.deduplicated));
        self.connections
            .increment(since(stats.connections, told.connections));
        self.lost.increment(since(stats.lost, told.lost));
        if let Some(round_trip) = stats.round_trip
            && told.round_trip != stats.round_trip
        {
            self.round_trip.record(round_trip);
        }
        if is_over && !std::mem::replace(&mut self.is_over, true) {
            gauge!("korinet_sessions", "side" => self.side).decrement(1);
        }
    }
}

/// A session that ends without having been told to, as with its runtime, is over as well.
impl Drop for Meter {
    fn drop(&mut self) {
        self.tell(self.told, true);
    }
}

impl Inner {
    /// Tells what has changed. To be called once for what was read or written at once, not for each message.
    pub(super) fn measure(&mut self) {
        let stats = self.stats();
        let is_over = self.ending.is_some();
        self.meter.tell(stats, is_over);
    }
}
