use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{Payload, Transmit};
use korinet_session::v3::{
    Action, Delivery, Ending, Event, Grant, Greeted, Greeter, Greeting, Principal, Refused,
    Registry, Route, ServerSession, SessionKey,
};
use korinet_session::{ConnectionError, SessionError};
use korinet_wire::v3::{
    AttachNumber, Code, InstanceId, Intent, Kind, Level, OpenNonce, Seq, SessionId,
};

use super::client::accuses;
use super::link::{Chunk, Dialer, ServerEnd, Theft};
use super::seen::{Seen, Sight};
use super::{Config, SessionState};
use crate::model::flaw::Flaw;
use crate::model::{frames, now};

/// A server with its program.
#[derive(Debug, Clone, Hash)]
pub(super) struct Server {
    pub(super) registry: Registry<ServerSession>,
    /// What was said in each session, also in those that are over.
    pub(super) logs: Vec<Log>,
}

/// What the server's program knows of a session.
#[derive(Debug, Clone, Hash)]
pub(super) struct Log {
    nonce: Option<OpenNonce>,
    /// The highest attach that was accepted.
    pub(super) attach: u64,
    pub(super) sent: Vec<u8>,
    /// What the program has read, and whether it was flagged as redelivered.
    pub(super) delivered: Vec<(u8, bool)>,
    /// How many of these it is done with.
    pub(super) finished: usize,
    /// The program has closed it.
    pub(super) has_closed: bool,
    /// It is over; with the code that a client is to be told.
    pub(super) over: Option<Code>,
    /// Nothing is remembered of it.
    pub(super) is_forgotten: bool,
    /// Which connection the key is from.
    key_of: u8,
}

impl Log {
    const fn new() -> Self {
        Self {
            nonce: None,
            attach: 0,
            sent: Vec::new(),
            delivered: Vec::new(),
            finished: 0,
            has_closed: false,
            over: None,
            is_forgotten: false,
            key_of: 0,
        }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.over == Some(Code::SESSION_EXPIRED)
    }

    /// What the program has answered for.
    pub(super) fn taken(&self, level: Level) -> &[(u8, bool)] {
        match level {
            Level::Received => &self.delivered,
            Level::Processed | Level::Durable => &self.delivered[..self.finished],
        }
    }
}

impl Server {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            registry: Registry::new(&config.server()),
            logs: Vec::new(),
        }
    }

    /// The program sends a message; whether it was accepted.
    pub(super) fn send(&mut self, session: usize, life: u8) -> bool {
        let log = &mut self.logs[session];
        // Each life of the server says something else.
        let number = u8::try_from(0x10 * session + log.sent.len() + 1).unwrap();
        let content = 0x80 + number + (life - 1) * 4;
        let Some(core) = self.registry.get_mut(id_of(session)) else {
            return false;
        };
        let sent = core.send(Kind::RAW, None, Payload::Copied(&[content]));
        if sent.is_ok() {
            log.sent.push(content);
        }
        sent.is_ok()
    }
}

impl Server {
    pub(super) fn get(&self, session: usize) -> Option<&ServerSession> {
        self.registry.get(id_of(session))
    }

    /// The program is done with the oldest message that it has in its hands.
    pub(super) fn finish(&mut self, session: usize) -> bool {
        let log = &mut self.logs[session];
        log.finished += 1;
        let seq = Seq::new(as_u64(log.finished)).unwrap();
        match self.registry.get_mut(id_of(session)) {
            Some(core) => core.finish(seq),
            None => return false,
        }
        true
    }

    pub(super) fn close(&mut self, session: usize) -> bool {
        self.logs[session].has_closed = true;
        match self.registry.get_mut(id_of(session)) {
            Some(core) => core.close(now(), Code::DONE, ""),
            None => return false,
        }
        true
    }

    /// A session's expiry has passed; it has to be one without a connection.
    pub(super) fn expire(&mut self, session: usize) -> Result<bool, Flaw> {
        let Some(core) = self.registry.get_mut(id_of(session)) else {
            return Ok(false);
        };
        let was_attached = core.attached().is_some();
        core.handle_timeout(now());
        if was_attached && core.tombstone().is_some() {
            return Err(Flaw::Expiry);
        }
        Ok(true)
    }

