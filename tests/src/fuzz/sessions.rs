use std::time::{Duration, Instant};

use korinet_proto::v3::{Payload, Transmit};
use korinet_session::v3::{
    Action, Channel, ClientConfig, ClientSession, Ending, Event, ServerConfig,
};
use korinet_session::{Backoff, ConnectionError, SessionError};
use korinet_wire::v3::{AttachNumber, Code, Kind, Level, Limits, SessionId};

use super::script::Script;
use crate::host::{Host, HostEnd, Pipe};

const LOST: ConnectionError = ConnectionError::ClosedByPeer;

/// Longer than any script.
const LONG: Duration = Duration::from_secs(1 << 20);

/// The most connections that are looked after at one time, old ones included.
const MAX_LINKS: usize = 4;

/// Has a client and a server do in any order what they can do, over connections that are cut, silent,
/// late, and of which several are there at once; while the server may forget everything.
///
/// Whatever comes: no panic; each message arrives once and in order, unless it is flagged as sent
/// again after a loss; and when it is quiet in the end, all has arrived. Where bytes of somebody else are mixed
/// in there is no such promise, but still no panic.
pub fn session_operations(data: &[u8]) {
    let mut script = Script::new(data);
    let Some(setup) = script.byte() else { return };
    let mut world = World::new(setup);
    while let Some(operation) = script.byte() {
        world.step(operation, &mut script);
    }
    world.come_to_rest();
}

struct World {
    now: Instant,
    client: ClientSession,
    host: Host,
    links: Vec<Link>,
    is_reachable: bool,
    is_hostile: bool,
    sent: u32,
    /// The client's message that the server's application gets next.
    expected: u32,
    /// For each session the numbers of its last message sent to the client, and received there.
    replies: Vec<(u32, u32)>,
    ending: Option<Ending>,
}

struct Link {
    attach: AttachNumber,
    to_server: Pipe,
    to_client: Pipe,
    server_end: HostEnd,
    /// The client has given it up.
    is_left: bool,
}

impl World {
    fn new(setup: u8) -> Self {
        let now = Instant::now();
        let limits = Limits {
            messages: u32::from(setup & 3) + 1,
            bytes: 120,
            message: 64,
        };
        let mut config = ClientConfig::new(1);
        config.settings.limits = limits;
        config.settings.keep_alive = Duration::from_secs(u64::from(setup & 4));
        config.backoff = Backoff::new(Duration::from_millis(10), Duration::from_millis(50), 1);
        config.give_up = LONG;
        config.level = match setup & 8 {
            0 => Level::Received,
            _ => Level::Processed,
        };
        let mut server = ServerConfig::default();
        server.settings.limits = limits;
        server.settings.keep_alive = config.settings.keep_alive;
        server.settings.expiry = match setup & 16 {
            0 => Duration::from_secs(2),
            _ => LONG,
        };
        config.settings.expiry = LONG;
        Self {
            now,
            client: ClientSession::new(now, config, [1; 32]),
            host: Host::new(server),
            links: Vec::new(),
            is_reachable: true,
            is_hostile: setup & 0xe0 == 0xe0,
            sent: 0,
            expected: 1,
            replies: Vec::new(),
            ending: None,
        }
    }

    fn step(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 16 {
            0 | 1 => self.send(),
            2 => self.reply(),
            3 | 4 => self.flush(),
            5..=8 => {
                let link = script.below(8);
                // Mostly all that there is.
                let most = script.below(255);
                let most = if most > 127 { usize::MAX } else { most.into() };
                self.deliver(link, most, operation.is_multiple_of(2));
            }
            9 => self.leave(script.below(8)),
            10 => self.lose_at_server(script.below(8)),
            11 => self.pass(Duration::from_millis(u64::from(script.below(255)) * 10)),
            12 => self.read(),
            13 => self.is_reachable = !self.is_reachable,
            14 if self.is_hostile => self.inject(script),
            14 => {}
            _ => match script.below(16) {
                0 => self.restart(),
                1 => self.client.close(self.now, Code::DONE, "bye"),
                2 => self.close_at_server(),
                _ => self.flush(),
            },
        }
        self.act();
    }

    fn send(&mut self) {
        let payload = (self.sent + 1).to_be_bytes();
        let sent = self.client.send(Kind::RAW, None, Payload::Copied(&payload));
        self.sent += u32::from(sent.is_ok());
    }

