use std::collections::{BTreeMap, BTreeSet};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{GoAway, Payload, Transmit};
use korinet_session::v3::{
    Action, Delivery, Event, Grant, Greeted, Greeter, Greeting, Principal, Refused, Registry,
    Route, SendError, ServerConfig, ServerSession, SessionKey,
};
use korinet_wire::v3::{
    AttachNumber, Code, InstanceId, Intent, Kind, Level, Limits, OpenNonce, PREFACE, Reject, Seq,
    SessionId,
};

use super::client::{broken, hash_of};
use super::course::{Course, kind_of};
use super::ledger::Terms;
use super::link::{Dialler, LinkId, ProcessId, Side};
use super::network::Network;
use super::tally::{Fate, Fault};

/// A server process: what accepts connections, and its sessions.
#[derive(Debug, Clone)]
pub struct ServerNode {
    /// Which of its lives.
    pub process: ProcessId,
    /// What the applications of its sessions were told, for whoever wants to know.
    pub told: Vec<(SessionId, Event)>,
    /// It does nothing until then.
    pub paused_until: u64,
    /// So many of the next HELLOs are answered with this refusal and a time to wait.
    pub refusals: Vec<(Code, Option<std::time::Duration>)>,
    config: ServerConfig,
    instance: InstanceId,
    registry: Registry<ServerSession>,
    /// Connections without a HELLO.
    greeters: BTreeMap<LinkId, (Greeter, BytesMut)>,
    /// Connections with a session.
    owned: BTreeMap<LinkId, Owned>,
    by_attach: BTreeMap<(SessionId, AttachNumber), LinkId>,
    courses: BTreeMap<SessionId, Desk>,
    /// Sessions that are over, for what is left to be read.
    over: BTreeMap<SessionId, ServerSession>,
    /// Under which nonce each living session was opened.
    nonces: BTreeMap<(Principal, OpenNonce), SessionId>,
}

#[derive(Debug, Clone)]
struct Owned {
    session: SessionId,
    attach: AttachNumber,
    input: BytesMut,
}

/// What is known of a session besides.
#[derive(Debug, Clone)]
struct Desk {
    course: Course,
    limits: Limits,
    level: Level,
    opened_as: (Principal, OpenNonce),
    settled: u64,
}

impl ServerNode {
    /// A process that begins.
    pub fn new(network: &mut Network, process: ProcessId, config: ServerConfig) -> Self {
        network.server_limits = config.settings.limits;
        Self {
            process,
            told: Vec::new(),
            paused_until: 0,
            refusals: Vec::new(),
            instance: InstanceId::from_bytes(network.draw.bytes()),
            registry: Registry::new(&config),
            config,
            greeters: BTreeMap::new(),
            owned: BTreeMap::new(),
            by_attach: BTreeMap::new(),
            courses: BTreeMap::new(),
            over: BTreeMap::new(),
            nonces: BTreeMap::new(),
        }
    }

    /// How it was set up.
    #[must_use]
    pub const fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// A connection was accepted.
    pub fn handle_accepted(&mut self, network: &Network, link: LinkId) {
        let greeter = Greeter::new(network.now(), &self.config.settings);
        self.greeters.insert(link, (greeter, BytesMut::new()));
    }

    /// Bytes came on a connection.
    pub fn handle_bytes(
        &mut self,
        network: &mut Network,
        link: LinkId,
        bytes: &Bytes,
    ) -> Result<(), String> {
        if let Some((greeter, input)) = self.greeters.get_mut(&link) {
            input.extend_from_slice(bytes);
            return match greeter.handle_bytes(input) {
                None => Ok(()),
                Some(Greeted::Refused(refused)) => self.refuse(network, link, &refused),
                Some(Greeted::Hello(greeting)) => self.handle_greeting(network, link, &greeting),
            };
        }
        let Some(owned) = self.owned.get_mut(&link) else {
            return Ok(());
        };
        let (id, attach) = (owned.session, owned.attach);
        let Some(session) = self.registry.get_mut(id) else {
            return Ok(());
        };
        owned.input.extend_from_slice(bytes);
        // What comes on a connection that is not the session's must not matter (V3-37).
        let is_owner = session.attached() == Some(attach);
        let before = (!is_owner).then(|| hash_of(session));
        session.handle_bytes(network.now(), attach, &mut owned.input);
        if let Some(before) = before {
            network.fault(Fault::LateBytes);
            if before != hash_of(session) {
                return Err(format!("bytes for the old attempt {attach} changed {id}"));
            }
        }
        self.pump(network, id)
    }

