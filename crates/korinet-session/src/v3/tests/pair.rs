use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{Payload, Transmit};
use korinet_wire::v3::{AttachNumber, InstanceId, Kind, SessionId};

use crate::ConnectionError;
use crate::v3::{
    Action, Channel, ClientConfig, ClientSession, Delivery, Event, Grant, Greeted, Greeter,
    Principal, Registry, Route, ServerConfig, ServerSession, SessionKey, Ticket,
};

pub(super) const LOST: ConnectionError = ConnectionError::ClosedByPeer;

/// One client and one server, with virtual time between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: ClientSession,
    pub(super) server: Server,
    pub(super) links: BTreeMap<AttachNumber, Link>,
    /// Dials are answered by a connection; otherwise they fail.
    pub(super) is_reachable: bool,
    /// How many bytes a new link carries to the server before it is cut.
    pub(super) to_server_most: usize,
    pub(super) client_events: Vec<Event>,
    pub(super) server_events: Vec<Event>,
    /// What sessions of the server wrote at the end of connections.
    pub(super) last_words: Vec<(AttachNumber, Bytes)>,
}

pub(super) struct Server {
    pub(super) config: Arc<ServerConfig>,
    pub(super) registry: Registry<ServerSession>,
    pub(super) instance: u8,
    opened: u8,
}

/// A connection: what is on its way in both directions, and who has it at the server.
pub(super) struct Link {
    pub(super) to_server: BytesMut,
    pub(super) to_client: BytesMut,
    pub(super) channel: Channel,
    /// How many bytes it carries to the server yet.
    to_server_left: usize,
    server_end: ServerEnd,
}

enum ServerEnd {
    Greeting(Greeter),
    Session(SessionId),
    Over,
}

impl Pair {
    pub(super) fn new(config: ClientConfig, server: ServerConfig) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: ClientSession::new(now, config, [3; 32]),
            server: Server::new(server),
            links: BTreeMap::new(),
            is_reachable: true,
            to_server_most: usize::MAX,
            client_events: Vec::new(),
            server_events: Vec::new(),
            last_words: Vec::new(),
        }
    }

    /// A pair with the defaults, attached.
    pub(super) fn attached() -> Self {
        let mut pair = Self::new(ClientConfig::new(1), ServerConfig::default());
        pair.run();
        assert!(pair.client.is_attached(), "{:?}", pair.client_events);
        pair
    }

    /// Lets both sides do all that can be done now.
    pub(super) fn run(&mut self) {
        for _ in 0..1000 {
            if !self.step() {
                return;
            }
        }
        panic!("no end: {:?} {:?}", self.client_events, self.server_events);
    }

    fn step(&mut self) -> bool {
        let mut any = self.act();
        for attach in self.links.keys().copied().collect::<Vec<_>>() {
            any |= self.flush(attach);
            any |= self.deliver_to_server(attach);
            any |= self.deliver_to_client(attach);
            if self
                .links
                .get(&attach)
                .is_some_and(|link| link.to_server_left == 0)
            {
                self.cut();
                any = true;
            }
        }
        any | self.collect()
    }

    fn act(&mut self) -> bool {
        let mut any = false;
        while let Some(action) = self.client.poll_action() {
            any = true;
            match action {
                Action::Dial(attach) if self.is_reachable => self.connect(attach, Channel::Plain),
                Action::Dial(attach) => self.client.handle_connect_failed(self.now, attach, LOST),
                Action::Abandon(attach) => {
                    self.links.remove(&attach);
                }
                Action::Finish(attach, last) => {
                    if let Some(link) = self.links.get_mut(&attach) {
                        link.to_server.extend_from_slice(&last);
                    }
                }
            }
        }
        for (_, session) in self.server.registry.iter_mut() {
            while let Some(action) = session.poll_action() {
                any = true;
                if let Action::Finish(attach, last) = action {
                    if let Some(link) = self.links.get_mut(&attach) {
                        link.to_client.extend_from_slice(&last);
                        link.server_end = ServerEnd::Over;
                    }
                    self.last_words.push((attach, last));
                }
            }
        }
        any
    }

    pub(super) fn connect(&mut self, attach: AttachNumber, channel: Channel) {
        let greeter = Greeter::new(self.now, &self.server.config.settings);
        let link = Link {
            to_server: BytesMut::new(),
            to_client: BytesMut::new(),
            channel: channel.clone(),
            to_server_left: self.to_server_most,
            server_end: ServerEnd::Greeting(greeter),
        };
        self.links.insert(attach, link);
        self.client
            .handle_connected(self.now, attach, channel, None);
    }

    /// Moves what both sides have to write onto the link.
    pub(super) fn flush(&mut self, attach: AttachNumber) -> bool {
        let Some(link) = self.links.get_mut(&attach) else {
            return false;
        };
        let mut out = Transmit::new();
        let mut any = self.client.poll_transmit(self.now, attach, &mut out);
        let bytes = out.into_bytes();
        let carried = bytes.len().min(link.to_server_left);
        link.to_server_left -= carried;
        link.to_server.extend_from_slice(&bytes[..carried]);
        if let ServerEnd::Session(id) = link.server_end
            && let Some(session) = self.server.registry.get_mut(id)
        {
            let mut out = Transmit::new();
            any |= session.poll_transmit(self.now, attach, &mut out);
            link.to_client.extend_from_slice(&out.into_bytes());
        }
        any
    }

    pub(super) fn deliver_to_server(&mut self, attach: AttachNumber) -> bool {
        let Some(link) = self.links.get_mut(&attach) else {
            return false;
        };
        let before = link.to_server.len();
        self.server.handle_bytes(self.now, link);
        if let ServerEnd::Session(id) = link.server_end
            && let Some(session) = self.server.registry.get_mut(id)
        {
            session.handle_bytes(self.now, attach, &mut link.to_server);
        }
        before > link.to_server.len()
    }

    pub(super) fn deliver_to_client(&mut self, attach: AttachNumber) -> bool {
        let Some(link) = self.links.get_mut(&attach) else {
            return false;
        };
        let before = link.to_client.len();
        self.client
            .handle_bytes(self.now, attach, &mut link.to_client);
        before > link.to_client.len()
    }

    pub(super) fn collect(&mut self) -> bool {
        self.act();
        let before = self.client_events.len() + self.server_events.len();
        self.client_events
            .extend(std::iter::from_fn(|| self.client.poll_event()));
        let mut over = Vec::new();
        for (id, session) in self.server.registry.iter_mut() {
            self.server_events
                .extend(std::iter::from_fn(|| session.poll_event()));
            over.extend(
                session
                    .tombstone()
                    .cloned()
                    .map(|tombstone| (id, tombstone)),
            );
        }
        for (id, tombstone) in over {
            self.server.registry.retire(self.now, id, tombstone);
        }
        before < self.client_events.len() + self.server_events.len()
    }

    /// The connection that the client has now is lost, and both sides notice at once.
    pub(super) fn cut(&mut self) {
        let attach = *self.links.keys().last().expect("a link");
        self.links.remove(&attach);
        self.client.handle_disconnected(self.now, attach, LOST);
        for (_, session) in self.server.registry.iter_mut() {
            session.handle_disconnected(self.now, attach, LOST);
        }
        self.collect();
    }

    /// Time passes for both, step by step.
    pub(super) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let sessions = self.server.registry.iter_mut();
            let timeouts = sessions.filter_map(|(_, session)| session.poll_timeout());
            let next = timeouts.chain(self.client.poll_timeout()).min();
            self.now = next.map_or(end, |next| next.clamp(self.now, end));
            self.client.handle_timeout(self.now);
            for (_, session) in self.server.registry.iter_mut() {
                session.handle_timeout(self.now);
            }
            self.run();
            if self.now >= end {
                return;
            }
        }
    }

    /// Lets the client connect again.
    pub(super) fn reconnect(&mut self) {
        for _ in 0..100 {
            if self.client.is_attached() {
                return;
            }
            self.wait(Duration::from_millis(200));
        }
        assert!(self.client.is_attached(), "{:?}", self.client_events);
    }

    pub(super) fn session(&mut self) -> &mut ServerSession {
        let (_, session) = self.server.registry.iter_mut().next().expect("a session");
        session
    }

    pub(super) fn send(&mut self, payload: &[u8]) -> Ticket {
        self.client
            .send(Kind::RAW, None, Payload::Copied(payload))
            .expect("room")
    }

    pub(super) fn reply(&mut self, payload: &[u8]) -> Ticket {
        self.session()
            .send(Kind::RAW, None, Payload::Copied(payload))
            .expect("room")
    }

    /// What the server's application has received.
    pub(super) fn at_server(&mut self) -> Vec<Bytes> {
        let session = self.session();
        payloads(std::iter::from_fn(|| session.recv()))
    }

    /// What the client's application has received.
    pub(super) fn at_client(&mut self) -> Vec<Bytes> {
        payloads(std::iter::from_fn(|| self.client.recv()))
    }

    pub(super) fn last_event(&self) -> &Event {
        self.client_events.last().expect("an event")
    }
}