    /// The newest session of the server sends a message with its own number and the message's.
    fn reply(&mut self) {
        let opened = self.host.opened;
        self.replies.resize(usize::from(opened), (0, 0));
        let (Some(session), Some((sent, _))) = (self.host.newest(), self.replies.last_mut()) else {
            return;
        };
        let mut payload = vec![opened];
        payload.extend_from_slice(&(*sent + 1).to_be_bytes());
        let pushed = session.send(Kind::RAW, None, Payload::Copied(&payload));
        *sent += u32::from(pushed.is_ok());
    }

    /// Moves what both sides have to write onto the connections.
    fn flush(&mut self) {
        for link in &mut self.links {
            let mut out = Transmit::new();
            self.client.poll_transmit(self.now, link.attach, &mut out);
            link.to_server.put(out);
            if let Some(session) = self.host.session(&link.server_end) {
                let mut out = Transmit::new();
                session.poll_transmit(self.now, link.attach, &mut out);
                link.to_client.put(out);
            }
        }
    }

    fn link(&self, number: u8) -> Option<usize> {
        usize::from(number).checked_rem(self.links.len())
    }

    fn deliver(&mut self, link: u8, most: usize, is_to_server: bool) {
        let Some(index) = self.link(link) else { return };
        if is_to_server {
            self.deliver_to_server(index, most);
        } else {
            let link = &mut self.links[index];
            link.to_client.arrive(most);
            if link.is_left {
                link.to_client.input.clear();
            }
            self.client
                .handle_bytes(self.now, link.attach, &mut link.to_client.input);
        }
    }

    fn deliver_to_server(&mut self, index: usize, most: usize) {
        let link = &mut self.links[index];
        link.to_server.arrive(most);
        let (end, input) = (&mut link.server_end, &mut link.to_server.input);
        let answer = self.host.handle_bytes(self.now, end, input);
        link.to_client.under_way.extend_from_slice(&answer);
    }

    /// The client loses a connection; what it wrote may still arrive.
    fn leave(&mut self, link: u8) {
        let Some(index) = self.link(link) else { return };
        let link = &mut self.links[index];
        link.is_left = true;
        self.client.handle_disconnected(self.now, link.attach, LOST);
    }

    fn lose_at_server(&mut self, link: u8) {
        let Some(index) = self.link(link) else { return };
        let link = &mut self.links[index];
        link.to_server = Pipe::default();
        self.host.lose(self.now, &mut link.server_end);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        for (_, session) in self.host.registry.iter_mut() {
            session.handle_timeout(self.now);
        }
        self.host.registry.handle_timeout(self.now);
        for link in &mut self.links {
            let answer = self.host.handle_timeout(self.now, &mut link.server_end);
            link.to_client.under_way.extend_from_slice(&answer);
        }
    }

    /// Both applications read all that there is, and are done with it.
    fn read(&mut self) {
        let ids: Vec<SessionId> = self.host.registry.iter_mut().map(|(id, _)| id).collect();
        for id in ids {
            self.read_at_server(id);
        }
        while let Some(delivery) = self.client.recv() {
            self.client.finish(delivery.session, delivery.message.seq);
            if !self.is_hostile {
                self.check_reply(&delivery.message.payload);
            }
        }
    }

    fn read_at_server(&mut self, id: SessionId) {
        while let Some(session) = self.host.registry.get_mut(id)
            && let Some(delivery) = session.recv()
        {
            session.finish(delivery.message.seq);
            let payload: Result<[u8; 4], _> = delivery.message.payload[..].try_into();
            if self.is_hostile {
                continue;
            }
            let number = u32::from_be_bytes(payload.unwrap());
            let is_again = delivery.message.kind.redelivered;
            assert!(
                number == self.expected || (is_again && number < self.expected),
                "message {number} where {} is expected",
                self.expected
            );
            self.expected = self.expected.max(number + 1);
        }
    }

    fn check_reply(&mut self, payload: &[u8]) {
        let (incarnation, number) = payload.split_first().unwrap();
        let number = u32::from_be_bytes(number.try_into().unwrap());
        let (_, received) = &mut self.replies[usize::from(*incarnation) - 1];
        assert_eq!(number, *received + 1, "of session {incarnation}");
        *received = number;
    }

    /// The server dies, after its application has read what it was given, and starts anew.
    fn restart(&mut self) {
        self.read();
        self.host.restart();
        for link in &mut self.links {
            link.server_end = HostEnd::Over;
        }
    }

    fn close_at_server(&mut self) {
        if let Some(session) = self.host.newest() {
            session.close(self.now, Code::DONE, "bye");
        }
    }