    /// A connection is gone.
    pub fn handle_disconnected(
        &mut self,
        network: &mut Network,
        link: LinkId,
        is_reset: bool,
    ) -> Result<(), String> {
        self.greeters.remove(&link);
        let Some(Owned {
            session: id,
            attach,
            ..
        }) = self.owned.remove(&link)
        else {
            return Ok(());
        };
        self.by_attach.remove(&(id, attach));
        let Some(session) = self.registry.get_mut(id) else {
            return Ok(());
        };
        let is_owner = session.attached() == Some(attach);
        let before = (!is_owner).then(|| hash_of(session));
        session.handle_disconnected(network.now(), attach, broken(is_reset));
        if before.is_some_and(|before| before != hash_of(session)) {
            return Err(format!("the end of the old attempt {attach} changed {id}"));
        }
        self.pump(network, id)
    }

    fn handle_greeting(
        &mut self,
        network: &mut Network,
        link: LinkId,
        greeting: &Greeting,
    ) -> Result<(), String> {
        if let Some((code, retry_after)) = self.refusals.pop() {
            network.fault(Fault::Refusal);
            return self.refuse(network, link, &busy(code, retry_after));
        }
        let hello = greeting.hello().ok_or("a greeting without a HELLO")?;
        let name = hello.authentication.map_or(&[][..], |shown| shown.bytes);
        let principal = Principal(String::from_utf8_lossy(name).into_owned());
        let channel = network.links[&link].channel();
        let now = network.now();
        let id = match self.registry.route(greeting, &channel, &principal) {
            Route::Refused(refused) => return self.refuse(network, link, &refused),
            Route::Session(id, session) => {
                let before = hash_of(session);
                if let Err(refused) = session.handle_greeting(now, greeting, &channel) {
                    if before != hash_of(session) {
                        return Err(format!("a HELLO that was refused changed {id}"));
                    }
                    return self.refuse(network, link, &refused);
                }
                id
            }
            Route::New => {
                let grant = Grant {
                    session: SessionId::from_bytes(network.draw.bytes()),
                    key: SessionKey::from_bytes(network.draw.bytes()),
                    instance: self.instance,
                };
                match ServerSession::open(now, greeting, &channel, &grant, &self.config) {
                    Err(refused) => return self.refuse(network, link, &refused),
                    Ok(session) => self.insert(greeting, principal, session)?,
                }
            }
        };
        self.own(network, link, id, greeting.attach())
    }

    fn insert(
        &mut self,
        greeting: &Greeting,
        principal: Principal,
        session: ServerSession,
    ) -> Result<SessionId, String> {
        let id = session.id();
        let Intent::Open(open) = greeting.hello().ok_or("a greeting without a HELLO")?.intent
        else {
            return Err("a session is opened to be resumed".to_owned());
        };
        let opened_as = (principal.clone(), open.nonce);
        if let Some(other) = self.nonces.insert(opened_as.clone(), id) {
            return Err(format!("one open has two sessions, {other} and {id}"));
        }
        let desk = Desk {
            course: Course::new(Side::Server),
            limits: open.limits,
            level: open.level,
            opened_as,
            settled: 0,
        };
        self.courses.insert(id, desk);
        self.registry.insert(greeting, principal, id, session);
        Ok(id)
    }

    fn own(
        &mut self,
        network: &mut Network,
        link: LinkId,
        id: SessionId,
        attach: AttachNumber,
    ) -> Result<(), String> {
        let attack = network
            .links
            .get(&link)
            .and_then(|link| link.attack.clone());
        if let Some((fault @ (Fault::StolenId | Fault::WrongPrincipal), _)) = attack
            && network.ledger.is_open(id, Side::Client)
        {
            return Err(format!("{id} is taken over by an attacker: {fault:?}"));
        }
        let (_, input) = self.greeters.remove(&link).ok_or("no such connection")?;
        if let Some(other) = self.by_attach.insert((id, attach), link) {
            return Err(format!("{link} and {other} are both attempt {attach}"));
        }
        self.owned.insert(
            link,
            Owned {
                session: id,
                attach,
                input,
            },
        );
        self.pump(network, id)?;
        self.handle_bytes(network, link, &Bytes::new())
    }

