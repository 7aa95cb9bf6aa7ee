use std::time::Duration;

use bytes::Bytes;
use korinet_wire::v3::{
    self as wire, AttachNumber, Code, Digest, MAX_TEXT, PrefaceError, Proof, Reject, Seq, Versions,
    clipped,
};

use super::channel::{Channel, Claim, SessionKey};
use super::seal::{MINOR, seal};
use crate::ConnectionError;

/// A connection that gets no session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Why.
    pub reason: ConnectionError,
    /// What is to be written before the connection is ended in good order (V3-41); nothing, where the
    /// peer speaks another protocol.
    pub answer: Bytes,
}

impl Refused {
    /// A client of this protocol that began without TLS, where that is not taken; its preface was read.
    #[must_use]
    pub fn without_tls() -> Self {
        let reason = ConnectionError::PlaintextRefused;
        let denial = Denial::of(Code::TLS_REQUIRED, String::new());
        Self {
            reason,
            answer: reject(&denial, None),
        }
    }
}

/// What a REJECT says.
#[derive(Debug, Clone)]
pub(super) struct Denial {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) retry_after: Option<Duration>,
    pub(super) versions: Option<Versions>,
    pub(super) attach: Option<AttachNumber>,
    pub(super) next: Option<Seq>,
    pub(super) digest: Option<Digest>,
}

impl Denial {
    pub(super) const fn of(code: Code, text: String) -> Self {
        Self {
            code,
            text,
            retry_after: None,
            versions: None,
            attach: None,
            next: None,
            digest: None,
        }
    }

    /// No version that both sides speak (V3-3, V3-10).
    pub(super) const fn of_version(text: String) -> Self {
        let mut denial = Self::of(Code::VERSION_UNSUPPORTED, text);
        denial.versions = Some(Versions {
            min: MINOR,
            max: MINOR,
        });
        denial
    }

    pub(super) fn reason(&self) -> ConnectionError {
        ConnectionError::RefusedHere {
            code: self.code,
            text: self.text.clone(),
        }
    }
}

/// Who sent no HELLO is told what was wrong, if it speaks this protocol at all (V3-3, V3-9).
pub(super) fn refuse_bytes(reason: ConnectionError) -> Refused {
    let denial = if let ConnectionError::Preface(PrefaceError::OtherVersion { .. }) = reason {
        Some(Denial::of_version(reason.to_string()))
    } else if let ConnectionError::Decode(error) = &reason {
        Some(Denial::of(error.kind.code(), error.to_string()))
    } else if let ConnectionError::Violation(violation) = &reason {
        Some(Denial::of(violation.code(), violation.to_string()))
    } else {
        None
    };
    let answer = denial.map(|denial| reject(&denial, None));
    Refused {
        reason,
        answer: answer.unwrap_or_default(),
    }
}

/// The server's preface and a REJECT.
pub(super) fn reject(denial: &Denial, prover: Option<(&SessionKey, &Channel, &Proof)>) -> Bytes {
    let frame = |proof| {
        wire::Frame::Reject(Reject {
            code: denial.code,
            text: clipped(&denial.text, MAX_TEXT),
            retry_after: denial.retry_after,
            versions: denial.versions,
            attach: denial.attach,
            next: denial.next,
            digest: denial.digest,
            proof,
        })
    };
    let prove = prover.map(|(key, channel, hello)| {
        move |signed: &[u8]| key.prove(Claim::Reject(hello), channel, signed)
    });
    seal(frame, prove)
        .map(|(bytes, _)| bytes)
        .unwrap_or_default()
}
