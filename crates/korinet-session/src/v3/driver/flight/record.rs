use std::fmt;

use korinet_wire::v3::{AttachNumber, SessionId};

use super::head::FrameHead;

/// What happened last in a session: the heads of frames in both directions, and what became of its connections.
///
/// It holds no payload, no key and no credential. Shown, it is the text of a small file that `korinet inspect` reads: a
/// first line with what it is of, and one line for each entry with the seconds since the session began, the attach number
/// of the connection, and `>` for what was sent, `<` for what was received, `*` for what changed:
///
/// ```text
/// korinet flight record 1: side=client session=18f7c302.. at=2.504118 entries=6 dropped=0
/// 0.000000 1 * connecting
/// 0.000210 1 * attached, opened
/// 0.000304 1 > DATA seq=1 kind=message len=11
/// 0.000492 1 < ACK next=2
/// 0.000730 1 < DATA seq=1 kind=response len=2 re=1
/// 1.803301 1 * detached: closed by the peer
/// ```
///
/// `at` is when it was made, on the same clock, and `dropped` how many entries there were before the first. A frame that
/// was received is noted when all of it has come, and before it is looked at; one that is sent when it is given to the
/// connection, which may be lost before it is written. What a client says to a server before it has its session is
/// not noted there. Of frames other than DATA, VOLATILE, ACK, PING and PONG there is the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlightRecord {
    pub(super) side: &'static str,
    pub(super) session: Option<SessionId>,
    /// When it was made, in microseconds since the session began.
    pub(super) micros: u64,
    pub(super) dropped: u64,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Since the session began.
    pub(super) micros: u64,
    pub(super) attach: AttachNumber,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Sent(FrameHead),
    Received(FrameHead),
    Change(Box<str>),
}

impl FlightRecord {
    /// How many entries it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing has happened yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there were before the first that is left.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// A time in seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl fmt::Display for FlightRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "korinet flight record 1: side={}", self.side)?;
        if let Some(session) = self.session {
            write!(f, " session={}", session.short())?;
        }
        writeln!(
            f,
            " at={} entries={} dropped={}",
            Seconds(self.micros),
            self.entries.len(),
            self.dropped
        )?;
        self.entries
            .iter()
            .try_for_each(|entry| writeln!(f, "{entry}"))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", Seconds(self.micros), self.attach)?;
        match &self.what {
            What::Sent(head) => write!(f, "> {head}"),
            What::Received(head) => write!(f, "< {head}"),
            What::Change(text) => write!(f, "* {text}"),
        }
    }
}
