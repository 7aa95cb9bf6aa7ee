use std::num::NonZeroU64;
use std::time::Duration;

use crate::draw::Draw;
use crate::plan::Fault;
use crate::{Chunks, Cut, Plan};

/// What happens to all the connections that no [`Plan`] was given for. By default, nothing.
///
/// What happens to a connection follows from the seed and the connection's number, and not from the time: the
/// same seed and the same order of connections give the same plans.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    seed: u64,
    cuts: Option<Cuts>,
    /// Any, where there is none.
    kind: Option<Cut>,
    delay: Duration,
    chunks: Option<Chunks>,
}

#[derive(Debug, Clone, Copy)]
enum Cuts {
    Every(NonZeroU64),
    Random(NonZeroU64),
    After(Duration),
}

impl Faults {
    /// No faults; those that are added follow from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Each connection is cut as soon as one of its directions has carried so many bytes.
    ///
    /// Bytes are counted for each connection and each direction alone.
    #[must_use]
    pub const fn cut_every(mut self, bytes: NonZeroU64) -> Self {
        self.cuts = Some(Cuts::Every(bytes));
        self
    }

    /// Each byte forwarded, in whichever direction, has one chance in `mean` to be the last of its connection.
    ///
    /// So connections carry `mean` bytes on average, both directions together.
    #[must_use]
    pub const fn cut_at_random(mut self, mean: NonZeroU64) -> Self {
        self.cuts = Some(Cuts::Random(mean));
        self
    }

    /// Each connection is cut when it has lasted so long, whatever it has carried by then.
    #[must_use]
    pub const fn cut_after(mut self, time: Duration) -> Self {
        self.cuts = Some(Cuts::After(time));
        self
    }

    /// Connections that are cut are cut like this, and not each in one of the three ways at random.
    #[must_use]
    pub const fn cut_by(mut self, kind: Cut) -> Self {
        self.kind = Some(kind);
        self
    }

    /// As [`Plan::delayed`].
    #[must_use]
    pub const fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Bytes are forwarded in pieces.
    #[must_use]
    pub const fn in_chunks(mut self, chunks: Chunks) -> Self {
        self.chunks = Some(chunks);
        self
    }

    /// What happens to the connection with this number; the first has number 1.
    #[must_use]
    pub fn plan(&self, connection: u64) -> Plan {
        let mut draw = Draw::of(self.seed, connection);
        // All is drawn in any case, so that one setting does not change what another leads to.
        let seed = draw.seed();
        let any = draw.pick([Cut::Fin, Cut::Reset, Cut::Silence]);
        let cut = self.kind.unwrap_or(any);
        let fault = match self.cuts {
            None => None,
            Some(Cuts::Every(bytes)) => Some(Fault::CutByEither([bytes.get(); 2], cut)),
            // Of two waits for something that can happen with each byte, the first to end is one for both.
            Some(Cuts::Random(mean)) => {
                let places = [draw.tries(mean), draw.tries(mean)];
                Some(Fault::CutByEither(places, cut))
            }
            Some(Cuts::After(time)) => Some(Fault::CutAfter(time, cut)),
        };
        Plan {
            fault,
            for_good: false,
            delay: self.delay,
            chunks: self.chunks,
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Direction, Place};

    const MEAN: NonZeroU64 = NonZeroU64::new(1000).expect("not zero");

    #[test]
    fn no_faults_are_the_plan_to_forward_all_as_it_is() {
        let plan = Plan {
            seed: 0,
            ..Faults::new(1).plan(1)
        };
        assert_eq!(plan, Plan::default());
    }

    #[test]
    fn plans_follow_from_the_seed_and_the_number() {
        let plans = |seed| {
            let faults = Faults::new(seed).cut_at_random(MEAN);
            (1..=50)
                .map(|number| faults.plan(number))
                .collect::<Vec<_>>()
        };
        assert_eq!(plans(1), plans(1));
        assert_ne!(plans(1), plans(2));
        let faults = Faults::new(1).cut_at_random(MEAN);
        let delayed = faults.clone().delayed(Duration::from_secs(1));
        assert_eq!(faults.plan(9).fault, delayed.plan(9).fault);
    }

    #[test]
    fn any_kind_is_each_of_them() {
        let faults = Faults::new(1).cut_every(MEAN);
        let kinds: Vec<_> = (1..=60).filter_map(|n| faults.plan(n).kind()).collect();
        assert_eq!(kinds.len(), 60);
        for kind in [Cut::Fin, Cut::Reset, Cut::Silence] {
            let count = kinds.iter().filter(|found| **found == kind).count();
            assert!(count >= 10, "{kind}: {count}");
            let faults = faults.clone().cut_by(kind);
            assert!((1..=60).all(|n| faults.plan(n).kind() == Some(kind)));
        }
    }

    #[test]
    fn every_so_many_bytes_is_the_same_place_in_both_directions() {
        let plan = Faults::new(1).cut_every(MEAN).plan(5);
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(plan.place_in(direction), Some(Place::Byte(1000)));
        }
    }
}