    fn refuse(
        &mut self,
        network: &mut Network,
        link: LinkId,
        refused: &Refused,
    ) -> Result<(), String> {
        network.note(format_args!("server refuses {link}: {}", refused.reason));
        let is_stale = refused.reason.to_string().contains("stale");
        let dialler = network.links.get(&link).map(|link| link.dialler);
        if is_stale && dialler.is_some_and(|dialler| dialler != Dialler::Attacker) {
            network.fault(Fault::LateHello);
        }
        self.greeters.remove(&link);
        if !refused.answer.is_empty() {
            network.write(link, Side::Server, &refused.answer)?;
        }
        network.finish(link, Side::Server);
        Ok(())
    }

    /// Does what a session wants, until it wants nothing more.
    pub(super) fn pump(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        loop {
            self.settle(network, id)?;
            let mut is_busy = self.handle_events(network, id)?;
            let Some(session) = self.registry.get_mut(id) else {
                return Ok(());
            };
            while let Some(action) = session.poll_action() {
                is_busy = true;
                act(network, &self.by_attach, id, action)?;
            }
            is_busy |= self.transmit(network, id)?;
            if !is_busy {
                break;
            }
        }
        self.check_bounds(network, id)?;
        self.retire(network, id)
    }

    fn handle_events(&mut self, network: &mut Network, id: SessionId) -> Result<bool, String> {
        let mut is_busy = false;
        while let Some(event) = self
            .registry
            .get_mut(id)
            .and_then(ServerSession::poll_event)
        {
            is_busy = true;
            self.handle_event(network, id, event)?;
        }
        Ok(is_busy)
    }

    fn handle_event(
        &mut self,
        network: &mut Network,
        id: SessionId,
        event: Event,
    ) -> Result<(), String> {
        network.note(format_args!("server {id} is told {event:?}"));
        network.trace.record((id, &event));
        if let Some(kind) = kind_of(&event) {
            network.report.events.add(kind);
        }
        let desk = self.courses.get_mut(&id).ok_or("no such session")?;
        desk.course
            .advance(&event)
            .map_err(|error| format!("server {id}: {error}"))?;
        match &event {
            Event::Attached(continuity) if !continuity.resumed => {
                self.handle_opened(network, id)?;
            }
            Event::Closed { in_doubt, .. } => {
                let mut next = desk.settled + 1;
                for message in in_doubt {
                    if message.ticket.0 != next {
                        return Err(format!("{:?} is not the next in doubt", message.ticket));
                    }
                    let known = network.ledger.message(id, Side::Server, next);
                    let message_id = known.ok_or("what was never sent is in doubt")?;
                    network.ledger.handed_back(message_id, message)?;
                    next += 1;
                }
                if network.ledger.message(id, Side::Server, next).is_some() {
                    return Err(format!("message {next} of {id} is not in doubt"));
                }
            }
            _ => {}
        }
        self.told.push((id, event));
        Ok(())
    }

    /// The first time, or once more since the WELCOME was lost (V3-13).
    fn handle_opened(&self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if network.ledger.is_open(id, Side::Server) {
            return Ok(());
        }
        let desk = self.courses.get(&id).ok_or("no such session")?;
        let terms = Terms {
            sender: self.process,
            level: desk.level,
            limits: desk.limits,
        };
        let limits = self.config.settings.limits;
        network.ledger.grant(id, self.process, limits);
        network.ledger.open(id, Side::Server, terms, &[])
    }

    fn settle(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        let (Some(session), Some(desk)) = (self.registry.get_mut(id), self.courses.get_mut(&id))
        else {
            return Ok(());
        };
        let acknowledged = session.acknowledged().0;
        if acknowledged != desk.settled {
            network
                .ledger
                .acknowledged(id, Side::Server, acknowledged)
                .map_err(|error| format!("server {id}: {error}"))?;
            desk.settled = acknowledged;
        }
        Ok(())
    }

