//! Deliberate defects, to show that the tests would see them.
//!
//! This module exists only where the code is compiled with `--cfg korinet_mutations`, which
//! `cargo xtask mutations` does and nothing else should. At most one defect is active at a time, in the
//! whole process.

use std::sync::atomic::{AtomicU8, Ordering};

macro_rules! mutations {
    ($($name:ident: $description:literal,)+) => {
        /// One defect.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Mutation { $(#[doc = $description] $name,)+ }

        impl Mutation {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// What is wrong with the code while it is active.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description,)+ }
            }
        }
    };
}

mutations! {
    AckBeforeTaken: "an ACK tells what was received, not what is taken",
    AckBeyondSentReleases: "an ACK above what was sent releases messages",
    CloseBeforeAcknowledged: "a session closes while messages are unacknowledged",
    CounterResetOnResume: "the receiver counts from 1 again after a resume",
    DigestNotCompared: "digests of messages and acknowledgements are not compared",
    DuplicateDelivered: "a message with a lower number is delivered again",
    ExpiryWhileAttached: "a session's expiry goes on while it has a connection",
    FeasibilityOffByOne: "a peer may have received one message more than was sent",
    FirstReplayedSkipped: "a replay begins one message late",
    FloodNotCounted: "frames that carry nothing forward are not counted",
    GroupNotAwaited: "messages are received before the digest of their group has come",
    HistoryNotCompared: "digests of the positions in a resume are not compared",
    NextReleases: "the position in a resume releases messages like an ACK",
    OldConnectionCounts: "what arrives on a connection that was taken over still counts",
    OpenNonceForgotten: "an open that is repeated gets a second session",
    ProofNotChecked: "the server takes any proof",
    ReleasedWhenWritten: "a message is forgotten once it was written",
    ReplayAfterNew: "new messages go out before the replayed ones",
    ResentUnflagged: "messages of a lost session are sent again without the redelivered bit",
    StaleAttachAccepted: "an attach number that is not higher is accepted",
    TombstoneForgotten: "a session that ended is not known any more",
    WelcomeProofNotChecked: "the client takes any proof",
    WindowIgnored: "the sender does not heed the peer's window",
    WrongGroupKept: "a group whose digest was wrong is not dropped",
}

const NONE: u8 = u8::MAX;

static ACTIVE: AtomicU8 = AtomicU8::new(NONE);

/// Activates a defect, or none.
pub fn activate(mutation: Option<Mutation>) {
    ACTIVE.store(
        mutation.map_or(NONE, |mutation| mutation as u8),
        Ordering::SeqCst,
    );
}

/// Whether this defect is active.
#[must_use]
pub fn is_active(mutation: Mutation) -> bool {
    ACTIVE.load(Ordering::Relaxed) == mutation as u8
}
