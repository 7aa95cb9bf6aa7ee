use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use korinet_proto::v3::{GoAway, Payload, Transmit};
use korinet_session::v3::{
    Action, Channel, ClientConfig, ClientSession, Ending, Event, ServerConfig,
};
use korinet_session::{Backoff, ConnectionError};
use korinet_wire::v3::{self as wire, AttachNumber, Code, Frame, Kind, Limits, Role, Seq};

use super::{Cut, End, How, Outcome};
use crate::host::{Host, HostEnd, Pipe};

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
/// Far more connections than two cuts cost.
const MOST_LINKS: usize = 50;
const LOST: ConnectionError = ConnectionError::ClosedByPeer;

pub(super) struct Conversation<'c> {
    cuts: &'c [Cut],
    start: Instant,
    now: Instant,
    client: ClientSession,
    host: Host,
    links: Vec<Link>,
    pub(super) outcome: Outcome,
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
    /// How many bytes have arrived at the server, and at the client.
    arrived: [usize; 2],
    server_end: HostEnd,
    /// The client has given it up.
    is_left: bool,
    is_silent: bool,
}

impl<'c> Conversation<'c> {
    pub(super) fn new(cuts: &'c [Cut]) -> Self {
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
            host: Host::new(server),
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

    pub(super) fn run(&mut self) -> Result<(), String> {
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
            link.arrived.iter().sum::<usize>()
                + usize::from(link.is_left)
                + usize::from(matches!(link.server_end, HostEnd::Over))
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
        let sessions = self.host.registry.iter_mut();
        let timeouts = sessions.filter_map(|(_, session)| session.poll_timeout());
        let greeters = self.links.iter().filter_map(|link| match &link.server_end {
            HostEnd::Greeting(greeter, _) => greeter.poll_timeout(),
            HostEnd::Session(..) | HostEnd::Over => None,
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
        if self.now - self.start > LONGEST || self.links.len() > MOST_LINKS {
            return Err("it takes too long".to_owned());
        }
        self.client.handle_timeout(self.now);
        for (_, session) in self.host.registry.iter_mut() {
            session.handle_timeout(self.now);
        }
        for link in &mut self.links {
            let answer = self.host.handle_timeout(self.now, &mut link.server_end);
            link.to_client.under_way.extend_from_slice(&answer);
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
        let Some((_, session)) = self.host.registry.iter_mut().next() else {
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
            if let Some(session) = self.host.session(&link.server_end) {
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
        let side = usize::from(to == End::Client);
        let is_it = |cut: &&Cut| cut.connection == index && cut.to == to;
        let cut = self.cuts.iter().find(is_it).copied();
        let (len, before) = (pipe.under_way.len(), link.arrived[side]);
        let cut = cut.filter(|cut| cut.after < before + len);
        link.arrived[side] += pipe.arrive(cut.map_or(len, |cut| cut.after - before));
        self.outcome.connections[index] = link.arrived;
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
        let (end, input) = (&mut link.server_end, &mut link.to_server.input);
        // The first of all is too much for the server.
        let limit = self.host.config.max_sessions;
        if !input.is_empty() && matches!(end, HostEnd::Greeting(..)) && !self.has_refused {
            self.host.config.max_sessions = 0;
            self.host.restart();
        }
        let answer = self.host.handle_bytes(self.now, end, input);
        self.has_refused |= !answer.is_empty();
        put(&mut link.to_client, &answer, &mut self.outcome.frames);
        if self.host.config.max_sessions != limit {
            self.host.config.max_sessions = limit;
            self.host.restart();
        }
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
        if cut.how == How::Fin {
            other.arrive(usize::MAX);
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
            End::Server => self.host.lose(self.now, &mut link.server_end),
        }
    }

    /// Who has read all of a connection that the other side has ended learns that.
    fn end_in_good_order(&mut self, index: usize, to: End) {
        let link = &self.links[index];
        let is_server_over = matches!(link.server_end, HostEnd::Over);
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
        for (id, session) in self.host.registry.iter_mut() {
            while let Some(action) = session.poll_action() {
                let Action::Finish(attach, last) = action else {
                    unreachable!("a server does not dial");
                };
                for link in self.links.iter_mut().filter(|link| link.attach == attach) {
                    put(&mut link.to_client, &last, &mut self.outcome.frames);
                    link.server_end = HostEnd::Over;
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
            self.host.registry.retire(self.now, id, tombstone);
        }
    }

    fn connect(&mut self, attach: AttachNumber) {
        self.outcome.connections.push([0, 0]);
        self.links.push(Link {
            attach,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            arrived: [0, 0],
            server_end: self.host.accept(self.now),
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
        for (_, session) in self.host.registry.iter_mut() {
            while let Some(delivery) = session.recv() {
                self.heard_by_server.push(delivery.message.payload);
            }
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
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
