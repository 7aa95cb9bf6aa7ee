use korinet_wire::v2::MessageId;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The ids of the messages and acknowledgements that one side sends: a random sequence, drawn from
/// a seed that the caller provides.
///
/// The ids are names, not secrets: a peer that has seen some of them can foretell the next.
#[derive(Debug, Clone)]
pub struct MessageIds(Xoshiro256PlusPlus);

impl MessageIds {
    /// The sequence of `seed`. Every session needs a seed of its own, from the system's randomness
    /// or, in a test, from the test's seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Xoshiro256PlusPlus::from_seed(seed))
    }

    /// The next id.
    pub fn draw(&mut self) -> MessageId {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        MessageId::from_bytes(bytes)
    }

    /// A sequence of its own for another part of the same session.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }
}
