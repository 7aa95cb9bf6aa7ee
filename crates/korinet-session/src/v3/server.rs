use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{
    Agreed, GoAway, Payload, ReceiveWindow, SendWindow, Transmit, Volatile, Windows,
};
use korinet_wire::v3::{
    self as wire, Answer, AttachNumber, Code, Features, InstanceId, Intent, Kind, Open, Opened,
    Positions, Proof, Resume, Seq, SessionId, Welcome,
};

use super::channel::{Channel, Claim, SessionKey};
use super::continuity::{check, local_positions};
use super::conversation::{Conversation, Ended, Outcome};
use super::greeting::{Denial, Greeting, MINOR, Refused, seal};
use super::{
    Action, Continuity, Delivery, Ending, Event, InDoubt, SendError, ServerConfig, Settings,
    Ticket, Tombstone,
};
use crate::{ConnectionError, SessionError};

/// What a server draws for a new session; all of it at random.
#[derive(Debug, Clone, Hash)]
pub struct Grant {
    /// The session's name.
    pub session: SessionId,
    /// Its key, where the connection is not secured; a secured one has its own.
    pub key: SessionKey,
    /// The process; the same for all its sessions.
    pub instance: InstanceId,
}

/// The server's side of a session of protocol v3, without a socket.
///
/// ```text
///                    handle_greeting                           expiry
///   open -> attached <-------------- detached ------------------------> over
///              | ^                      ^
///              | +-- take-over          |
///              +------------------------+
///       handle_disconnected, a timeout, an error of the peer
/// ```
///
/// From each of them the session can be closed. The groups of its methods are those of
/// [`ClientSession`](super::ClientSession); an attach number names the connection. A
/// [`Registry`](super::Registry) knows which session a HELLO is for.
#[derive(Debug, Clone)]
pub struct ServerSession {
    id: SessionId,
    instance: InstanceId,
    key: SessionKey,
    opened: Open,
    features: Features,
    settings: Settings,
    /// What was granted.
    expiry: Duration,
    /// The highest that was accepted.
    attach: AttachNumber,
    conversation: Option<Conversation>,
    /// Without a connection.
    expires_at: Option<Instant>,
    /// Preface and WELCOME, until they are written.
    welcome: Option<Bytes>,
    tombstone: Option<Tombstone>,
    /// What is left to be read when the session is over.
    inbox: VecDeque<Delivery>,
    acknowledged: u64,
    actions: VecDeque<Action>,
    events: VecDeque<Event>,
}

impl ServerSession {
    /// Opens a session for a HELLO that asks for one.
    ///
    /// # Errors
    ///
    /// The answer to a client that cannot have it: no common version, a required feature, a level.
    pub fn open(
        now: Instant,
        greeting: &Greeting,
        channel: &Channel,
        grant: &Grant,
        config: &ServerConfig,
    ) -> Result<Self, Refused> {
        let features = greeting
            .agree(config)
            .map_err(|denial| greeting.refuse(&denial))?;
        let Intent::Open(open) = greeting.intent else {
            let denial = Denial::of(Code::SESSION_UNKNOWN, String::new());
            return Err(greeting.refuse(&denial));
        };
        if open.level > config.max_level {
            let text = format!("at most level {}", config.max_level);
            return Err(greeting.refuse(&Denial::of(Code::LEVEL_UNSUPPORTED, text)));
        }
        let settings = config.settings.clone();
        let checksum = features.contains(Features::CHECKSUM);
        let windows = Windows {
            send: SendWindow::new(open.limits, checksum),
            receive: ReceiveWindow::new(settings.limits, open.level, checksum),
        };
        let mut session = Self {
            id: grant.session,
            instance: grant.instance,
            key: key_of(channel, &grant.key),
            opened: open,
            features,
            expiry: open.expiry.min(settings.expiry),
            settings,
            attach: greeting.attach,
            conversation: Some(Conversation::new(windows)),
            expires_at: None,
            welcome: None,
            tombstone: None,
            inbox: VecDeque::new(),
            acknowledged: 0,
            actions: VecDeque::new(),
            events: VecDeque::new(),
        };
        let welcome = session.answer_open(greeting, channel)?;
        session.attach(now, greeting, welcome, Seq::FIRST);
        Ok(session)
    }