    pub(super) fn forget(&mut self) {
        self.registry.handle_timeout(now());
        for log in self.logs.iter_mut().filter(|log| log.over.is_some()) {
            log.is_forgotten = true;
        }
    }

    /// The process is another one, and knows nothing.
    pub(super) fn restart(&mut self, config: &Config) {
        self.registry = Registry::new(&config.server());
        for log in &mut self.logs {
            log.is_forgotten = true;
        }
    }

    /// The process is as it was when `self` was kept, but for its connections; `granted` sessions were
    /// opened since the beginning.
    pub(super) fn resurrect(&mut self, granted: usize) {
        for (_, core) in self.registry.iter_mut() {
            if let Some(attach) = core.attached() {
                core.handle_disconnected(now(), attach, ConnectionError::ClosedByPeer);
            }
        }
        let unknown = Log {
            is_forgotten: true,
            ..Log::new()
        };
        self.logs.resize(granted, unknown);
    }
}

/// The name of a session in the model.
pub(super) fn id_of(session: usize) -> SessionId {
    SessionId::from_bytes([u8::try_from(session).unwrap(); 16])
}

/// The other way round.
pub(super) fn index_of(id: SessionId) -> usize {
    id.as_bytes()[0].into()
}

impl SessionState {
    /// A frame, or the end, comes to the server on a link.
    pub(super) fn deliver_up(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
    ) -> Result<(), Flaw> {
        let link = &mut self.links[at];
        let (attach, server) = (link.attach, link.server);
        match (link.up.pop_front(), server) {
            (None, _) | (_, ServerEnd::Closed) => {}
            (Some(Chunk::End), ServerEnd::Accepting) => link.close_server(),
            (Some(Chunk::End), ServerEnd::Bound(session)) => {
                link.close_server();
                let reason = ConnectionError::ClosedByPeer;
                if let Some(core) = self.server.registry.get_mut(id_of(session)) {
                    core.handle_disconnected(now(), attach, reason);
                }
            }
            (Some(Chunk::Frame(frame)), ServerEnd::Accepting) => {
                self.greet(config, seen, at, &frame)?;
            }
            (Some(Chunk::Frame(frame)), ServerEnd::Bound(session)) => {
                let mut input = BytesMut::from(&frame[..]);
                if let Some(core) = self.server.registry.get_mut(id_of(session)) {
                    core.handle_bytes(now(), attach, &mut input);
                    assert!(input.is_empty(), "a whole frame was left");
                }
            }
        }
        self.settle_server(config, seen)
    }

    /// The first frame of a connection.
    fn greet(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
        frame: &Bytes,
    ) -> Result<(), Flaw> {
        let mut greeter = Greeter::new(now(), &config.server().settings);
        match greeter.handle_bytes(&mut BytesMut::from(&frame[..])) {
            Some(Greeted::Hello(greeting)) => self.route(config, seen, at, &greeting),
            Some(Greeted::Refused(_)) | None => Err(Flaw::Accused),
        }
    }

    fn route(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let channel = self.links[at].channel.clone();
        let principal = Principal::default();
        let accepted = match self.server.registry.route(greeting, &channel, &principal) {
            Route::New => return self.open(config, at, greeting, principal),
            Route::Refused(refused) => Err(refused),
            Route::Session(id, core) => {
                let answer = core.handle_greeting(now(), greeting, &channel);
                answer.map(|()| index_of(id))
            }
        };
        match accepted {
            Ok(session) => self.accept(seen, at, session, greeting),
            Err(refused) => self.refuse(seen, at, &refused, greeting),
        }
    }

