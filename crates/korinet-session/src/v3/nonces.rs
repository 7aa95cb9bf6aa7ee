use std::fmt;

use korinet_wire::v3::OpenNonce;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Draws the nonce of each session that a client opens.
///
/// `Debug` does not show its state, from which every nonce to come follows.
#[derive(Clone)]
pub(super) struct Nonces(Xoshiro256PlusPlus);

impl Nonces {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self(Xoshiro256PlusPlus::from_seed(seed))
    }

    pub(super) fn draw(&mut self) -> OpenNonce {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        OpenNonce::from_bytes(bytes)
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces(..)")
    }
}