    /// A HELLO for this session came on a new connection: the connection becomes the session's, or is
    /// refused and nothing has changed.
    ///
    /// # Errors
    ///
    /// The answer to a client that cannot have it.
    pub fn handle_greeting(
        &mut self,
        now: Instant,
        greeting: &Greeting,
        channel: &Channel,
    ) -> Result<(), Refused> {
        match greeting.intent {
            Intent::Open(open) => self.reopen(now, greeting, channel, &open),
            Intent::Resume(resume) => self.resume(now, greeting, channel, &resume),
        }
    }

    /// The client does not know that it has this session: the first WELCOME was lost (V3-13).
    fn reopen(
        &mut self,
        now: Instant,
        greeting: &Greeting,
        channel: &Channel,
        open: &Open,
    ) -> Result<(), Refused> {
        let is_untouched = self.conversation.as_ref().is_some_and(|conversation| {
            let windows = conversation.windows();
            windows.receive.next().0 == Seq::FIRST && windows.send.oldest() == Seq::FIRST
        });
        if !is_untouched || *open != self.opened {
            let denial = Denial::of(Code::SESSION_UNKNOWN, String::new());
            return Err(greeting.refuse(&denial));
        }
        if greeting.attach <= self.attach && !mutated!(StaleAttachAccepted) {
            let denial = Denial::of(Code::ATTACH_STALE, String::new());
            return Err(greeting.refuse(&denial));
        }
        // The client takes the key from the connection on which it hears of the session.
        self.key = key_of(channel, &self.key);
        let welcome = self.answer_open(greeting, channel)?;
        self.take_over(now);
        self.attach(now, greeting, welcome, Seq::FIRST);
        Ok(())
    }

    fn resume(
        &mut self,
        now: Instant,
        greeting: &Greeting,
        channel: &Channel,
        resume: &Resume,
    ) -> Result<(), Refused> {
        // Before the proof nothing is believed, and nothing told (V3-32).
        if !greeting.is_proven(&self.key, channel) && !mutated!(ProofNotChecked) {
            let denial = Denial::of(Code::SESSION_UNKNOWN, String::new());
            return Err(greeting.refuse(&denial));
        }
        let local = self
            .check_resume(greeting, &resume.positions)
            .map_err(|denial| greeting.refuse_proven(&denial, &self.key, channel))?;
        let hello = greeting.proof.as_ref().map(|hello| (channel, hello));
        let welcome = self.seal_welcome(greeting, Answer::Resumed(local), hello)?;
        self.take_over(now);
        self.attach(now, greeting, welcome, resume.positions.next);
        Ok(())
    }

    /// Whether the session can go on with this client; where this side stands.
    fn check_resume(
        &self,
        greeting: &Greeting,
        positions: &Positions,
    ) -> Result<Positions, Denial> {
        let Some(conversation) = &self.conversation else {
            // It has just come to its end.
            return Err(match &self.tombstone {
                Some(tombstone) => tombstone.denial(),
                None => Denial::of(Code::SESSION_UNKNOWN, String::new()),
            });
        };
        if greeting.attach <= self.attach && !mutated!(StaleAttachAccepted) {
            return Err(Denial {
                attach: Some(self.attach),
                ..Denial::of(Code::ATTACH_STALE, String::new())
            });
        }
        let speaks = (greeting.versions.min..=greeting.versions.max).contains(&MINOR);
        if !speaks || !greeting.offered.contains(self.features) {
            let text = format!("features {} of the session", self.features);
            return Err(Denial::of(Code::FEATURE_REQUIRED, text));
        }
        let windows = conversation.windows();
        match check(windows, positions) {
            Ok(()) => Ok(local_positions(windows)),
            Err(why) => Err(Denial {
                next: Some(windows.receive.taken().0),
                ..Denial::of(why.code(), why.to_string())
            }),
        }
    }

