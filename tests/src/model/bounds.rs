/// How much of each model is explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bounds {
    /// Seconds, even without optimisation: every kind of fault once.
    Layer,
    /// For each change: what an ordinary run of the tests can afford.
    Gate,
    /// For an optimised build: millions of states.
    Large,
}

impl Bounds {
    /// One of three values.
    pub(super) const fn pick<T: Copy>(self, layer: T, gate: T, large: T) -> T {
        match self {
            Self::Layer => layer,
            Self::Gate => gate,
            Self::Large => large,
        }
    }
}
