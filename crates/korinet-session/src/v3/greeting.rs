use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use korinet_proto::v3::{Frame, Transmit, Violation};
use korinet_wire::v3::{
    self as wire, AttachNumber, Code, Digest, Features, Hello, How, Intent, MAX_HANDSHAKE_FRAME,
    PREFACE, Preface, PrefaceError, Proof, Reject, Seq, Versions,
};

use super::channel::{Channel, Claim, SessionKey};
use super::{ServerConfig, Settings};
use crate::ConnectionError;

/// The minor version of protocol v3 that is spoken here.
pub(super) const MINOR: u16 = 0;

/// What a server does with a connection until its HELLO is there (V3-2, V3-3, V3-15).
#[derive(Debug, Clone, Hash)]
pub struct Greeter {
    deadline: Instant,
    is_preface_read: bool,
    is_done: bool,
}

/// What came of a connection.
#[derive(Debug, Clone, Hash)]
pub enum Greeted {
    /// A client says what it wants.
    Hello(Greeting),
    /// It does not do so in the right way.
    Refused(Refused),
}

/// A HELLO that was read.
#[derive(Debug, Clone, Hash)]
pub struct Greeting {
    body: Bytes,
    pub(super) versions: Versions,
    pub(super) offered: Features,
    pub(super) required: Features,
    pub(super) keep_alive: std::time::Duration,
    pub(super) attach: AttachNumber,
    pub(super) intent: Intent,
    pub(super) proof: Option<Proof>,
}

/// A connection that gets no session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Why.
    pub reason: ConnectionError,
    /// What is to be written before the connection is ended in good order (V3-41); nothing, where the
    /// peer speaks another protocol.
    pub answer: Bytes,
}

impl Greeter {
    /// A connection was accepted.
    #[must_use]
    pub fn new(now: Instant, settings: &Settings) -> Self {
        Self {
            deadline: super::client::later(now, settings.handshake_timeout),
            is_preface_read: false,
            is_done: false,
        }
    }

    /// Bytes came. What was looked at is taken out of `input`; the rest of it belongs to the session.
    /// There is one answer; after it this does nothing.
    pub fn handle_bytes(&mut self, input: &mut BytesMut) -> Option<Greeted> {
        if self.is_done {
            return None;
        }
        let answer = match self.read(input) {
            Ok(None) => return None,
            Ok(Some(greeting)) => Greeted::Hello(greeting),
            Err(error) => Greeted::Refused(refuse_bytes(error)),
        };
        self.is_done = true;
        Some(answer)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant, settings: &Settings) -> Option<Refused> {
        if self.is_done || now < self.deadline {
            return None;
        }
        self.is_done = true;
        let timeout = settings.handshake_timeout;
        let reason = ConnectionError::HandshakeTimeout(timeout);
        // Who has sent no preface may speak anything.
        let answer = if self.is_preface_read {
            reject(&Denial::of(Code::TIMEOUT, reason.to_string()), None)
        } else {
            Bytes::new()
        };
        Some(Refused { reason, answer })
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        (!self.is_done).then_some(self.deadline)
    }

    fn read(&mut self, input: &mut BytesMut) -> Result<Option<Greeting>, ConnectionError> {
        if !self.is_preface_read {
            match wire::preface(input).map_err(ConnectionError::Preface)? {
                Preface::Partial { .. } => return Ok(None),
                Preface::Complete => input.advance(PREFACE.len()),
            }
            self.is_preface_read = true;
        }
        let frame = Frame::decode(input, MAX_HANDSHAKE_FRAME).map_err(ConnectionError::Decode)?;
        let Some(frame) = frame else {
            return Ok(None);
        };
        let decoded = frame.as_wire().map_err(ConnectionError::Decode)?;
        let wire::Frame::Hello(hello) = decoded else {
            // V3-14
            let violation = Violation::Unexpected(decoded.name());
            return Err(ConnectionError::Violation(violation));
        };
        Ok(Some(Greeting::new(&hello, frame.body().clone())))
    }
}

impl Greeting {
    fn new(hello: &Hello<'_>, body: Bytes) -> Self {
        Self {
            versions: hello.versions,
            offered: hello.offered,
            required: hello.required,
            keep_alive: hello.keep_alive,
            attach: hello.attach,
            intent: hello.intent,
            proof: hello.proof,
            body,
        }
    }

