use korinet_wire::DecodeError;
use korinet_wire::v3::{Code, Limits, Seq};

/// What a peer did that the protocol forbids, or what the network made of it.
///
/// It ends the connection, not the session: on the next connection the same messages come again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// An ACK for messages that were not sent (V3-20).
    #[error("acknowledgement up to {next}, but only those below {sent} were sent")]
    AckBeyondSent {
        /// The position of the ACK.
        next: Seq,
        /// The first message that was not sent.
        sent: Seq,
    },
    /// More frames that carry nothing forward than are allowed (V3-46).
    #[error("more than {limit} frames a second that carry nothing")]
    ControlFlood {
        /// How many there may be, at once and in a second.
        limit: u32,
    },
    /// Bytes that are no frame.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A digest that is not that of the messages (V3-28).
    #[error("digest at message {next} does not match")]
    DigestMismatch {
        /// The position or the message.
        next: Seq,
    },
    /// A digest that was not agreed on, or none where it was (V3-27).
    #[error("digest {}", if *asked { "missing" } else { "where none was agreed on" })]
    DigestPresence {
        /// Whether there should be one.
        asked: bool,
    },
    /// A message above the limit (V3-22).
    #[error("message of {len} bytes exceeds limit {max}")]
    MessageTooLarge {
        /// The payload's bytes.
        len: usize,
        /// The limit.
        max: u32,
    },
    /// A message after the one that is missing (V3-17).
    #[error("message {found} where {expected} is expected")]
    SequenceGap {
        /// The number that is expected.
        expected: Seq,
        /// The number that came.
        found: Seq,
    },
    /// A message with a number above the last one.
    #[error("message above the last number")]
    SequenceExhausted,
    /// A frame that has no place here, or bytes where there should be none (V3-14).
    #[error("unexpected frame {0}")]
    Unexpected(&'static str),
    /// More messages or bytes than the window allows (V3-21).
    #[error("window exceeded: {messages} messages of {bytes} bytes unacknowledged, limits are {} and {}", limits.messages, limits.bytes)]
    WindowExceeded {
        /// With the last one.
        messages: u64,
        /// With the last one.
        bytes: u64,
        /// The limits.
        limits: Limits,
    },
}

impl Violation {
    /// The code that tells the peer.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::AckBeyondSent { .. } => Code::ACK_BEYOND_SENT,
            Self::ControlFlood { .. } => Code::CONTROL_FLOOD,
            Self::Decode(error) => error.kind.code(),
            Self::DigestMismatch { .. } => Code::DIGEST_MISMATCH,
            Self::DigestPresence { .. } => Code::FRAME_MALFORMED,
            Self::MessageTooLarge { .. } => Code::MESSAGE_TOO_LARGE,
            Self::SequenceGap { .. } | Self::SequenceExhausted => Code::SEQUENCE_GAP,
            Self::Unexpected(_) => Code::FRAME_UNEXPECTED,
            Self::WindowExceeded { .. } => Code::WINDOW_EXCEEDED,
        }
    }
}
