use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_session::ConnectionError;
use korinet_session::v3::{Action, ClientConfig, ClientSession, Credential, Event};
use korinet_wire::v3::{AttachNumber, SessionId};

use super::course::Course;
use super::ledger::MessageId;
use super::link::{Dialler, End, LinkId, ProcessId, Side};
use super::network::Network;
use super::tally::Fault;

mod account;

mod application;

/// A client process: a session, and what drives it.
#[derive(Debug, Clone)]
pub struct ClientNode {
    /// The session.
    pub session: ClientSession,
    /// Which client, and which of its lives.
    pub process: ProcessId,
    /// What its application was told, for whoever wants to know; with the connection and the session
    /// that were the last then.
    pub told: Vec<(LinkId, Option<SessionId>, Event)>,
    /// It does nothing until then.
    pub paused_until: u64,
    index: usize,
    principal: String,
    config: ClientConfig,
    is_secured: bool,
    links: BTreeMap<AttachNumber, (LinkId, BytesMut)>,
    course: Course,
    /// Which message each ticket is.
    tickets: Vec<MessageId>,
    /// The last ticket that counts as acknowledged or was handed back.
    settled: u64,
    /// The ticket before the session's first.
    offset: u64,
    current: Option<SessionId>,
    /// The most that a lost session left; it may be more than the window.
    backlog: usize,
}

impl ClientNode {
    /// A process that begins.
    pub fn new(
        network: &mut Network,
        index: usize,
        process: ProcessId,
        config: ClientConfig,
        is_secured: bool,
    ) -> Self {
        let seed = network.draw.bytes();
        Self {
            session: ClientSession::new(network.now(), config.clone(), seed),
            process,
            told: Vec::new(),
            paused_until: 0,
            index,
            principal: format!("client {index}"),
            config,
            is_secured,
            links: BTreeMap::new(),
            course: Course::new(Side::Client),
            tickets: Vec::new(),
            settled: 0,
            offset: 0,
            current: None,
            backlog: 0,
        }
    }

    /// How it was set up.
    #[must_use]
    pub const fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// The connection that it made last.
    #[must_use]
    pub fn last_link(&self) -> Option<LinkId> {
        self.links.last_key_value().map(|(_, (link, _))| *link)
    }

