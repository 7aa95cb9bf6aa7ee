//! A conversation in which every frame of protocol v3 occurs, over connections that are cut at chosen
//! bytes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{GoAway, Payload, Transmit};
use korinet_session::v3::{
    Action, Channel, ClientConfig, ClientSession, Ending, Event, Grant, Greeted, Greeter, Greeting,
    Principal, Refused, Registry, Route, ServerConfig, ServerSession, SessionKey,
};
use korinet_session::{Backoff, ConnectionError};
use korinet_wire::v3::{
    self as wire, AttachNumber, Code, Frame, InstanceId, Kind, Limits, Role, Seq, SessionId,
};

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which connection, in the order in which they are made, from 0.
    pub connection: usize,
    /// Whose bytes are counted.
    pub to: End,
    /// How many of them still arrive.
    pub after: usize,
    /// What becomes of the connection.
    pub how: How,
}

/// One end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The side that accepts.
    Server,
    /// The side that dials.
    Client,
}

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// What is on its way to the other end arrives, then both ends learn of it.
    Fin,
    /// Nothing more arrives, and both ends learn of it.
    Reset,
    /// Nothing more arrives, and nobody is told.
    Silence,
}

impl How {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Fin, Self::Reset, Self::Silence];
}

/// What a conversation came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For each connection the bytes that arrived at the server, and at the client.
    pub connections: Vec<[usize; 2]>,
    /// The frames that were written.
    pub frames: BTreeSet<&'static str>,
    /// How many of the cuts took place.
    pub cuts: usize,
}

impl Outcome {
    /// Every byte of a connection at which it can be cut, in both directions.
    fn places(&self, connection: usize) -> impl Iterator<Item = (End, usize)> + use<> {
        let counts = self
            .connections
            .get(connection)
            .copied()
            .unwrap_or_default();
        let ends = [End::Server, End::Client].into_iter().zip(counts);
        ends.flat_map(|(to, len)| (0..len).map(move |after| (to, after)))
    }

    /// Every cut of a connection in these ways.
    pub fn cuts(&self, connection: usize, hows: &[How]) -> impl Iterator<Item = Cut> {
        self.places(connection).flat_map(move |(to, after)| {
            hows.iter().map(move |how| Cut {
                connection,
                to,
                after,
                how: *how,
            })
        })
    }
}

/// Holds the conversation with every pair of cuts: a first one in one of the ways of `first`, and a
/// second one at any byte of the connection that follows, in one of the ways of `second`. How many
/// pairs there were.
///
/// # Errors
///
/// As [`converse`], and which cuts they were.
pub fn converse_with_every_pair(first: &[How], second: &[How]) -> Result<u64, String> {
    let whole = converse(&[])?;
    let connections = 0..whole.connections.len();
    let mut count = 0;
    for cut in connections.flat_map(|connection| whole.cuts(connection, first)) {
        let once = converse_and_cut(&[cut])?;
        for again in once.cuts(cut.connection + 1, second) {
            converse_and_cut(&[cut, again])?;
            count += 1;
        }
    }
    Ok(count)
}

/// As [`converse`], with an error where not every cut has taken place.
///
/// # Errors
///
/// As [`converse`], and which cuts they were.
pub fn converse_and_cut(cuts: &[Cut]) -> Result<Outcome, String> {
    match converse(cuts) {
        Ok(outcome) if outcome.cuts == cuts.len() => Ok(outcome),
        Ok(outcome) => Err(format!("{} cuts took place of {cuts:?}", outcome.cuts)),
        Err(what) => Err(format!("{what}, with {cuts:?}")),
    }
}

/// What the client says, by kind, with the message that it answers or continues.
const FROM_CLIENT: [(Role, Option<u64>, &[u8]); 5] = [
    (Role::Message, None, b"hello"),
    (Role::Request, None, b"how much?"),
    (Role::Item, Some(2), b"first"),
    (Role::End, Some(2), b""),
    (Role::Cancel, Some(2), b"enough"),
];

/// What the server says.
const FROM_SERVER: [(Role, Option<u64>, &[u8]); 4] = [
    (Role::Message, None, b"good day"),
    (Role::Response, Some(2), b"twelve"),
    (Role::Error, Some(2), b"thirteen"),
    (Role::Message, None, b"bye"),
];

