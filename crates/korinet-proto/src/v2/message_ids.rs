use korinet_wire::v2::{Id, MessageId};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// The ids of the messages and acknowledgements that one side sends: a random sequence, drawn from
/// a seed that the caller provides.
///
/// The ids are names, not secrets: a peer that has seen some of them can foretell the next.
///
/// Each starts with a mark of four bytes; the other twelve are random. The mark tells a receiver of
/// this implementation that the sender repeats a message under the same id, as the Python package
/// does not. To all others it is a part of the id.
#[derive(Debug, Clone)]
pub struct MessageIds(Xoshiro256PlusPlus);

impl MessageIds {
    /// The sequence of `seed`. Every session needs a seed of its own, from the system's randomness
    /// or, in a test, from the test's seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(Xoshiro256PlusPlus::from_seed(seed))
    }

    /// `"kori"` as hex digits.
    const MARK: &str = "6b6f7269";

    /// The next id.
    pub fn draw(&mut self) -> MessageId {
        let mut bytes = *b"kori\0\0\0\0\0\0\0\0\0\0\0\0";
        self.0.fill_bytes(&mut bytes[4..]);
        MessageId::from_bytes(bytes)
    }

    /// Whether an id bears the mark, so that its sender repeats messages under their ids.
    #[must_use]
    pub fn is_marked(id: &Id<'_>) -> bool {
        id.as_str()
            .is_some_and(|id| id.len() == 32 && id.starts_with(Self::MARK))
    }

    /// A sequence of its own for another part of the same session.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Self::from_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // V2-2, V2-16
    #[test]
    fn ids_are_marked_distinct_and_fixed_by_their_seed() {
        let mut ids = MessageIds::from_seed([1; 32]);
        let mut same = ids.clone();
        let mut fork = ids.clone().fork();
        let drawn: Vec<_> = (0..100).map(|_| ids.draw()).collect();
        for (index, id) in drawn.iter().enumerate() {
            assert_eq!(*id, same.draw());
            assert!(!drawn[..index].contains(id));
            assert!(!drawn.contains(&fork.draw()));
            assert!(MessageIds::is_marked(&id.as_id()));
        }
        for other in ["6b6f7269", "0123456789abcdef0123456789abcdef", ""] {
            assert!(!MessageIds::is_marked(&Id::Text(other)));
        }
    }
}