    fn transmit(&mut self, network: &mut Network, id: SessionId) -> Result<bool, String> {
        let Some(session) = self.registry.get_mut(id) else {
            return Ok(false);
        };
        let Some(attach) = session.attached() else {
            return Ok(false);
        };
        let Some(link) = self.by_attach.get(&(id, attach)) else {
            return Ok(false);
        };
        let is_idle = network.is_input_idle(*link, Side::Server);
        if !network.has_room(*link, Side::Server) || !session.has_transmit(attach, is_idle) {
            return Ok(false);
        }
        let mut out = Transmit::new();
        if !session.poll_transmit(network.now(), attach, &mut out) {
            return Err("has_transmit promised what poll_transmit did not give".to_owned());
        }
        network.write(*link, Side::Server, &out.into_bytes())?;
        Ok(true)
    }

    fn check_bounds(&mut self, network: &Network, id: SessionId) -> Result<(), String> {
        let (Some(session), Some(limits)) = (
            self.registry.get_mut(id),
            network.ledger.limits(id, Side::Server),
        ) else {
            return Ok(());
        };
        let (messages, bytes) = session.in_flight();
        let fits = messages <= limits.messages as usize && bytes <= u64::from(limits.bytes);
        if fits || messages <= 1 {
            return Ok(());
        }
        Err(format!(
            "server {id} has {messages} messages of {bytes} bytes unacknowledged"
        ))
    }

    fn retire(&mut self, network: &Network, id: SessionId) -> Result<(), String> {
        let Some(session) = self.registry.get_mut(id) else {
            return Ok(());
        };
        let Some(tombstone) = session.tombstone().cloned() else {
            return Ok(());
        };
        let over = self.registry.retire(network.now(), id, tombstone);
        self.over.extend(over.map(|session| (id, session)));
        if let Some(desk) = self.courses.get(&id) {
            self.nonces.remove(&desk.opened_as);
        }
        Ok(())
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, network: &mut Network) -> Result<(), String> {
        let now = network.now();
        let settings = &self.config.settings;
        let late: Vec<_> = self
            .greeters
            .iter_mut()
            .filter_map(|(link, (greeter, _))| {
                Some((*link, greeter.handle_timeout(now, settings)?))
            })
            .collect();
        for (link, refused) in late {
            self.refuse(network, link, &refused)?;
        }
        self.registry.handle_timeout(now);
        let due = |(id, session): (SessionId, &mut ServerSession)| {
            session.poll_timeout().filter(|at| *at <= now).map(|_| id)
        };
        let due: BTreeSet<_> = self.registry.iter_mut().filter_map(due).collect();
        for id in due {
            if let Some(session) = self.registry.get_mut(id) {
                session.handle_timeout(now);
            }
            self.pump(network, id)?;
        }
        Ok(())
    }

    /// When it wants to be called.
    pub fn next_timeout(&mut self, network: &Network) -> Option<u64> {
        let greeters = self.greeters.values();
        let greeters = greeters.filter_map(|(greeter, _)| greeter.poll_timeout());
        let registry = self.registry.poll_timeout();
        let first = greeters.chain(registry).min();
        let sessions = self.registry.iter_mut();
        let sessions = sessions.filter_map(|(_, session)| session.poll_timeout());
        let first = sessions.chain(first).min()?;
        Some(network.micros_of(first).max(self.paused_until))
    }

    /// There is room to write on a connection again.
    pub fn handle_room(&mut self, network: &mut Network, link: LinkId) -> Result<(), String> {
        match self.owned.get(&link).map(|owned| owned.session) {
            Some(id) => self.pump(network, id),
            None => Ok(()),
        }
    }

    /// The sessions that live.
    pub fn sessions(&mut self) -> Vec<SessionId> {
        self.registry.iter_mut().map(|(id, _)| id).collect()
    }

    /// The sessions that were closed and may have left something to be read.
    #[must_use]
    pub fn over(&self) -> Vec<SessionId> {
        self.over.keys().copied().collect()
    }

    /// A session that lives.
    pub fn session(&mut self, id: SessionId) -> Option<&mut ServerSession> {
        self.registry.get_mut(id)
    }