    /// V3-37.
    fn take_over(&mut self, now: Instant) {
        let dismiss = |conversation: &mut Conversation| {
            conversation.dismiss(now, Code::TAKEN_OVER, "another connection took over")
        };
        if let Some(ended) = self.conversation.as_mut().and_then(dismiss) {
            let mut last = BytesMut::new();
            // It may not even have been welcomed.
            last.extend_from_slice(&self.welcome.take().unwrap_or_default());
            last.extend_from_slice(&ended.last);
            self.actions
                .push_back(Action::Finish(ended.attach, last.freeze()));
            self.events.push_back(Event::Detached {
                reason: ConnectionError::TakenOver,
                wait: Duration::ZERO,
            });
        }
    }

    fn answer_open(&self, greeting: &Greeting, channel: &Channel) -> Result<Bytes, Refused> {
        let answer = Answer::Opened(Opened {
            limits: self.settings.limits,
            expiry: self.expiry,
            level: self.opened.level,
            key: match channel {
                Channel::Plain => Some(self.key.to_wire()),
                Channel::Secured { .. } => None,
            },
        });
        self.seal_welcome(greeting, answer, None)
    }

    fn seal_welcome(
        &self,
        greeting: &Greeting,
        answer: Answer,
        hello: Option<(&Channel, &Proof)>,
    ) -> Result<Bytes, Refused> {
        let frame = |proof| {
            wire::Frame::Welcome(Welcome {
                version: MINOR,
                features: self.features,
                agent: super::greeting::clipped(&self.settings.agent, 128),
                keep_alive: self.keep_alive(greeting),
                instance: self.instance,
                session: self.id,
                answer,
                proof,
            })
        };
        let prove = hello.map(|(channel, hello)| {
            move |signed: &[u8]| self.key.prove(Claim::Welcome(hello), channel, signed)
        });
        match seal(frame, prove) {
            Ok((bytes, _)) => Ok(bytes),
            // The server's own settings are not what a frame can carry.
            Err(text) => Err(greeting.refuse(&Denial::of(Code::INTERNAL, text))),
        }
    }

    /// V3-12.
    fn keep_alive(&self, greeting: &Greeting) -> Duration {
        let wish = match greeting.keep_alive {
            Duration::ZERO => Duration::MAX,
            wish => wish.max(Settings::MIN_KEEP_ALIVE),
        };
        match (wish, self.settings.keep_alive) {
            (Duration::MAX, Duration::ZERO) => Duration::ZERO,
            (wish, Duration::ZERO) => wish,
            (wish, most) => wish.min(most.max(Settings::MIN_KEEP_ALIVE)),
        }
    }

    fn attach(&mut self, now: Instant, greeting: &Greeting, welcome: Bytes, peer_next: Seq) {
        let agreed = Agreed {
            keep_alive: self.keep_alive(greeting),
            max_message: self.settings.limits.message,
        };
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        let resumed = matches!(greeting.intent, Intent::Resume(_));
        let replayed = conversation.attach(now, greeting.attach, &agreed, peer_next);
        self.attach = greeting.attach;
        self.welcome = Some(welcome);
        if !mutated!(ExpiryWhileAttached) {
            self.expires_at = None;
        }
        let windows = conversation.windows();
        self.events.push_back(Event::Attached(Continuity {
            session: self.id,
            attach: greeting.attach,
            instance: self.instance,
            resumed,
            replayed,
            deduplicated: windows.receive.duplicates(),
            unacknowledged: u64::try_from(windows.send.len()).unwrap_or(u64::MAX),
        }));
    }

    /// Bytes came on this connection. What is handled is taken out of `input`; a part of a frame waits
    /// there for more.
    pub fn handle_bytes(&mut self, now: Instant, attach: AttachNumber, input: &mut BytesMut) {
        match &mut self.conversation {
            Some(conversation) if !input.is_empty() => {
                conversation.handle_bytes(now, attach, input);
                self.handle_conversation(now);
            }
            _ => input.clear(),
        }
    }