    /// Bytes of somebody else.
    fn inject(&mut self, script: &mut Script<'_>) {
        let Some(index) = self.link(script.below(8)) else {
            return;
        };
        let pipe = match script.below(2) {
            0 => &mut self.links[index].to_server,
            _ => &mut self.links[index].to_client,
        };
        pipe.under_way.extend_from_slice(script.bytes(60));
    }

    /// Does what both sides ask for.
    fn act(&mut self) {
        while let Some(action) = self.client.poll_action() {
            match action {
                Action::Dial(attach) if self.is_reachable => self.connect(attach),
                Action::Dial(attach) => self.client.handle_connect_failed(self.now, attach, LOST),
                Action::Abandon(attach) => self.finish_at_client(attach, &[]),
                Action::Finish(attach, last) => self.finish_at_client(attach, &last),
                _ => unreachable!("no other action"),
            }
        }
        while let Some(event) = self.client.poll_event() {
            assert!(self.ending.is_none(), "{event:?} after the end");
            if let Event::Closed { why, .. } = event {
                self.ending = Some(why);
            }
        }
        self.act_at_server();
    }

    fn connect(&mut self, attach: AttachNumber) {
        if self.links.len() == MAX_LINKS {
            self.lose_at_server(0);
            self.links.remove(0);
        }
        self.links.push(Link {
            attach,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            server_end: self.host.accept(self.now),
            is_left: false,
        });
        self.client
            .handle_connected(self.now, attach, Channel::Plain, None);
    }

    fn finish_at_client(&mut self, attach: AttachNumber, last: &[u8]) {
        for link in self.links.iter_mut().filter(|link| link.attach == attach) {
            link.to_server.under_way.extend_from_slice(last);
            link.is_left = true;
        }
    }

    fn act_at_server(&mut self) {
        let mut over = Vec::new();
        for (id, session) in self.host.registry.iter_mut() {
            while let Some(action) = session.poll_action() {
                let Action::Finish(attach, last) = action else {
                    unreachable!("a server does not dial");
                };
                let is_it = |link: &&mut Link| link.attach == attach;
                for link in self.links.iter_mut().filter(is_it) {
                    link.to_client.under_way.extend_from_slice(&last);
                    link.server_end = HostEnd::Over;
                }
            }
            while session.poll_event().is_some() {}
            over.extend(
                session
                    .tombstone()
                    .cloned()
                    .map(|tombstone| (id, tombstone)),
            );
        }
        for (id, tombstone) in over {
            self.read_at_server(id);
            self.host.registry.retire(self.now, id, tombstone);
        }
    }

    /// The network is good and both applications read: everything comes to its end.
    fn come_to_rest(&mut self) {
        self.is_reachable = true;
        for _ in 0..200 {
            for index in 0..self.links.len() {
                self.deliver_to_server(index, usize::MAX);
                self.act();
                let link = u8::try_from(index).unwrap();
                self.deliver(link, usize::MAX, false);
                self.act();
                self.notice_the_end(index);
                self.act();
            }
            self.read();
            self.flush();
            self.act();
            if self.is_at_rest() {
                break;
            }
            self.pass(Duration::from_millis(100));
            self.act();
        }
        if !self.is_hostile {
            self.check_rest();
        }
    }

    /// Who has got all that there will be on a connection learns that it is over.
    fn notice_the_end(&mut self, index: usize) {
        let Some(link) = self.links.get_mut(index) else {
            return;
        };
        if link.is_left && link.to_server.under_way.is_empty() {
            self.lose_at_server(u8::try_from(index).unwrap());
        } else if matches!(link.server_end, HostEnd::Over)
            && link.to_client.under_way.is_empty()
            && !link.is_left
        {
            self.leave(u8::try_from(index).unwrap());
        }
    }

    fn is_at_rest(&self) -> bool {
        self.ending.is_some() || (self.client.is_attached() && self.client.in_flight().0 == 0)
    }

    fn check_rest(&self) {
        assert!(self.is_at_rest(), "the client neither goes on nor ends");
        match &self.ending {
            None | Some(Ending::Local) => {
                assert_eq!(self.expected, self.sent + 1, "not all has arrived");
            }
            Some(Ending::Peer { .. }) => {}
            Some(Ending::Error(SessionError::Lost(_))) => {}
            Some(Ending::Error(error)) => panic!("the client ended by {error:?}"),
        }
    }
}