/// After so many messages the server drains, and the client is silent for a while.
const BEFORE_PAUSE: usize = 3;
const PAUSE: Duration = Duration::from_millis(1500);
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);
const LOST: ConnectionError = ConnectionError::ClosedByPeer;

/// Holds the conversation, with these cuts.
///
/// # Errors
///
/// What is not as it has to be: each message delivered once and in order, the session never lost, the
/// client's close done in the end.
pub fn converse(cuts: &[Cut]) -> Result<Outcome, String> {
    let mut conversation = Conversation::new(cuts);
    conversation.run()?;
    conversation.check()?;
    Ok(conversation.outcome)
}

struct Conversation<'c> {
    cuts: &'c [Cut],
    start: Instant,
    now: Instant,
    client: ClientSession,
    config: ServerConfig,
    registry: Registry<ServerSession>,
    links: Vec<Link>,
    outcome: Outcome,
    has_refused: bool,
    drain: Drain,
    said_by_client: usize,
    said_by_server: usize,
    heard_by_server: Vec<Bytes>,
    heard_by_client: Vec<Bytes>,
    endings: [Option<Ending>; 2],
    lost: Option<String>,
}

/// How far the server has come with closing a connection for reasons of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    Not,
    /// It will be closed then; nothing is said before, so that the peers ask whether they live.
    Announced(Instant),
    Done,
}

struct Link {
    attach: AttachNumber,
    to_server: Pipe,
    to_client: Pipe,
    server_end: ServerEnd,
    /// The client has given it up.
    is_left: bool,
    is_silent: bool,
}

#[derive(Default)]
struct Pipe {
    under_way: BytesMut,
    input: BytesMut,
    arrived: usize,
}

enum ServerEnd {
    Greeting(Greeter),
    Session(SessionId),
    Over,
}

