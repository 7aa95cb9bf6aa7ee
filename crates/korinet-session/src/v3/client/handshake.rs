use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use korinet_proto::v3::{
    Agreed, Frame, Payload, ReceiveWindow, SendWindow, Transmit, Violation, Windows,
};
use korinet_wire::v3::{
    self as wire, Answer, Application, Authentication, Hello, Intent, MAX_HANDSHAKE_FRAME, Open,
    Opened, PREFACE, Positions, Preface, Proof, Reject, Resume, Versions, Welcome,
};

use super::{ClientSession, Established, Phase, Refusal};
use crate::v3::channel::{Channel, Claim, SessionKey};
use crate::v3::continuity::{check, local_positions};
use crate::v3::conversation::Conversation;
use crate::v3::deadline::later;
use crate::v3::seal::{MINOR, close_frame, seal};
use crate::v3::secret_bytes::SecretBytes;
use crate::v3::{Action, Continuity, Credential, Discontinuity, Ending, Event, Settings};
use crate::{ConnectionError, Loss, SessionError};

/// A HELLO that waits for its answer.
#[derive(Debug, Clone, Hash)]
pub(super) struct Handshake {
    channel: Channel,
    deadline: Instant,
    /// Preface and HELLO, until they are written.
    greeting: Option<SecretBytes>,
    /// The proof in the HELLO, which has one if it is to resume a session.
    proof: Option<Proof>,
    is_preface_read: bool,
}

impl Handshake {
    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) const fn has_transmit(&self) -> bool {
        self.greeting.is_some()
    }

    pub(super) fn poll_transmit(&mut self, out: &mut Transmit) -> bool {
        match self.greeting.take() {
            Some(SecretBytes(bytes)) => {
                out.push(bytes);
                true
            }
            None => false,
        }
    }

    /// The server's first frame, when it is there.
    fn read(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, ConnectionError> {
        if !self.is_preface_read {
            match wire::preface(input).map_err(ConnectionError::Preface)? {
                Preface::Partial { .. } => return Ok(None),
                Preface::Complete => input.advance(PREFACE.len()),
            }
            self.is_preface_read = true;
        }
        Frame::decode(input, MAX_HANDSHAKE_FRAME).map_err(ConnectionError::Decode)
    }
}

/// What takes the place of a message that belongs to a call of a lost session, since the call ended with it (V3-51).
const NOT_ASKED: wire::Kind = wire::Kind {
    own: true,
    raw: true,
    ..wire::Kind::of(wire::Role::Cancel)
};

impl ClientSession {
    /// Makes the HELLO of this attempt (V3-1).
    pub(super) fn greet(
        &mut self,
        now: Instant,
        channel: Channel,
        credential: Option<&Credential>,
    ) {
        let settings = &self.config.settings;
        let intent = match &self.session {
            Some(session) => Intent::Resume(Resume {
                session: session.id,
                positions: local_positions(session.conversation.windows()),
            }),
            None => Intent::Open(Open {
                nonce: self.nonce,
                limits: settings.limits,
                expiry: settings.expiry,
                level: self.config.level,
            }),
        };
        let application = self.config.application.as_ref();
        let hello = Hello {
            versions: Versions {
                min: MINOR,
                max: MINOR,
            },
            offered: settings.features.union(settings.required),
            required: settings.required,
            agent: &settings.agent,
            keep_alive: settings.keep_alive,
            attach: self.attach,
            intent,
            authentication: credential.map(|credential| Authentication {
                mechanism: &credential.mechanism,
                bytes: &credential.bytes,
            }),
            application: application.map(|(name, version)| Application { name, version }),
            proof: None,
        };
        let key = self.session.as_ref().map(|session| &session.key);
        let prove = key.map(|key| |signed: &[u8]| key.prove(Claim::Hello, &channel, signed));
        match seal(|proof| Hello { proof, ..hello }.into(), prove) {
            Ok((greeting, proof)) => {
                self.phase = Phase::Greeting(Handshake {
                    deadline: later(now, settings.handshake_timeout),
                    channel,
                    greeting: Some(SecretBytes(greeting)),
                    proof,
                    is_preface_read: false,
                });
            }
            Err(error) => {
                self.actions.push_back(Action::Abandon(self.attach));
                self.end(Ending::Error(SessionError::Hello(error)));
            }
        }
    }

