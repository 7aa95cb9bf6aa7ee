use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use korinet_proto::v3::{Agreed, ReceiveWindow, SendWindow, Windows};
use korinet_wire::v3::{
    self as wire, Answer, Code, Features, Intent, MAX_AGENT, Open, Opened, Positions, Proof,
    Resume, Seq, Welcome, clipped,
};

use super::{Grant, ServerSession};
use crate::ConnectionError;
use crate::v3::channel::{Channel, Claim, SessionKey};
use crate::v3::continuity::{check, local_positions};
use crate::v3::conversation::Conversation;
use crate::v3::denial::{Denial, Refused};
use crate::v3::greeting::Greeting;
use crate::v3::queue::Queue;
use crate::v3::seal::{MINOR, seal};
use crate::v3::secret_bytes::SecretBytes;
use crate::v3::{Continuity, Event, ServerConfig, Settings};

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
        config: &Arc<ServerConfig>,
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
        let settings = &config.settings;
        let checksum = features.contains(Features::CHECKSUM);
        let windows = Windows {
            send: SendWindow::new(settings.towards(open.limits), checksum),
            receive: ReceiveWindow::new(settings.limits, open.level, checksum),
        };
        let mut session = Self {
            id: grant.session,
            instance: grant.instance,
            key: key_of(channel, &grant.key),
            is_secured: channel.is_secured(),
            opened: open,
            features,
            expiry: open.expiry.min(settings.expiry),
            config: Arc::clone(config),
            attach: greeting.attach,
            comings: None,
            conversation: Some(Conversation::new(windows)),
            expires_at: None,
            welcome: None,
            over: None,
            inbox: Queue::default(),
            actions: Queue::default(),
            events: Queue::default(),
        };
        let welcome = session.answer_open(greeting, channel)?;
        session.go_on(now, greeting, welcome, Seq::FIRST);
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
        if !is_untouched || *open != self.opened || self.is_secured != channel.is_secured() {
            let denial = Denial::of(Code::SESSION_UNKNOWN, String::new());
            return Err(greeting.refuse(&denial));
        }
        if greeting.attach <= self.attach && !mutated!(StaleAttachAccepted) {
            let denial = Denial::of(Code::ATTACH_STALE, String::new());
            return Err(greeting.refuse(&denial));
        }
        self.comings
            .get_or_insert_default()
            .count(now, &self.config, self.conversation.as_ref())
            .map_err(|denial| greeting.refuse(&denial))?;
        // The client takes the key from the connection on which it hears of the session.
        self.key = key_of(channel, &self.key);
        let welcome = self.answer_open(greeting, channel)?;
        self.take_over(now);
        self.go_on(now, greeting, welcome, Seq::FIRST);
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
        let is_proven = greeting.is_proven(&self.key, channel) || mutated!(ProofNotChecked);
        if !is_proven || self.is_secured != channel.is_secured() {
            let denial = Denial::of(Code::SESSION_UNKNOWN, String::new());
            return Err(greeting.refuse(&denial));
        }
        let local = self
            .check_resume(greeting, &resume.positions)
            .and_then(|local| {
                let conversation = self.conversation.as_ref();
                let comings = self.comings.get_or_insert_default();
                comings.count(now, &self.config, conversation)?;
                Ok(local)
            })
            .map_err(|denial| greeting.refuse_proven(&denial, &self.key, channel))?;
        let hello = greeting.proof.as_ref().map(|hello| (channel, hello));
        let welcome = self.seal_welcome(greeting, Answer::Resumed(local), hello)?;
        self.take_over(now);
        self.go_on(now, greeting, welcome, resume.positions.next);
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
            return Err(match self.tombstone() {
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
        // How far a history goes says nothing to who has another one.
        check(windows, positions)
            .map(|()| local_positions(windows))
            .map_err(|why| Denial::of(why.code(), why.to_string()))
    }

    /// V3-37.
    fn take_over(&mut self, now: Instant) {
        let dismiss = |conversation: &mut Conversation| {
            conversation.dismiss(now, Code::TAKEN_OVER, "another connection took over")
        };
        if let Some(ended) = self.conversation.as_mut().and_then(dismiss) {
            self.part_from(ended.attach, &ended.last);
            self.events.push_back(Event::Detached {
                reason: ConnectionError::TakenOver,
                wait: Duration::ZERO,
            });
        }
    }

    fn answer_open(&self, greeting: &Greeting, channel: &Channel) -> Result<Bytes, Refused> {
        let answer = Answer::Opened(Opened {
            limits: self.config.settings.limits,
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
                agent: clipped(&self.config.settings.agent, MAX_AGENT),
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
        match (wish, self.config.settings.keep_alive) {
            (Duration::MAX, Duration::ZERO) => Duration::ZERO,
            (wish, Duration::ZERO) => wish,
            (wish, most) => wish.min(most.max(Settings::MIN_KEEP_ALIVE)),
        }
    }

    fn go_on(&mut self, now: Instant, greeting: &Greeting, welcome: Bytes, peer_next: Seq) {
        let agreed = Agreed {
            keep_alive: self.keep_alive(greeting),
            max_message: self.config.settings.limits.message,
            max_control_frames: self.config.settings.max_control_frames,
        };
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        let resumed = matches!(greeting.intent, Intent::Resume(_));
        let replayed = conversation.attach(now, greeting.attach, &agreed, peer_next);
        self.attach = greeting.attach;
        self.welcome = Some(Box::new(SecretBytes(welcome)));
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
}

/// The key of a session whose client hears of it on this connection (V3-29).
fn key_of(channel: &Channel, drawn: &SessionKey) -> SessionKey {
    match channel {
        Channel::Plain => drawn.clone(),
        Channel::Secured { key, .. } => key.clone(),
    }
}
