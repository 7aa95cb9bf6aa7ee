use std::num::{NonZeroU64, NonZeroUsize};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// What is random; it follows from a seed.
#[derive(Debug, Clone)]
pub(crate) struct Draw(Xoshiro256PlusPlus);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// The draws of one of the many things that a seed decides on.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        // Seeds and numbers that are close to each other are not to give the same draws in another order.
        let mixed = Self::new(seed).seed() ^ number;
        Self::new(mixed)
    }

    /// A seed for draws of their own.
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 1 to `most`.
    pub(crate) fn up_to(&mut self, most: NonZeroUsize) -> usize {
        let product = u128::from(self.0.next_u64()) * most.get() as u128;
        // The upper half is below `most`, so it fits.
        usize::try_from(product >> 64).unwrap_or(0) + 1
    }

    /// One of three.
    pub(crate) fn pick<T: Copy>(&mut self, [first, second, third]: [T; 3]) -> T {
        match self.0.next_u64() % 3 {
            0 => first,
            1 => second,
            _ => third,
        }
    }

    /// How many tries it takes up to the first success, where one in `mean` succeeds.
    pub(crate) fn tries(&mut self, mean: NonZeroU64) -> u64 {
        // Never zero, whose logarithm is infinite.
        let even = ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        let failures = even.ln() / (-1.0 / mean.get() as f64).ln_1p();
        // What is too large becomes the largest number.
        (failures as u64).saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of_tries(mean: u64) -> f64 {
        let mut draw = Draw::new(1);
        let mean = NonZeroU64::new(mean).unwrap();
        let sum: u64 = (0..20_000).map(|_| draw.tries(mean)).sum();
        sum as f64 / 20_000.0
    }

    #[test]
    fn tries_have_their_mean_and_are_never_none() {
        assert_eq!(mean_of_tries(1), 1.0);
        for mean in [2, 10, 5000] {
            let found = mean_of_tries(mean) / mean as f64;
            assert!((0.95..1.05).contains(&found), "{mean}: {found}");
        }
        let mut draw = Draw::new(2);
        assert!((0..1000).all(|_| draw.tries(NonZeroU64::MIN) == 1));
        assert!(draw.tries(NonZeroU64::MAX) > 1);
    }

    #[test]
    fn all_of_a_range_is_drawn_and_nothing_else() {
        let mut draw = Draw::new(3);
        let most = NonZeroUsize::new(4).unwrap();
        let mut seen = [0; 4];
        for _ in 0..1000 {
            seen[draw.up_to(most) - 1] += 1;
        }
        assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
        assert_eq!(draw.up_to(NonZeroUsize::MIN), 1);
    }

    #[test]
    fn draws_follow_from_seed_and_number() {
        let first = |seed, number| Draw::of(seed, number).seed();
        assert_eq!(first(1, 2), first(1, 2));
        assert_ne!(first(1, 2), first(1, 3));
        assert_ne!(first(1, 2), first(2, 1));
        assert_ne!(first(0, 0), 0);
    }
}