    /// Bytes came before the answer to the HELLO was there.
    pub(super) fn handle_greeting(&mut self, now: Instant, input: &mut BytesMut) {
        let Phase::Greeting(handshake) = &mut self.phase else {
            return;
        };
        let frame = match handshake.read(input) {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(error) => return self.break_off(now, error, input),
        };
        let handshake = handshake.clone();
        let unexpected = |name| ConnectionError::Violation(Violation::Unexpected(name));
        match frame.as_wire() {
            Ok(wire::Frame::Welcome(welcome)) => {
                match self.handle_welcome(now, &handshake, &welcome, frame.body()) {
                    Ok(()) => {}
                    Err(ConnectionError::Discontinuous(why)) => self.part(now, why, input),
                    Err(error) => self.break_off(now, error, input),
                }
            }
            Ok(wire::Frame::Reject(reject)) => {
                self.actions
                    .push_back(Action::Finish(self.attach, Bytes::new()));
                input.clear();
                self.handle_reject(now, &handshake, &reject, frame.body());
            }
            Ok(other) => self.break_off(now, unexpected(other.name()), input),
            Err(error) => self.break_off(now, ConnectionError::Decode(error), input),
        }
    }

    /// The server's answer is none: this connection is of no use.
    fn break_off(&mut self, now: Instant, error: ConnectionError, input: &mut BytesMut) {
        input.clear();
        self.actions.push_back(Action::Abandon(self.attach));
        self.fail(now, error, false, Duration::ZERO);
    }

    /// The session cannot go on: tells the server so (V3-34).
    fn part(&mut self, now: Instant, why: Discontinuity, input: &mut BytesMut) {
        input.clear();
        if let Some(session) = &self.session {
            let (next, digest) = session.conversation.windows().receive.taken();
            let last = close_frame(why.code(), &why.to_string(), next, digest);
            self.actions.push_back(Action::Finish(self.attach, last));
        }
        self.lose(
            now,
            why.into(),
            ConnectionError::Discontinuous(why),
            None,
            false,
        );
    }

    fn handle_welcome(
        &mut self,
        now: Instant,
        handshake: &Handshake,
        welcome: &Welcome<'_>,
        body: &[u8],
    ) -> Result<(), ConnectionError> {
        match (&welcome.answer, &mut self.session) {
            (Answer::Opened(opened), None) => {
                let id_and_key = check_opened(&self.config, handshake, welcome, opened)?;
                self.open(now, welcome, opened, id_and_key);
            }
            (Answer::Resumed(positions), Some(session)) => {
                check_resumed(session, handshake, welcome, body)?;
                check(session.conversation.windows(), positions)
                    .map_err(ConnectionError::Discontinuous)?;
                self.resume(now, welcome, positions);
            }
            (Answer::Opened(_), Some(_)) => {
                return Err(ConnectionError::Unasked("a new session"));
            }
            (Answer::Resumed(_), None) => {
                return Err(ConnectionError::Unasked("an old session"));
            }
        }
        Ok(())
    }

    fn open(&mut self, now: Instant, welcome: &Welcome<'_>, opened: &Opened, key: SessionKey) {
        let checksum = welcome.features.contains(wire::Features::CHECKSUM);
        let settings = &self.config.settings;
        let limits = settings.limits;
        let mut send = SendWindow::new(settings.towards(opened.limits), checksum);
        let max = opened.limits.message;
        let too_large = |len: &usize| u32::try_from(*len).map_or(true, |len| len > max);
        let lens = self.backlog.iter().map(|message| message.payload.len());
        if let Some(len) = lens.into_iter().find(too_large) {
            self.return_backlog(Loss::TooLarge { len, max });
        }
        for message in std::mem::take(&mut self.backlog) {
            // They were checked when they were accepted, and their size just now.
            let pushed = if message.kind.role == wire::Role::Message {
                send.push_beyond(message.kind, None, Payload::Copied(&message.payload))
            } else {
                send.push_beyond(NOT_ASKED, Some(send.end()), Payload::Copied(&[]))
            };
            debug_assert!(pushed.is_ok(), "{pushed:?}");
        }
        let mut conversation = Conversation::new(Windows {
            send,
            receive: ReceiveWindow::new(limits, opened.level, checksum),
        });
        if let Some((code, text)) = self.closing.take() {
            conversation.close(code, &text);
        }
        self.session = Some(Established {
            id: welcome.session,
            key,
            features: welcome.features,
            conversation,
            offset: self.settled,
        });
        self.attach_conversation(now, welcome, false, wire::Seq::FIRST);
    }

    fn resume(&mut self, now: Instant, welcome: &Welcome<'_>, positions: &Positions) {
        self.attach_conversation(now, welcome, true, positions.next);
    }