    fn open(
        &mut self,
        config: &Config,
        at: usize,
        greeting: &Greeting,
        principal: Principal,
    ) -> Result<(), Flaw> {
        let session = usize::from(self.granted);
        self.granted += 1;
        let grant = Grant {
            session: id_of(session),
            key: SessionKey::from_bytes([self.granted; 32]),
            instance: InstanceId::from_bytes([self.instance; 16]),
        };
        let link = &mut self.links[at];
        let opened = ServerSession::open(now(), greeting, &link.channel, &grant, &config.server());
        let core = opened.map_err(|_| Flaw::LockedOut)?;
        link.server = ServerEnd::Bound(session);
        let id = core.id();
        self.server.logs.resize_with(session, Log::new);
        let nonce = match greeting.hello().map(|hello| hello.intent) {
            Some(Intent::Open(open)) => Some(open.nonce),
            _ => None,
        };
        for (log, other) in self.server.logs.iter().zip(0..) {
            let is_alive = self.server.registry.get_mut(id_of(other)).is_some();
            if log.nonce == nonce && is_alive && log.over.is_none() {
                return Err(Flaw::Nonce);
            }
        }
        self.server.logs.push(Log {
            nonce,
            attach: greeting.attach().get(),
            key_of: self.dialed,
            ..Log::new()
        });
        self.server.registry.insert(greeting, principal, id, core);
        Ok(())
    }

    /// The session has taken the connection.
    fn accept(
        &mut self,
        seen: &Seen,
        at: usize,
        session: usize,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let log = &mut self.server.logs[session];
        if greeting.attach().get() <= log.attach {
            return Err(Flaw::Owners);
        }
        log.attach = greeting.attach().get();
        if self.links.iter().any(|link| link.is_bound_to(session)) {
            seen.note(Sight::TakenOver);
        }
        let link = &mut self.links[at];
        link.server = ServerEnd::Bound(session);
        let may = match link.dialer {
            Dialer::Client(_) => true,
            // Without a secure channel who reads along may be first.
            Dialer::Thief(Theft::Recorded) => !link.is_secured(),
            Dialer::Thief(Theft::Guessed) => false,
        };
        if !may {
            return Err(Flaw::Stranger);
        }
        match greeting.hello().map(|hello| hello.intent) {
            Some(Intent::Resume(resume)) => {
                let (next, end) = (resume.positions.next.get(), resume.positions.end.get());
                let (sent, delivered) = (log.sent.len(), log.delivered.len());
                if next > as_u64(sent) + 1 || as_u64(delivered) + 1 > end {
                    return Err(Flaw::Reach);
                }
                if log.finished < delivered {
                    seen.note(Sight::Unfinished);
                }
            }
            _ => {
                seen.note(Sight::Reopened);
                log.key_of = self.dialed;
            }
        }
        Ok(())
    }

    fn refuse(
        &mut self,
        seen: &Seen,
        at: usize,
        refused: &Refused,
        greeting: &Greeting,
    ) -> Result<(), Flaw> {
        let ConnectionError::RefusedHere { code, .. } = refused.reason else {
            return Err(Flaw::Accused);
        };
        if code == Code::ATTACH_STALE {
            seen.note(Sight::Stale);
        }
        let link = &mut self.links[at];
        link.write_down(frames::split_bytes(refused.answer.clone()));
        link.close_server();
        match link.dialer {
            Dialer::Thief(theft) => {
                let is_guess = theft == Theft::Guessed;
                seen.note(if is_guess {
                    Sight::Guessed
                } else {
                    Sight::Replayed
                });
                let is_silent = super::hostile::tells_nothing(&refused.answer);
                let must_be_silent = is_guess || link.is_secured();
                if must_be_silent && (code != Code::SESSION_UNKNOWN || !is_silent) {
                    return Err(Flaw::Stranger);
                }
            }
            Dialer::Client(_) => {
                if let Some(Intent::Resume(resume)) = greeting.hello().map(|hello| hello.intent)
                    && let Some(log) = self.server.logs.get(index_of(resume.session))
                    && !log.is_forgotten
                {
                    return match log.over {
                        Some(over) if over != code => Err(Flaw::Tombstone),
                        None if code == Code::SESSION_UNKNOWN => Err(Flaw::LockedOut),
                        _ => Ok(()),
                    };
                }
            }
        }
        Ok(())
    }

