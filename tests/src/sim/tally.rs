use std::fmt;
use std::marker::PhantomData;

/// Things that are counted by their kind.
pub trait Kind: Copy + 'static {
    /// All kinds.
    const ALL: &'static [Self];

    /// The kind's name in a table.
    fn name(self) -> &'static str;

    /// Its place in [`ALL`](Self::ALL).
    fn index(self) -> usize;
}

macro_rules! kinds {
    ($(#[$doc:meta])* $type:ident: $($name:ident = $text:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $(#[doc = $text] $name,)+ }

        impl Kind for $type {
            const ALL: &'static [Self] = &[$(Self::$name),+];

            fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

kinds! {
    /// What a world does to those who live in it.
    Fault:
    Split = "delivery of a part of what was written",
    Stall = "bytes held back for a while",
    CutByFin = "connection ended in good order",
    CutByReset = "connection reset",
    Silence = "connection swallows all bytes",
    HalfSilence = "connection swallows the bytes of one side",
    HalfOpen = "one side never told of a cut",
    LateBytes = "bytes of a connection that was given up",
    LateHello = "HELLO after a later one",
    ConnectFailure = "attempt to connect refused",
    ConnectTimeout = "attempt to connect never answered",
    LateConnect = "connection after its attempt was given up",
    BitFlip = "bit of a DATA or ACK turned over",
    LengthFlip = "bit of a frame's length turned over",
    Duplicate = "DATA repeated",
    ForgedAck = "ACK of what was never sent",
    UnknownFrame = "frame of an unknown type",
    StolenId = "resume without the key",
    ReplayedHello = "HELLO played back",
    WrongPrincipal = "HELLO played back under another name",
    Impostor = "server that has no session",
    Refusal = "server too busy for a HELLO",
    ServerRestart = "server killed and started again",
    ClientRestart = "client killed and started again",
    ServerPause = "server paused",
    ClientPause = "client paused",
    Drain = "connection drained by the server",
    StoppedReader = "application that stops reading",
}

kinds! {
    /// The frames that were written.
    FrameKind:
    Hello = "HELLO",
    Welcome = "WELCOME",
    Reject = "REJECT",
    Data = "DATA",
    Ack = "ACK",
    Ping = "PING",
    Pong = "PONG",
    GoAway = "GOAWAY",
    Close = "CLOSE",
    Volatile = "VOLATILE",
}

kinds! {
    /// What applications were told.
    EventKind:
    Connecting = "connecting",
    Opened = "attached to a new session",
    Resumed = "attached to the session again",
    Detached = "detached",
    Draining = "draining",
    Lost = "lost",
    ClosedLocal = "closed by this side",
    ClosedPeer = "closed by the peer",
    ClosedError = "closed by an error",
}

kinds! {
    /// What became of messages.
    Fate:
    Accepted = "accepted",
    Delivered = "delivered",
    Acknowledged = "acknowledged",
    Redelivered = "delivered again, flagged",
    InDoubt = "handed back",
    Refused = "not accepted",
    Volatile = "volatile, delivered",
}

/// How many there were of each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally<K> {
    counts: Vec<u64>,
    kind: PhantomData<K>,
}

impl<K: Kind> Default for Tally<K> {
    fn default() -> Self {
        Self {
            counts: vec![0; K::ALL.len()],
            kind: PhantomData,
        }
    }
}

impl<K: Kind> Tally<K> {
    /// There was one more.
    pub fn add(&mut self, kind: K) {
        self.counts[kind.index()] += 1;
    }

    /// How many there were of this kind.
    #[must_use]
    pub fn get(&self, kind: K) -> u64 {
        self.counts[kind.index()]
    }

    /// How many there were of all kinds.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Counts what was counted elsewhere, too.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// The kinds that there were none of.
    pub fn missing(&self) -> impl Iterator<Item = K> {
        let kinds = K::ALL.iter().copied();
        kinds.filter(|kind| self.get(*kind) == 0)
    }
}

impl<K: Kind> fmt::Display for Tally<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for kind in K::ALL {
            writeln!(f, "  {:>12}  {}", self.get(*kind), kind.name())?;
        }
        Ok(())
    }
}
