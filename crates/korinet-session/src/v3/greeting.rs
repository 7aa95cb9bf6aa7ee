use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use korinet_proto::v3::{Frame, Violation};
use korinet_wire::v3::{
    self as wire, AttachNumber, Code, Features, Hello, Intent, MAX_HANDSHAKE_FRAME, PREFACE,
    Preface, Proof, Versions,
};

use super::channel::{Channel, Claim, SessionKey};
use super::deadline::later;
use super::denial::{Denial, Refused, refuse_bytes, reject};
use super::seal::MINOR;
use super::secret_bytes::SecretBytes;
use super::{ServerConfig, Settings};
use crate::ConnectionError;

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
    body: SecretBytes,
    pub(super) versions: Versions,
    pub(super) offered: Features,
    pub(super) required: Features,
    pub(super) keep_alive: Duration,
    pub(super) attach: AttachNumber,
    pub(super) intent: Intent,
    pub(super) proof: Option<Proof>,
}

impl Greeter {
    /// A connection was accepted.
    #[must_use]
    pub fn new(now: Instant, settings: &Settings) -> Self {
        Self {
            deadline: later(now, settings.handshake_timeout),
            is_preface_read: false,
            is_done: false,
        }
    }

    /// Bytes came; what was looked at is taken out of `input`. There is one answer; after it this does
    /// nothing.
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
        if !input.is_empty() {
            let violation = Violation::Unexpected("before the welcome");
            return Err(ConnectionError::Violation(violation));
        }
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
            body: SecretBytes(body),
        }
    }

    /// The HELLO: who asks, and with what credentials.
    #[must_use]
    pub fn hello(&self) -> Option<Hello<'_>> {
        match wire::Frame::decode_body(&self.body.0) {
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
        wire::signed_part(&self.body.0)
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

    /// Refuses what was asked for a reason that passes.
    pub(super) fn refuse_for_now(&self, code: Code) -> Refused {
        self.refuse(&Denial::of(code, String::new()))
    }

    /// Refuses what was asked for a reason of which the client is told the text.
    pub(super) fn refuse_because(&self, code: Code, reason: ConnectionError) -> Refused {
        let Refused { answer, .. } = self.refuse(&Denial::of(code, reason.to_string()));
        Refused { reason, answer }
    }

    /// Refuses what was asked, and says when to ask again.
    pub(super) fn refuse_with(
        &self,
        code: Code,
        text: String,
        retry_after: Option<Duration>,
    ) -> Refused {
        self.refuse(&Denial {
            retry_after,
            ..Denial::of(code, text)
        })
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