    /// How many ended sessions are remembered.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.registry.tombstones()
    }

    /// The connection that a session has.
    pub fn link_of(&mut self, id: SessionId) -> Option<LinkId> {
        let attach = self.registry.get_mut(id)?.attached()?;
        self.by_attach.get(&(id, attach)).copied()
    }

    /// The application of a session sends a message; an error, if it is not accepted.
    pub fn send(
        &mut self,
        network: &mut Network,
        id: SessionId,
        (kind, re, payload): (Kind, Option<Seq>, Bytes),
    ) -> Result<Result<(), SendError>, String> {
        let session = self.registry.get_mut(id).ok_or("no such session")?;
        let ticket = match session.send(kind, re, Payload::Copied(&payload)) {
            Ok(ticket) => ticket,
            Err(error) => {
                network.ledger.count(Fate::Refused);
                return Ok(Err(error));
            }
        };
        let message = network
            .ledger
            .accepted(id, Side::Server, (kind, re, payload))?;
        if network.ledger.message(id, Side::Server, ticket.0) != Some(message) {
            return Err(format!("{ticket:?} is not the number of the message"));
        }
        self.pump(network, id)?;
        Ok(Ok(()))
    }

    /// The application of a session reads the next message.
    pub fn recv(
        &mut self,
        network: &mut Network,
        id: SessionId,
    ) -> Result<Option<Delivery>, String> {
        let living = self.registry.get_mut(id);
        let Some(session) = living.or_else(|| self.over.get_mut(&id)) else {
            return Ok(None);
        };
        let Some(delivery) = session.recv() else {
            self.over.remove(&id);
            return Ok(None);
        };
        network.note(format_args!("server {id} reads {delivery:?}"));
        network
            .ledger
            .delivered(Side::Client, &delivery)
            .map_err(|error| format!("server {id}: {error}"))?;
        self.pump(network, id)?;
        Ok(Some(delivery))
    }

    /// The application of a session is done with a message.
    pub fn finish(&mut self, network: &mut Network, id: SessionId, seq: Seq) -> Result<(), String> {
        network.ledger.finished(id, Side::Client, seq)?;
        if let Some(session) = self.registry.get_mut(id) {
            session.finish(seq);
        }
        self.pump(network, id)
    }

    /// The application of a session closes it.
    pub fn close(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.close(network.now(), Code::DONE, "");
        }
        self.pump(network, id)
    }

    /// The server asks the client of a session to come back later.
    pub fn go_away(
        &mut self,
        network: &mut Network,
        id: SessionId,
        go_away: GoAway,
    ) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.go_away(go_away);
        }
        self.pump(network, id)
    }

    /// The server closes the connection of a session.
    pub fn detach(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.detach(network.now(), Code::DRAINING, "");
        }
        self.pump(network, id)
    }

    /// The process is killed: all that it knows is gone, and its ends of the connections.
    pub fn die(&mut self, network: &mut Network) {
        network.ledger.died(self.process);
        let greeted = self.owned.keys();
        for link in self.greeters.keys().chain(greeted) {
            network.close(*link, Side::Server);
        }
    }
}

fn act(
    network: &mut Network,
    by_attach: &BTreeMap<(SessionId, AttachNumber), LinkId>,
    id: SessionId,
    action: Action,
) -> Result<(), String> {
    match action {
        Action::Finish(attach, last) => {
            if let Some(link) = by_attach.get(&(id, attach)) {
                if !last.is_empty() {
                    network.write(*link, Side::Server, &last)?;
                }
                network.finish(*link, Side::Server);
            }
            Ok(())
        }
        other => Err(format!("unknown action {other:?} of a server")),
    }
}

/// What a server answers that has no time for anybody.
fn busy(code: Code, retry_after: Option<std::time::Duration>) -> Refused {
    let reject = Reject {
        code,
        text: "later",
        retry_after,
        versions: None,
        attach: None,
        next: None,
        digest: None,
        proof: None,
    };
    let mut answer = PREFACE.to_vec();
    korinet_wire::v3::Frame::Reject(reject)
        .encode(&mut answer)
        .unwrap();
    Refused {
        reason: korinet_session::ConnectionError::RefusedHere {
            code,
            text: "later".to_owned(),
        },
        answer: answer.into(),
    }
}