    /// Does what the server's driver and program do, until there is nothing more to do.
    pub(super) fn settle_server(&mut self, config: &Config, seen: &Seen) -> Result<(), Flaw> {
        for session in 0..self.server.logs.len() {
            while let Some(action) = self.core_mut(session).and_then(ServerSession::poll_action) {
                if let Action::Finish(attach, bytes) = action {
                    self.finish_link(session, attach, bytes);
                }
            }
            while let Some(event) = self.core_mut(session).and_then(ServerSession::poll_event) {
                self.handle_server_event(seen, session, &event)?;
            }
            while let Some(delivery) = self.core_mut(session).and_then(ServerSession::recv) {
                self.handle_server_delivery(seen, session, &delivery)?;
            }
            if config.prompt {
                self.retire(session);
                self.write_server(session);
            }
        }
        self.links.retain(|link| !link.is_gone());
        Ok(())
    }

    fn finish_link(&mut self, session: usize, attach: AttachNumber, bytes: Bytes) {
        let link = self
            .links
            .iter_mut()
            .find(|link| link.is_bound_to(session) && link.attach == attach);
        if let Some(link) = link {
            link.write_down(frames::split_bytes(bytes));
            link.close_server();
        }
    }

    fn handle_server_event(
        &mut self,
        seen: &Seen,
        session: usize,
        event: &Event,
    ) -> Result<(), Flaw> {
        let log = &mut self.server.logs[session];
        if let Event::Closed { why, .. } = event {
            log.over = Some(match why {
                Ending::Error(SessionError::Expired { .. }) => {
                    seen.note(Sight::Expired);
                    Code::SESSION_EXPIRED
                }
                _ => Code::SESSION_ENDED,
            });
        }
        match event {
            Event::Detached { reason, .. } if accuses(reason) => Err(Flaw::Accused),
            _ => Ok(()),
        }
    }

    fn handle_server_delivery(
        &mut self,
        seen: &Seen,
        session: usize,
        delivery: &Delivery,
    ) -> Result<(), Flaw> {
        let message = &delivery.message;
        let content = message.payload[0];
        let is_flagged = message.kind.redelivered;
        let mut all = self.server.logs.iter().flat_map(|log| &log.delivered);
        // One with the flag may come before the one without it, where that was on its way in a session
        // that its client had to give up.
        let is_repeat = all.any(|other| *other == (content, false));
        if is_repeat && is_flagged {
            seen.note(Sight::Redelivered);
        }
        let log = &mut self.server.logs[session];
        let is_next = message.seq.get() == as_u64(log.delivered.len()) + 1;
        if !is_next || (is_repeat && !is_flagged) {
            return Err(Flaw::Order);
        }
        log.delivered.push((content, message.kind.redelivered));
        Ok(())
    }

    /// The registry parts with a session that is over; whether it was.
    pub(super) fn retire(&mut self, session: usize) -> bool {
        let id = id_of(session);
        let core = self.server.registry.get_mut(id);
        let tombstone = core.and_then(|core| core.tombstone().cloned());
        let Some(tombstone) = tombstone else {
            return false;
        };
        self.server.registry.retire(now(), id, tombstone);
        true
    }

    /// Writes what a session has to write; whether there was anything.
    pub(super) fn write_server(&mut self, session: usize) -> bool {
        let Some(core) = self.server.registry.get_mut(id_of(session)) else {
            return false;
        };
        let Some(attach) = core.attached() else {
            return false;
        };
        let mut out = Transmit::new();
        let any = core.poll_transmit(now(), attach, &mut out);
        let written = frames::split(out);
        let link = self
            .links
            .iter_mut()
            .rfind(|link| link.is_bound_to(session) && link.attach == attach);
        if let Some(link) = link {
            link.write_down(written);
        }
        any
    }

    pub(super) fn core_mut(&mut self, session: usize) -> Option<&mut ServerSession> {
        self.server.registry.get_mut(id_of(session))
    }
}

fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap()
}
