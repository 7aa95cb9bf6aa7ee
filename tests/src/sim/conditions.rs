use super::link::Side;

/// How a connection comes about, and what happens to it. Times are in microseconds.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// What becomes of the attempt.
    pub connect: Connect,
    /// Who answers.
    pub host: Host,
    /// How long bytes are under way, at least and at most.
    pub latency: (u64, u64),
    /// The most bytes that arrive at once.
    pub slice: u64,
    /// One in so many deliveries is held back, for at most so long.
    pub stall: (u64, u64),
    /// Where the connection is cut.
    pub cut: Option<Cut>,
    /// When it is cut, if it still lives then.
    pub cut_after: Option<(u64, How, Other)>,
    /// One in so many DATA and ACK frames is tampered with.
    pub tamper: u64,
    /// What was written before a side closed the connection still arrives.
    pub is_flushed: bool,
}

/// What becomes of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connect {
    /// It succeeds after a while.
    After(u64),
    /// It fails after a while.
    Fails(u64),
    /// Nothing is ever heard of it.
    Never,
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The server.
    Server,
    /// One that poses as it.
    Impostor,
}

/// The end of a connection, but for what the ends do themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Whose bytes are counted.
    pub from: Side,
    /// How many of them arrive.
    pub at: u64,
    /// How it ends.
    pub how: How,
    /// When the one hears of it whose bytes were cut.
    pub other: Other,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// As if the peer had closed it.
    Fin,
    /// As if the peer had no such connection: what is under way is lost.
    Reset,
    /// Nothing arrives any more, and nobody is told.
    Silence,
    /// The same in one direction.
    HalfSilence,
}

/// When the second side hears of a cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// With the first.
    AtOnce,
    /// Later; until then bytes may still arrive there.
    Later(u64),
    /// Never.
    Never,
}

impl Conditions {
    /// Nothing goes wrong: whole writes arrive after a millisecond.
    pub const CALM: Self = Self {
        connect: Connect::After(1000),
        host: Host::Server,
        latency: (1000, 1000),
        slice: u64::MAX,
        stall: (0, 0),
        cut: None,
        cut_after: None,
        tamper: 0,
        is_flushed: true,
    };

    /// Nothing goes wrong but this.
    #[must_use]
    pub const fn with_cut(cut: Cut) -> Self {
        Self {
            cut: Some(cut),
            ..Self::CALM
        }
    }
}