    /// Whether its application was told that there is a connection, and not that it is gone.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.course.is_attached()
    }

    /// Whether its application was told that all is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.course.is_closed()
    }

    /// An attempt to connect has succeeded.
    pub fn handle_connected(
        &mut self,
        network: &mut Network,
        link: LinkId,
        attach: AttachNumber,
    ) -> Result<(), String> {
        let channel = network.links[&link].channel();
        let credential = Credential {
            mechanism: "name".to_owned(),
            bytes: self.principal.clone().into(),
        };
        if network.links[&link].is_given_up {
            network.fault(Fault::LateConnect);
        }
        let now = network.now();
        self.session
            .handle_connected(now, attach, channel, Some(&credential));
        self.pump(network)
    }

    /// An attempt to connect has failed.
    pub fn handle_connect_failed(
        &mut self,
        network: &mut Network,
        attach: AttachNumber,
    ) -> Result<(), String> {
        self.session
            .handle_connect_failed(network.now(), attach, broken(true));
        self.pump(network)
    }

    /// Bytes came on one of its connections.
    pub fn handle_bytes(
        &mut self,
        network: &mut Network,
        attach: AttachNumber,
        bytes: &Bytes,
    ) -> Result<(), String> {
        let is_current = self.links.last_key_value().map(|(last, _)| *last) == Some(attach);
        let Some((_, input)) = self.links.get_mut(&attach) else {
            return Ok(());
        };
        input.extend_from_slice(bytes);
        let before = (!is_current).then(|| hash_of(&self.session));
        self.session.handle_bytes(network.now(), attach, input);
        if let Some(before) = before {
            network.fault(Fault::LateBytes);
            if before != hash_of(&self.session) {
                return Err(format!(
                    "bytes for the old attempt {attach} changed something"
                ));
            }
        }
        self.pump(network)
    }

    /// One of its connections is gone.
    pub fn handle_disconnected(
        &mut self,
        network: &mut Network,
        attach: AttachNumber,
        is_reset: bool,
    ) -> Result<(), String> {
        let is_current = self.links.last_key_value().map(|(last, _)| *last) == Some(attach);
        let before = (!is_current).then(|| hash_of(&self.session));
        self.session
            .handle_disconnected(network.now(), attach, broken(is_reset));
        if before.is_some_and(|before| before != hash_of(&self.session)) {
            return Err(format!(
                "the end of the old attempt {attach} changed something"
            ));
        }
        self.pump(network)
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, network: &mut Network) -> Result<(), String> {
        self.session.handle_timeout(network.now());
        self.pump(network)
    }

    /// Does what the session wants, until it wants nothing more.
    pub fn pump(&mut self, network: &mut Network) -> Result<(), String> {
        loop {
            let mut is_busy = false;
            self.settle(network)?;
            while let Some(event) = self.session.poll_event() {
                is_busy = true;
                self.handle_event(network, event)?;
            }
            self.settle(network)?;
            while let Some(action) = self.session.poll_action() {
                is_busy = true;
                self.act(network, action)?;
            }
            is_busy |= self.transmit(network)?;
            if !is_busy {
                return self.check_bounds(network);
            }
        }
    }

    fn act(&mut self, network: &mut Network, action: Action) -> Result<(), String> {
        match action {
            Action::Dial(attach) => {
                let dialler = Dialler::Client {
                    index: self.index,
                    process: self.process,
                    attach,
                };
                let link = network.dial(dialler, self.is_secured);
                network.note(format_args!("client {} dials {link}", self.index));
                if self.links.insert(attach, (link, BytesMut::new())).is_some() {
                    return Err(format!("attempt {attach} is made twice"));
                }
            }
            Action::Abandon(attach) => {
                let Some((id, _)) = self.links.get(&attach) else {
                    return Ok(());
                };
                // Whoever has given up an attempt may still hear of it.
                match network.links.get_mut(id) {
                    Some(link) if link.end(Side::Client) == End::Pending && !link.is_given_up => {
                        link.is_given_up = true;
                    }
                    _ => network.close(*id, Side::Client),
                }
            }
            Action::Finish(attach, last) => {
                if let Some((link, _)) = self.links.get(&attach) {
                    if !last.is_empty() {
                        network.write(*link, Side::Client, &last)?;
                    }
                    network.finish(*link, Side::Client);
                }
            }
            other => return Err(format!("unknown action {other:?}")),
        }
        Ok(())
    }

    fn transmit(&mut self, network: &mut Network) -> Result<bool, String> {
        let Some((attach, (link, _))) = self.links.last_key_value() else {
            return Ok(false);
        };
        let is_idle = network.is_input_idle(*link, Side::Client);
        if !network.has_room(*link, Side::Client) || !self.session.has_transmit(*attach, is_idle) {
            return Ok(false);
        }
        let mut out = Transmit::new();
        let now = network.now();
        if !self.session.poll_transmit(now, *attach, &mut out) {
            return Err("has_transmit promised what poll_transmit did not give".to_owned());
        }
        network.write(*link, Side::Client, &out.into_bytes())?;
        Ok(true)
    }

    /// It is at this place from now on.
    pub(super) const fn move_to(&mut self, index: usize) {
        self.index = index;
    }

    /// It forgets its connection, without anybody else noticing.
    pub fn lose_connection(&mut self, network: &mut Network) -> Result<(), String> {
        let last = self.links.last_key_value().map(|(attach, _)| *attach);
        self.links.clear();
        if let Some(attach) = last {
            self.session
                .handle_disconnected(network.now(), attach, broken(true));
        }
        self.pump(network)
    }

    /// It closes its connections.
    pub fn hang_up(&self, network: &mut Network) {
        for (link, _) in self.links.values() {
            network.close(*link, Side::Client);
        }
    }

    /// The process is killed: its end of each connection goes with it.
    pub fn die(&mut self, network: &mut Network) {
        network.ledger.died(self.process);
        self.hang_up(network);
    }

    /// When it wants to be called.
    #[must_use]
    pub fn next_timeout(&self, network: &Network) -> Option<u64> {
        let at = network.micros_of(self.session.poll_timeout()?);
        Some(at.max(self.paused_until))
    }
}

/// Why a connection is gone, as a system says it.
pub(super) fn broken(is_reset: bool) -> ConnectionError {
    if is_reset {
        std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()
    } else {
        ConnectionError::ClosedByPeer
    }
}

pub(super) fn hash_of(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
