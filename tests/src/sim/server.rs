use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_session::v3::{
    Action, Event, Greeted, Greeter, Principal, Registry, ServerConfig, ServerSession,
};
use korinet_wire::v3::{AttachNumber, Code, InstanceId, Level, Limits, OpenNonce, SessionId};

use super::client::{broken, hash_of};
use super::course::Course;
use super::link::{LinkId, ProcessId, Side};
use super::network::Network;
use super::tally::Fault;

mod account;

mod greeting;

mod application;

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
    config: Arc<ServerConfig>,
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
            config: Arc::new(config),
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
    pub fn config(&self) -> &ServerConfig {
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
