use core::fmt;

/// Why a request was not answered as it wanted, as an error says it (V3-50).
///
/// The hundreds are the class, which says whether the request ran; a code without a name here is
/// handled by it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureCode(u16);

/// Whether a request that failed has had an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ran {
    /// It has not, and will not.
    No,
    /// Nobody knows.
    Maybe,
    /// It has, and that it failed is its outcome.
    Yes,
}

codes! {
    FailureCode:
    /// The request ran, and that it failed is its outcome.
    FAILED = 0, "failed";
    /// The application does not want to run it.
    REFUSED = 100, "refused";
    /// Nobody answers requests here.
    UNHANDLED = 101, "unhandled";
    /// More requests are open than are taken.
    BUSY = 102, "busy";
    /// What is asked is not understood.
    MALFORMED = 103, "malformed";
    /// Its time was over before it began.
    TOO_LATE = 104, "too-late";
    /// Whoever had to answer it ended without doing so.
    UNANSWERED = 200, "unanswered";
    /// A stream that belongs to it broke the rules.
    STREAM_BROKEN = 201, "stream-broken";
}

impl FailureCode {
    /// Whether the request ran, as the code's class says.
    #[must_use]
    pub const fn ran(self) -> Ran {
        match self.0 / 100 {
            0 => Ran::Yes,
            1 => Ran::No,
            _ => Ran::Maybe,
        }
    }
}

/// The name, or the number where there is none.
impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "code {}", self.0),
        }
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "did not run",
            Self::Maybe => "may have run",
            Self::Yes => "ran",
        })
    }
}