pub(super) fn payloads(deliveries: impl Iterator<Item = Delivery>) -> Vec<Bytes> {
    deliveries
        .map(|delivery| delivery.message.payload)
        .collect()
}

impl Server {
    pub(super) fn new(config: ServerConfig) -> Self {
        Self {
            registry: Registry::new(&config),
            config: Arc::new(config),
            instance: 1,
            opened: 0,
        }
    }

    /// Another process takes its place, without a memory.
    pub(super) fn restart(&mut self) {
        self.registry = Registry::new(&self.config);
        self.instance += 1;
    }

    fn handle_bytes(&mut self, now: Instant, link: &mut Link) {
        let ServerEnd::Greeting(greeter) = &mut link.server_end else {
            return;
        };
        let refused = match greeter.handle_bytes(&mut link.to_server) {
            None => return,
            Some(Greeted::Refused(refused)) => refused,
            Some(Greeted::Hello(greeting)) => {
                let principal = Principal::default();
                let channel = &link.channel;
                match self.registry.route(&greeting, channel, &principal) {
                    Route::Refused(refused) => refused,
                    Route::Session(id, session) => {
                        match session.handle_greeting(now, &greeting, channel) {
                            Ok(()) => {
                                link.server_end = ServerEnd::Session(id);
                                return;
                            }
                            Err(refused) => refused,
                        }
                    }
                    Route::New => {
                        self.opened += 1;
                        let grant = Grant {
                            session: SessionId::from_bytes([self.opened; 16]),
                            key: SessionKey::from_bytes([self.opened + 100; 32]),
                            instance: InstanceId::from_bytes([self.instance; 16]),
                        };
                        match ServerSession::open(now, &greeting, channel, &grant, &self.config) {
                            Ok(session) => {
                                let id = session.id();
                                self.registry.insert(&greeting, principal, id, session);
                                link.server_end = ServerEnd::Session(id);
                                return;
                            }
                            Err(refused) => refused,
                        }
                    }
                }
            }
        };
        link.to_client.extend_from_slice(&refused.answer);
        link.server_end = ServerEnd::Over;
    }
}