    fn attach_conversation(
        &mut self,
        now: Instant,
        welcome: &Welcome<'_>,
        resumed: bool,
        peer_next: wire::Seq,
    ) {
        let Some(session) = &mut self.session else {
            return;
        };
        let agreed = Agreed {
            keep_alive: match welcome.keep_alive {
                Duration::ZERO => Duration::ZERO,
                granted => granted.max(Settings::MIN_KEEP_ALIVE),
            },
            max_message: self.config.settings.limits.message,
            max_control_frames: self.config.settings.max_control_frames,
        };
        let attach = self.attach;
        let replayed = session.conversation.attach(now, attach, &agreed, peer_next);
        let windows = session.conversation.windows();
        self.events.push_back(Event::Attached(Continuity {
            session: session.id,
            attach,
            instance: welcome.instance,
            resumed,
            replayed,
            deduplicated: windows.receive.duplicates(),
            unacknowledged: u64::try_from(windows.send.len()).unwrap_or(u64::MAX),
        }));
        self.unauthenticated = None;
        self.reconnect.handle_connected();
        self.phase = Phase::Attached {
            stable_at: Some(later(now, self.config.stable_after)),
        };
    }

    fn handle_reject(
        &mut self,
        now: Instant,
        handshake: &Handshake,
        reject: &Reject<'_>,
        body: &[u8],
    ) {
        let is_proven = self.is_proven(handshake, reject.proof, body, Claim::Reject);
        if let Some(attach) = reject.attach.filter(|_| is_proven) {
            // V3-30
            self.attach = self.attach.max(attach);
        }
        let refusal = Refusal {
            code: reject.code,
            text: reject.text.to_owned(),
            retry_after: reject.retry_after.unwrap_or_default(),
            next: reject
                .next
                .filter(|next| is_proven && self.has_sent(*next, reject.digest)),
            is_answer: true,
        };
        self.handle_refusal(now, refusal, false);
    }

    /// Whether what the server has taken below `next` is what this side has sent (V3-33).
    fn has_sent(&self, next: wire::Seq, digest: Option<wire::Digest>) -> bool {
        self.session.as_ref().is_some_and(|session| {
            let send = &session.conversation.windows().send;
            mutated!(HistoryNotCompared) || send.digest_at(next) == digest
        })
    }

    /// V3-33.
    fn is_proven<'a>(
        &self,
        handshake: &'a Handshake,
        proof: Option<Proof>,
        body: &[u8],
        claim: impl FnOnce(&'a Proof) -> Claim<'a>,
    ) -> bool {
        let (Some(session), Some(hello), Some(proof), Some(signed)) = (
            &self.session,
            &handshake.proof,
            proof,
            wire::signed_part(body),
        ) else {
            return false;
        };
        let key = &session.key;
        key.verify(claim(hello), &handshake.channel, signed, &proof)
    }
}

/// The key of the session that the server opened, if that is what was asked for (V3-12, V3-29).
fn check_opened(
    config: &crate::v3::ClientConfig,
    handshake: &Handshake,
    welcome: &Welcome<'_>,
    opened: &Opened,
) -> Result<SessionKey, ConnectionError> {
    let settings = &config.settings;
    let offered = settings.features.union(settings.required);
    if welcome.version != MINOR {
        return Err(ConnectionError::Unasked("another version"));
    }
    if !offered.contains(welcome.features) || !welcome.features.contains(settings.required) {
        return Err(ConnectionError::Unasked("other features"));
    }
    if opened.level != config.level {
        return Err(ConnectionError::Unasked("another level"));
    }
    match (&handshake.channel, &opened.key) {
        (Channel::Plain, Some(key)) => Ok(SessionKey::from_wire(key)),
        (Channel::Secured { key, .. }, None) => Ok(key.clone()),
        (Channel::Plain, None) => Err(ConnectionError::Unasked("a session without a key")),
        (Channel::Secured { .. }, Some(_)) => Err(ConnectionError::Unasked("a key in the open")),
    }
}

/// Whether the server has this session, and grants it as it was (V3-11, V3-12, V3-33).
fn check_resumed(
    session: &Established,
    handshake: &Handshake,
    welcome: &Welcome<'_>,
    body: &[u8],
) -> Result<(), ConnectionError> {
    let proven = match (&handshake.proof, welcome.proof, wire::signed_part(body)) {
        (Some(hello), Some(proof), Some(signed)) => {
            let claim = Claim::Welcome(hello);
            session
                .key
                .verify(claim, &handshake.channel, signed, &proof)
        }
        _ => false,
    };
    if !proven && !mutated!(WelcomeProofNotChecked) {
        return Err(ConnectionError::NotProven);
    }
    if welcome.session != session.id {
        return Err(ConnectionError::Unasked("another session"));
    }
    if welcome.version != MINOR || welcome.features != session.features {
        return Err(ConnectionError::Unasked(
            "another version or other features",
        ));
    }
    Ok(())
}