    /// The HELLO: who asks, and with what credentials.
    #[must_use]
    pub fn hello(&self) -> Option<Hello<'_>> {
        match wire::Frame::decode_body(&self.body) {
            Ok(wire::Frame::Hello(hello)) => Some(hello),
            _ => None,
        }
    }

    /// The number of the attempt, which names the connection from here on.
    #[must_use]
    pub const fn attach(&self) -> AttachNumber {
        self.attach
    }

    /// What the proof covers.
    pub(super) fn signed(&self) -> Option<&[u8]> {
        wire::signed_part(&self.body)
    }

    /// Whether the HELLO was made by who holds `key`.
    pub(super) fn is_proven(&self, key: &SessionKey, channel: &Channel) -> bool {
        match (&self.proof, self.signed()) {
            (Some(proof), Some(signed)) => key.verify(Claim::Hello, channel, signed, proof),
            _ => false,
        }
    }

    /// The features to go by, or why there is no session (V3-10).
    pub(super) fn agree(&self, config: &ServerConfig) -> Result<Features, Denial> {
        let settings = &config.settings;
        if !(self.versions.min..=self.versions.max).contains(&MINOR) {
            return Err(Denial::of_version(String::new()));
        }
        let usable = settings.features.union(settings.required);
        let missing = self
            .required
            .without(usable)
            .union(settings.required.without(self.offered));
        if missing != Features::NONE {
            let text = format!("features {missing}");
            return Err(Denial::of(Code::FEATURE_REQUIRED, text));
        }
        Ok(self.offered.intersection(usable))
    }

    /// Refuses what was asked, without any proof.
    pub(super) fn refuse(&self, denial: &Denial) -> Refused {
        Refused {
            reason: denial.reason(),
            answer: reject(denial, None),
        }
    }

    /// Refuses what was asked by one who has proved to hold `key`, and proves to hold it, too.
    pub(super) fn refuse_proven(
        &self,
        denial: &Denial,
        key: &SessionKey,
        channel: &Channel,
    ) -> Refused {
        let prover = self.proof.as_ref().map(|hello| (key, channel, hello));
        Refused {
            reason: denial.reason(),
            answer: reject(denial, prover),
        }
    }
}

/// What a REJECT says.
#[derive(Debug, Clone)]
pub(super) struct Denial {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) versions: Option<Versions>,
    pub(super) attach: Option<AttachNumber>,
    pub(super) next: Option<Seq>,
}

impl Denial {
    pub(super) const fn of(code: Code, text: String) -> Self {
        Self {
            code,
            text,
            versions: None,
            attach: None,
            next: None,
        }
    }

    /// No version that both sides speak (V3-3, V3-10).
    const fn of_version(text: String) -> Self {
        let mut denial = Self::of(Code::VERSION_UNSUPPORTED, text);
        denial.versions = Some(Versions {
            min: MINOR,
            max: MINOR,
        });
        denial
    }

    fn reason(&self) -> ConnectionError {
        ConnectionError::RefusedHere {
            code: self.code,
            text: self.text.clone(),
        }
    }
}

/// Who sent no HELLO is told what was wrong, if it speaks this protocol at all (V3-3, V3-9).
fn refuse_bytes(reason: ConnectionError) -> Refused {
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
fn reject(denial: &Denial, prover: Option<(&SessionKey, &Channel, &Proof)>) -> Bytes {
    let frame = |proof| {
        wire::Frame::Reject(Reject {
            code: denial.code,
            text: clipped(&denial.text, 256),
            retry_after: None,
            versions: denial.versions,
            attach: denial.attach,
            next: denial.next,
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

/// The preface and the first frame of one side, with the proof of its map where it has a prover.
///
/// # Errors
///
/// What is wrong with the frame's texts.
pub(super) fn seal<'a>(
    frame: impl Fn(Option<Proof>) -> wire::Frame<'a>,
    prove: Option<impl FnOnce(&[u8]) -> Proof>,
) -> Result<(Bytes, Option<Proof>), String> {
    let proof = match prove {
        None => None,
        Some(prove) => {
            // The map, which is what the proof covers, is the same with any proof behind it.
            let draft = encoded(&frame(Some(Proof::from_bytes([0; 32]))))?;
            let body = draft.get(wire::PREFIX_LEN..).unwrap_or_default();
            wire::signed_part(body).map(prove)
        }
    };
    let mut bytes = BytesMut::from(&PREFACE[..]);
    bytes.extend_from_slice(&encoded(&frame(proof))?);
    Ok((bytes.freeze(), proof))
}

fn encoded(frame: &wire::Frame<'_>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(frame.encoded_len());
    match frame.encode(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(error.to_string()),
    }
}

/// A CLOSE that ends the session.
pub(super) fn close_frame(code: Code, text: &str, next: Seq, digest: Option<Digest>) -> Bytes {
    let mut out = Transmit::new();
    out.put_frame(&wire::Frame::Close(wire::Close {
        code,
        text: clipped(text, 256),
        how: How::End,
        next,
        digest,
    }));
    out.into_bytes()
}

/// As much of a text as fits into `max` bytes.
pub(super) fn clipped(text: &str, max: usize) -> &str {
    let mut len = text.len().min(max);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    &text[..len]
}