    /// The connection is gone, without the peer having said so by a frame.
    pub fn handle_disconnected(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        reason: ConnectionError,
    ) {
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        if conversation.attached() != Some(attach) {
            return;
        }
        // The client either has the CLOSE or asks again and is told (V3-39).
        let is_over = conversation.is_close_written();
        conversation.detach();
        if is_over {
            self.end(now, Ending::Local, Code::SESSION_ENDED);
        } else {
            self.detached(now, reason);
        }
    }

    fn detached(&mut self, now: Instant, reason: ConnectionError) {
        self.welcome = None;
        self.expires_at = Some(super::client::later(now, self.expiry));
        self.events.push_back(Event::Detached {
            reason,
            wait: self.expiry,
        });
    }

    /// Time has passed: to be called at [`poll_timeout`](Self::poll_timeout), and at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.expires_at.is_some_and(|at| at <= now) {
            let error = SessionError::Expired { after: self.expiry };
            self.end(now, Ending::Error(error), Code::SESSION_EXPIRED);
        }
        if let Some(conversation) = &mut self.conversation {
            conversation.handle_timeout(now);
            self.handle_conversation(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timeout = self
            .conversation
            .as_ref()
            .and_then(Conversation::poll_timeout);
        [self.expires_at, timeout].into_iter().flatten().min()
    }

    /// Accepts a message; it is sent as soon as there is a connection.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Ticket, SendError> {
        let conversation = self.conversation.as_mut().ok_or(SendError::Closed)?;
        let seq = conversation.send(kind, re, payload)?;
        Ok(Ticket(seq.get()))
    }

    /// As [`ClientSession::send_volatile`](super::ClientSession::send_volatile).
    ///
    /// # Errors
    ///
    /// [`SendError::Push`] for one that is too large.
    pub fn send_volatile(&mut self, raw: bool, payload: &[u8]) -> Result<bool, SendError> {
        match &mut self.conversation {
            Some(conversation) => Ok(conversation.send_volatile(raw, payload)?),
            None => Ok(false),
        }
    }

    /// The next message for the application.
    pub fn recv(&mut self) -> Option<Delivery> {
        let Some(conversation) = &mut self.conversation else {
            return self.inbox.pop_front();
        };
        let message = conversation.windows_mut().receive.recv()?;
        Some(Delivery {
            session: self.id,
            message,
        })
    }

    /// The next volatile payload for the application.
    pub fn recv_volatile(&mut self) -> Option<Volatile> {
        self.conversation.as_mut()?.recv_volatile()
    }

    /// The application is done with a message; at the level `processed` it is acknowledged then.
    pub fn finish(&mut self, seq: Seq) {
        if let Some(conversation) = &mut self.conversation {
            conversation.windows_mut().receive.finish(seq);
        }
    }

    /// Announces that this side will close the connection (V3-42).
    pub fn go_away(&mut self, go_away: GoAway) {
        if let Some(conversation) = &mut self.conversation {
            conversation.go_away(go_away);
        }
    }

    /// Closes the session when all messages are acknowledged, if the client comes back in time for
    /// that. [`Event::Closed`] tells the end.
    pub fn close(&mut self, now: Instant, code: Code, text: &str) {
        if let Some(conversation) = &mut self.conversation {
            conversation.close(code, text);
            self.handle_conversation(now);
        }
    }

    /// Closes the connection and keeps the session, for the client to come back to.
    pub fn detach(&mut self, now: Instant, code: Code, text: &str) {
        let dismiss = |conversation: &mut Conversation| conversation.dismiss(now, code, text);
        if let Some(ended) = self.conversation.as_mut().and_then(dismiss) {
            self.handle_ended(now, ended);
        }
    }

    fn handle_conversation(&mut self, now: Instant) {
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        if let Some(go_away) = conversation.poll_draining() {
            self.events.push_back(Event::Draining(go_away));
        }
        if let Some(ended) = conversation.poll_ended(now) {
            self.handle_ended(now, ended);
        }
    }

    fn handle_ended(&mut self, now: Instant, ended: Ended) {
        self.actions
            .push_back(Action::Finish(ended.attach, ended.last));
        match ended.outcome {
            Outcome::Session { code, text } => {
                let conversation = self.conversation.as_ref();
                let why = if conversation.is_some_and(Conversation::is_closing_done) {
                    Ending::Local
                } else {
                    Ending::Peer { code, text }
                };
                self.end(now, why, Code::SESSION_ENDED);
            }
            Outcome::Connection(reason) => self.detached(now, reason),
        }
    }

    fn end(&mut self, now: Instant, why: Ending, code: Code) {
        let Some(mut conversation) = self.conversation.take() else {
            return;
        };
        if let Some(ended) = conversation.dismiss(now, code, "") {
            self.actions
                .push_back(Action::Finish(ended.attach, ended.last));
        }
        let windows = conversation.windows();
        self.acknowledged = windows.send.oldest().get() - 1;
        self.tombstone = Some(Tombstone {
            key: self.key.clone(),
            code,
            next: windows.receive.taken().0,
        });
        self.expires_at = None;
        self.welcome = None;
        let (unacknowledged, unread) = conversation.into_parts();
        let session = self.id;
        self.inbox = unread
            .into_iter()
            .map(|message| Delivery { session, message })
            .collect();
        let in_doubt = InDoubt::list(unacknowledged, Ticket(self.acknowledged + 1));
        self.events.push_back(Event::Closed { why, in_doubt });
    }

    /// The next thing for the driver to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// As [`ClientSession::has_transmit`](super::ClientSession::has_transmit).
    #[must_use]
    pub fn has_transmit(&self, attach: AttachNumber, is_input_idle: bool) -> bool {
        (attach == self.attach && self.welcome.is_some())
            || self
                .conversation
                .as_ref()
                .is_some_and(|conversation| conversation.has_transmit(attach, is_input_idle))
    }

    /// Appends to `out` all that is to be written on this connection now; whether there was anything.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &mut Transmit,
    ) -> bool {
        let Some(conversation) = &mut self.conversation else {
            return false;
        };
        if conversation.attached() != Some(attach) {
            return false;
        }
        let welcome = self.welcome.take();
        let any = welcome.is_some();
        out.push(welcome.unwrap_or_default());
        conversation.poll_transmit(now, attach, out) || any
    }

    /// Every message up to this one is acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> Ticket {
        Ticket(match &self.conversation {
            Some(conversation) => conversation.windows().send.oldest().get() - 1,
            None => self.acknowledged,
        })
    }

    /// The session's name.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The connection that the session has.
    #[must_use]
    pub fn attached(&self) -> Option<AttachNumber> {
        self.conversation.as_ref()?.attached()
    }

    /// What to remember of the session, once it is over.
    #[must_use]
    pub const fn tombstone(&self) -> Option<&Tombstone> {
        self.tombstone.as_ref()
    }

    /// The messages that are not acknowledged, and their frames' bytes.
    #[must_use]
    pub fn in_flight(&self) -> (usize, u64) {
        self.conversation.as_ref().map_or((0, 0), |conversation| {
            let send = &conversation.windows().send;
            (send.len(), send.bytes())
        })
    }

    /// The time between the last question of the keep-alive and its answer.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.conversation.as_ref()?.round_trip()
    }
}

/// The key of a session whose client hears of it on this connection (V3-29).
fn key_of(channel: &Channel, drawn: &SessionKey) -> SessionKey {
    match channel {
        Channel::Plain => drawn.clone(),
        Channel::Secured { key, .. } => key.clone(),
    }
}

impl Hash for ServerSession {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.id, self.attach, &self.conversation, self.expires_at).hash(state);
        (&self.welcome, &self.tombstone, &self.inbox).hash(state);
        (&self.actions, &self.events).hash(state);
    }
}