impl<'c> Conversation<'c> {
    fn new(cuts: &'c [Cut]) -> Self {
        let now = Instant::now();
        let limits = Limits {
            messages: 2,
            bytes: 1000,
            message: 100,
        };
        let mut config = ClientConfig::new(1);
        config.settings.limits = limits;
        config.settings.keep_alive = KEEP_ALIVE;
        config.settings.handshake_timeout = Duration::from_secs(2);
        config.settings.agent = String::new();
        config.backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(50), 1);
        let server = ServerConfig {
            settings: config.settings.clone(),
            ..ServerConfig::default()
        };
        Self {
            cuts,
            start: now,
            now,
            client: ClientSession::new(now, config, [1; 32]),
            registry: Registry::new(&server),
            config: server,
            links: Vec::new(),
            outcome: Outcome::default(),
            has_refused: false,
            drain: Drain::Not,
            said_by_client: 0,
            said_by_server: 0,
            heard_by_server: Vec::new(),
            heard_by_client: Vec::new(),
            endings: [None, None],
            lost: None,
        }
    }

    fn run(&mut self) -> Result<(), String> {
        while self.endings.iter().any(Option::is_none) {
            let before = self.progress();
            self.act();
            self.speak();
            self.write();
            for index in 0..self.links.len() {
                self.arrive(index, End::Server);
                self.arrive(index, End::Client);
            }
            self.act();
            self.listen();
            if self.progress() == before {
                self.wait()?;
            }
        }
        Ok(())
    }

    /// What changes as long as there is something to do at this moment.
    fn progress(&self) -> (usize, usize, usize, usize, usize, Drain) {
        let bytes = self.links.iter().map(|link| {
            link.to_server.arrived
                + link.to_client.arrived
                + usize::from(link.is_left)
                + usize::from(matches!(link.server_end, ServerEnd::Over))
        });
        (
            bytes.sum(),
            self.links.len(),
            self.said_by_client + self.said_by_server,
            self.heard_by_client.len() + self.heard_by_server.len(),
            self.outcome.cuts,
            self.drain,
        )
    }

    /// Time goes by until somebody has a reason to do something.
    fn wait(&mut self) -> Result<(), String> {
        let sessions = self.registry.iter_mut();
        let timeouts = sessions.filter_map(|(_, session)| session.poll_timeout());
        let greeters = self.links.iter().filter_map(|link| match &link.server_end {
            ServerEnd::Greeting(greeter) => greeter.poll_timeout(),
            ServerEnd::Session(_) | ServerEnd::Over => None,
        });
        let drain = match self.drain {
            Drain::Announced(at) => Some(at),
            Drain::Not | Drain::Done => None,
        };
        let next = timeouts
            .chain(greeters)
            .chain(self.client.poll_timeout())
            .chain(drain)
            .min();
        let next = next.ok_or("nothing will ever happen again")?;
        self.now = self.now.max(next);
        if self.now - self.start > LONGEST {
            return Err("it takes too long".to_owned());
        }
        self.client.handle_timeout(self.now);
        for (_, session) in self.registry.iter_mut() {
            session.handle_timeout(self.now);
        }
        for link in &mut self.links {
            if let ServerEnd::Greeting(greeter) = &mut link.server_end
                && let Some(refused) = greeter.handle_timeout(self.now, &self.config.settings)
            {
                link.to_client.under_way.extend_from_slice(&refused.answer);
                link.server_end = ServerEnd::Over;
            }
        }
        self.act();
        Ok(())
    }

    /// Both applications say what they have to say.
    fn speak(&mut self) {
        let until = match self.drain {
            Drain::Done => FROM_CLIENT.len(),
            Drain::Not | Drain::Announced(_) => BEFORE_PAUSE,
        };
        while self.said_by_client < until {
            let (role, re, payload) = FROM_CLIENT[self.said_by_client];
            let payload = Payload::Copied(payload);
            if self
                .client
                .send(kind(role, true), seq(re), payload)
                .is_err()
            {
                break;
            }
            self.said_by_client += 1;
        }
        if self.said_by_client == FROM_CLIENT.len()
            && self.heard_by_client.len() == FROM_SERVER.len()
        {
            self.client.close(self.now, Code::DONE, "");
        }
        let now = self.now;
        let Some((_, session)) = self.registry.iter_mut().next() else {
            return;
        };
        while let Some((role, re, payload)) = FROM_SERVER.get(self.said_by_server) {
            let payload = Payload::Copied(payload);
            if session.send(kind(*role, false), seq(*re), payload).is_err() {
                break;
            }
            self.said_by_server += 1;
            let _ = session.send_volatile(true, b"~");
        }
        match self.drain {
            Drain::Not if self.heard_by_server.len() == BEFORE_PAUSE => {
                self.drain = Drain::Announced(now + PAUSE);
                session.go_away(GoAway {
                    code: Code::DRAINING,
                    text: String::new(),
                    deadline: PAUSE,
                    retry_after: None,
                    addresses: Vec::new(),
                });
            }
            Drain::Announced(at) if at <= now => {
                self.drain = Drain::Done;
                session.detach(now, Code::DRAINING, "");
            }
            Drain::Not | Drain::Announced(_) | Drain::Done => {}
        }
    }

    /// Moves what both sides have to write onto the connections.
    fn write(&mut self) {
        for link in &mut self.links {
            if !link.is_left {
                let mut out = Transmit::new();
                self.client.poll_transmit(self.now, link.attach, &mut out);
                put(
                    &mut link.to_server,
                    &out.into_bytes(),
                    &mut self.outcome.frames,
                );
            }
            if let ServerEnd::Session(id) = link.server_end
                && let Some(session) = self.registry.get_mut(id)
            {
                let mut out = Transmit::new();
                session.poll_transmit(self.now, link.attach, &mut out);
                put(
                    &mut link.to_client,
                    &out.into_bytes(),
                    &mut self.outcome.frames,
                );
            }
        }
    }

    /// Brings what is under way to one end, up to the byte at which the connection is cut.
    fn arrive(&mut self, index: usize, to: End) {
        let link = &mut self.links[index];
        let pipe = match to {
            End::Server => &mut link.to_server,
            End::Client => &mut link.to_client,
        };
        if link.is_silent {
            pipe.under_way.clear();
            return;
        }
        let is_it = |cut: &&Cut| cut.connection == index && cut.to == to;
        let cut = self.cuts.iter().find(is_it).copied();
        let len = pipe.under_way.len();
        let cut = cut.filter(|cut| cut.after < pipe.arrived + len);
        let most = cut.map_or(len, |cut| cut.after - pipe.arrived);
        pipe.input.unsplit(pipe.under_way.split_to(most));
        pipe.arrived += most;
        if let Some(counts) = self.outcome.connections.get_mut(index) {
            counts[usize::from(to == End::Client)] = pipe.arrived;
        }
        self.handle(index, to);
        if let Some(cut) = cut {
            self.outcome.cuts += 1;
            self.cut(index, cut);
        } else if len == 0 {
            self.end_in_good_order(index, to);
        }
    }

    fn handle(&mut self, index: usize, to: End) {
        let link = &mut self.links[index];
        if to == End::Client {
            self.client
                .handle_bytes(self.now, link.attach, &mut link.to_client.input);
            return;
        }
        let input = &mut link.to_server.input;
        match &mut link.server_end {
            ServerEnd::Over => input.clear(),
            ServerEnd::Session(id) => match self.registry.get_mut(*id) {
                Some(session) => session.handle_bytes(self.now, link.attach, input),
                None => input.clear(),
            },
            ServerEnd::Greeting(greeter) => match greeter.handle_bytes(input) {
                None => {}
                Some(Greeted::Refused(refused)) => self.refuse(index, &refused),
                Some(Greeted::Hello(greeting)) => self.greet(index, &greeting),
            },
        }
    }

    fn greet(&mut self, index: usize, greeting: &Greeting) {
        let (channel, principal) = (Channel::Plain, Principal::default());
        if !std::mem::replace(&mut self.has_refused, true) {
            let full = ServerConfig {
                max_sessions: 0,
                ..self.config.clone()
            };
            let mut full = Registry::<ServerSession>::new(&full);
            if let Route::Refused(refused) = full.route(greeting, &channel, &principal) {
                return self.refuse(index, &refused);
            }
        }
        let admitted = match self.registry.route(greeting, &channel, &principal) {
            Route::Refused(refused) => Err(refused),
            Route::Session(id, session) => session
                .handle_greeting(self.now, greeting, &channel)
                .map(|()| id),
            Route::New => {
                let grant = Grant {
                    session: SessionId::from_bytes([1; 16]),
                    key: SessionKey::from_bytes([2; 32]),
                    instance: InstanceId::from_bytes([3; 16]),
                };
                let open = ServerSession::open(self.now, greeting, &channel, &grant, &self.config);
                open.map(|session| {
                    self.registry
                        .insert(greeting, principal, grant.session, session);
                    grant.session
                })
            }
        };
        match admitted {
            Ok(id) => self.links[index].server_end = ServerEnd::Session(id),
            Err(refused) => self.refuse(index, &refused),
        }
    }

    fn refuse(&mut self, index: usize, refused: &Refused) {
        let link = &mut self.links[index];
        put(
            &mut link.to_client,
            &refused.answer,
            &mut self.outcome.frames,
        );
        link.server_end = ServerEnd::Over;
    }

    fn cut(&mut self, index: usize, cut: Cut) {
        if cut.how == How::Silence {
            self.links[index].is_silent = true;
            return;
        }
        let link = &mut self.links[index];
        let other = match cut.to {
            End::Server => &mut link.to_client,
            End::Client => &mut link.to_server,
        };
        let rest = other.under_way.split();
        if cut.how == How::Fin {
            other.arrived += rest.len();
            other.input.unsplit(rest);
            self.handle(
                index,
                if cut.to == End::Server {
                    End::Client
                } else {
                    End::Server
                },
            );
        }
        self.links[index].is_silent = true;
        self.lose(index, End::Client);
        self.lose(index, End::Server);
    }

    fn lose(&mut self, index: usize, end: End) {
        let link = &mut self.links[index];
        match end {
            End::Client => {
                link.is_left = true;
                self.client.handle_disconnected(self.now, link.attach, LOST);
            }
            End::Server => {
                let end = std::mem::replace(&mut link.server_end, ServerEnd::Over);
                if let ServerEnd::Session(id) = end
                    && let Some(session) = self.registry.get_mut(id)
                {
                    session.handle_disconnected(self.now, link.attach, LOST);
                }
            }
        }
    }

    /// Who has read all of a connection that the other side has ended learns that.
    fn end_in_good_order(&mut self, index: usize, to: End) {
        let link = &self.links[index];
        let is_server_over = matches!(link.server_end, ServerEnd::Over);
        match to {
            End::Server if link.is_left && !is_server_over => self.lose(index, End::Server),
            End::Client if is_server_over && !link.is_left => self.lose(index, End::Client),
            End::Server | End::Client => {}
        }
    }

    /// Does what both sides ask for.
    fn act(&mut self) {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Dial(attach) => self.connect(attach),
                Action::Abandon(attach) => self.finish(attach, &Bytes::new()),
                Action::Finish(attach, last) => self.finish(attach, &last),
                _ => unreachable!("there are no others"),
            }
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Lost { why, .. } => self.lost = Some(why.to_string()),
                Event::Closed { why, .. } => self.endings[0] = Some(why),
                _ => {}
            }
        }
        let mut over = Vec::new();
        for (id, session) in self.registry.iter_mut() {
            while let Some(action) = session.poll_action() {
                let Action::Finish(attach, last) = action else {
                    unreachable!("a server does not dial");
                };
                for link in self.links.iter_mut().filter(|link| link.attach == attach) {
                    put(&mut link.to_client, &last, &mut self.outcome.frames);
                    link.server_end = ServerEnd::Over;
                }
            }
            while let Some(event) = session.poll_event() {
                if let Event::Closed { why, .. } = event {
                    self.endings[1] = Some(why);
                }
            }
            over.extend(
                session
                    .tombstone()
                    .cloned()
                    .map(|tombstone| (id, tombstone)),
            );
        }
        for (id, tombstone) in over {
            self.listen();
            self.registry.retire(self.now, id, tombstone);
        }
    }

    fn connect(&mut self, attach: AttachNumber) {
        self.outcome.connections.push([0, 0]);
        self.links.push(Link {
            attach,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            server_end: ServerEnd::Greeting(Greeter::new(self.now, &self.config.settings)),
            is_left: false,
            is_silent: false,
        });
        self.client
            .handle_connected(self.now, attach, Channel::Plain, None);
    }

    /// The client has nothing more to do with a connection.
    fn finish(&mut self, attach: AttachNumber, last: &Bytes) {
        for link in self.links.iter_mut().filter(|link| link.attach == attach) {
            put(&mut link.to_server, last, &mut self.outcome.frames);
            link.is_left = true;
        }
    }

    /// Both applications read.
    fn listen(&mut self) {
        while let Some(delivery) = self.client.recv() {
            self.heard_by_client.push(delivery.message.payload);
        }
        for (_, session) in self.registry.iter_mut() {
            while let Some(delivery) = session.recv() {
                self.heard_by_server.push(delivery.message.payload);
            }
        }
    }

    fn check(&self) -> Result<(), String> {
        for (side, heard, said) in [
            ("server", &self.heard_by_server, &FROM_CLIENT[..]),
            ("client", &self.heard_by_client, &FROM_SERVER[..]),
        ] {
            let said = said.iter().map(|(_, _, payload)| *payload);
            if !heard.iter().map(|payload| &payload[..]).eq(said) {
                return Err(format!("the {side} has heard {heard:?}"));
            }
        }
        if let Some(why) = &self.lost {
            return Err(format!("the session was lost: {why}"));
        }
        let [client, server] = &self.endings;
        if *client != Some(Ending::Local) || !matches!(server, Some(Ending::Peer { .. })) {
            return Err(format!("the ends are {client:?} and {server:?}"));
        }
        Ok(())
    }
}

/// Puts bytes on their way, and notes which frames they are.
fn put(pipe: &mut Pipe, bytes: &[u8], frames: &mut BTreeSet<&'static str>) {
    pipe.under_way.extend_from_slice(bytes);
    let mut rest = bytes.strip_prefix(&wire::PREFACE).unwrap_or(bytes);
    while let Ok(wire::Decoded::Complete { frame, len }) = wire::decode(rest, u32::MAX) {
        frames.insert(match frame {
            Frame::Hello(hello) if hello.proof.is_some() => "HELLO resume",
            Frame::Welcome(welcome) if welcome.proof.is_some() => "WELCOME resumed",
            other => other.name(),
        });
        rest = &rest[len..];
    }
}

fn kind(role: Role, is_client: bool) -> Kind {
    Kind {
        role,
        redelivered: false,
        raw: true,
        own: is_client && role.may_be_own(),
    }
}

fn seq(number: Option<u64>) -> Option<Seq> {
    number.and_then(Seq::new)
}
