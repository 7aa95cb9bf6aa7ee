use korinet_wire::v3::{self as wire, Code, Frame, PREFACE};

use super::LIMITS;
use super::occurred::{Occurred, What};

/// The most that a server says to one whom it does not know: one WELCOME or REJECT, whatever came.
const MAX_ANSWER: usize = 512;

/// What the server has said on a connection of protocol v3, checked as it says it.
#[derive(Debug, Default)]
pub(super) struct Said {
    stage: Stage,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Nothing,
    Welcome,
    /// REJECT or CLOSE.
    Last,
}

impl Said {
    pub(super) const fn new() -> Self {
        Self {
            stage: Stage::Nothing,
        }
    }

    /// The server writes this, on a connection that began with `beginning`.
    pub(super) fn handle_bytes(&mut self, bytes: &[u8], beginning: &[u8], occurred: &mut Occurred) {
        let mut rest = bytes;
        if self.stage == Stage::Nothing && !rest.is_empty() {
            // V3-2, V3-3
            assert!(beginning.len() > 4, "it speaks before its client does");
            assert_eq!(beginning[..4], PREFACE[..4], "to whom does it speak?");
            rest = rest.strip_prefix(&PREFACE).expect("the server's preface");
            let (frame, len) = first(rest);
            assert!(PREFACE.len() + len <= MAX_ANSWER, "a long answer: {frame}");
            rest = &rest[len..];
            self.stage = self.answered(&frame, occurred);
        }
        while !rest.is_empty() {
            let (frame, len) = first(rest);
            assert_eq!(self.stage, Stage::Welcome, "{frame} comes after the end");
            if let Frame::Close(close) = frame {
                self.stage = Stage::Last;
                match close.code {
                    Code::TAKEN_OVER => occurred.note(What::TakenOver),
                    Code::TIMEOUT => occurred.note(What::Silent),
                    Code::DONE | Code::DRAINING => {}
                    _ => occurred.note(What::BrokenOff),
                }
            }
            rest = &rest[len..];
        }
    }

    fn answered(&self, frame: &Frame<'_>, occurred: &mut Occurred) -> Stage {
        let Frame::Reject(reject) = frame else {
            assert!(matches!(frame, Frame::Welcome(_)), "{frame} is no answer");
            return Stage::Welcome;
        };
        if reject.proof.is_none() {
            // V3-32
            let told = (reject.attach, reject.next, reject.digest);
            assert_eq!(told, (None, None, None), "told to anybody");
        }
        occurred.note(What::Rejected);
        match reject.code {
            Code::TOO_MANY_SESSIONS => occurred.note(What::TooMany),
            Code::TIMEOUT => occurred.note(What::HandshakeTimeout),
            Code::SESSION_ENDED | Code::SESSION_EXPIRED => occurred.note(What::ToldOfTheEnd),
            _ => {}
        }
        Stage::Last
    }

    /// The connection is refused: that was said, or nothing.
    pub(super) fn check_refused(&self, answer: &[u8], occurred: &mut Occurred) {
        if answer.is_empty() {
            occurred.note(What::Unanswered);
            assert_eq!(self.stage, Stage::Nothing);
        } else {
            assert_eq!(self.stage, Stage::Last);
        }
    }
}

/// The first frame of what the server writes, and its length: it writes whole frames only.
pub(super) fn first(bytes: &[u8]) -> (Frame<'_>, usize) {
    match wire::decode(bytes, wire::max_frame(LIMITS.message)) {
        Ok(wire::Decoded::Complete { frame, len }) => (frame, len),
        other => panic!("{other:?} was written"),
    }
}
