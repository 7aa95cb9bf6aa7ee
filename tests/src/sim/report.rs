use std::fmt;
use std::time::Duration;

use super::tally::{EventKind, Fate, Fault, FrameKind, Kind, Tally};

/// What happened in one world, or in many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many worlds.
    pub worlds: u64,
    /// How much time went by in them.
    pub virtual_time: Duration,
    /// What was done to the connections and processes.
    pub faults: Tally<Fault>,
    /// What was written.
    pub frames: Tally<FrameKind>,
    /// What applications were told.
    pub events: Tally<EventKind>,
    /// What became of messages.
    pub fates: Tally<Fate>,
    /// Over every byte and every event, in order: equal for equal histories.
    pub hash: u64,
}

impl Report {
    /// Counts what happened in other worlds, too.
    pub fn merge(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.virtual_time += other.virtual_time;
        self.faults.merge(&other.faults);
        self.frames.merge(&other.frames);
        self.events.merge(&other.events);
        self.fates.merge(&other.fates);
        self.hash = self.hash.rotate_left(1) ^ other.hash;
    }

    /// How many faults there were that break something: bytes that come in pieces or late do not, and
    /// those of an old connection are what another fault has left.
    #[must_use]
    pub fn injected(&self) -> u64 {
        let harmless =
            [Fault::Split, Fault::Stall, Fault::LateBytes].map(|fault| self.faults.get(fault));
        self.faults.total() - harmless.iter().sum::<u64>()
    }

    /// The names of all that never happened: a run that did not do something has not tested it.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        fn names<K: Kind>(tally: &Tally<K>) -> impl Iterator<Item = &'static str> {
            tally.missing().map(Kind::name)
        }
        names(&self.faults)
            .chain(names(&self.frames))
            .chain(names(&self.events))
            .chain(names(&self.fates))
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "faults:\n{}", self.faults)?;
        writeln!(f, "frames written:\n{}", self.frames)?;
        writeln!(f, "events:\n{}", self.events)?;
        writeln!(f, "messages:\n{}", self.fates)?;
        let hours = self.virtual_time.as_secs_f64() / 3600.0;
        writeln!(
            f,
            "{} faults in {} worlds and {hours:.1} virtual hours",
            self.injected(),
            self.worlds
        )
    }
}
