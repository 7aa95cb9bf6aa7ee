use std::fmt;

/// What is to be done in one world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many faults, roughly; see [`Report::injected`](super::Report::injected).
    pub faults: u64,
    /// Whether the history is kept as text.
    pub trace: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            faults: 200,
            trace: false,
        }
    }
}

/// Something that must not happen has happened.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The seed of the world.
    pub seed: u64,
    /// What happened.
    pub what: String,
    /// The history, if it was wanted.
    pub trace: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        write!(
            f,
            "to see all that led to it: cargo xtask simulate --seed {}",
            self.seed
        )
    }
}
