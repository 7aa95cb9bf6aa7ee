//! The server's side of connections from the first byte on: which protocol it is, the greeting, whose session it
//! is, and the session.

mod application;
mod exchange;
mod forgery;
mod healthy;
mod hello;
mod link;
mod occurred;
mod peers;
mod said;
mod theft;
mod upkeep;

use std::time::{Duration, Instant};

use korinet_session::v3::{Principal, ServerConfig};
use korinet_wire::v3::{AttachNumber, Features, Level, Limits};

use self::application::Application;
use self::healthy::Healthy;
use self::hello::Offer;
use self::link::Link;
pub use self::occurred::{Occurred, What};
use self::peers::Peers;
use super::script::Script;
use crate::host::Host;

/// What each side of each session takes.
const LIMITS: Limits = Limits {
    messages: 4,
    bytes: 200,
    message: 64,
};

const MAX_LINKS: usize = 4;
const MAX_SESSIONS: usize = 4;
const MAX_TOMBSTONES: usize = 2;

/// The most steps of a script; more of them find nothing that two scripts would not.
const MAX_STEPS: usize = 20;

/// Several connections at once are given frames that are right, nearly right or none, and bytes that are none;
/// they are lost, time passes, and the applications of their sessions do all that they can do.
///
/// Whatever comes: no panic; who is refused gets one REJECT or nothing; nothing is taken after the end of a
/// connection; memory and answers stay within their bounds, so do sessions and tombstones; no session
/// delivers a message out of order or twice; and a session beside them that does nothing wrong notices
/// nothing of all this.
pub fn server_connection(data: &[u8]) -> Occurred {
    let mut script = Script::new(data);
    let Some(setup) = script.byte() else {
        return Occurred::default();
    };
    let mut world = World::new(setup);
    for step in 1..=MAX_STEPS {
        let Some(operation) = script.byte() else {
            break;
        };
        world.step(operation, &mut script);
        if step % 4 == 0 {
            world.exchange();
        }
    }
    world.exchange();
    world.occurred
}

struct World {
    now: Instant,
    host: Host,
    links: Vec<Link>,
    accepted: u32,
    peers: Peers,
    application: Application,
    healthy: Healthy,
    occurred: Occurred,
}

impl World {
    fn new(setup: u8) -> Self {
        let now = Instant::now();
        let mut config = ServerConfig::default();
        config.settings.limits = LIMITS;
        config.settings.keep_alive = Duration::ZERO;
        config.settings.expiry = Duration::from_secs(2);
        config.settings.handshake_timeout = Duration::from_secs(1);
        config.max_sessions = MAX_SESSIONS;
        config.max_tombstones = MAX_TOMBSTONES;
        config.tombstone_life = Duration::from_secs(3);
        let mut host = Host::new(config);
        Self {
            now,
            healthy: Healthy::new(now, setup & 1 == 0, &mut host),
            host,
            links: Vec::new(),
            accepted: 0,
            peers: Peers::default(),
            application: Application::default(),
            occurred: Occurred::default(),
        }
    }

    /// The lower half of an operation says what is done, its top bit whether the server writes after it.
    fn step(&mut self, operation: u8, script: &mut Script<'_>) {
        match operation % 16 {
            0 => drop(self.accept(script.below(2))),
            1 => {
                let (link, piece) = (self.some_link(script), script.below(5));
                self.feed(link, script.bytes(48), piece);
            }
            2 => self.flood(script),
            3 | 4 => self.open(script),
            5 | 6 => self.come_back(script),
            7 | 8 => self.speak(script),
            9 => {
                let (link, piece) = (self.some_link(script), script.below(5));
                self.feed(link, &forgery::frame(script), piece);
            }
            10 => self.speak_v2(script),
            11 => self.pass(Duration::from_millis(u64::from(script.below(255)) * 10)),
            12 => self.lose(script),
            13 => {
                let (host, occurred) = (&mut self.host, &mut self.occurred);
                self.application.read(host, &self.peers, script, occurred);
            }
            14 => self.application.send(&mut self.host, script),
            _ => self.command(script),
        }
        if operation & 0x80 != 0 {
            self.write();
        }
        self.act();
        self.check();
    }

    fn exchange(&mut self) {
        let (host, occurred) = (&mut self.host, &mut self.occurred);
        self.healthy.exchange(self.now, host, occurred);
    }

    fn command(&mut self, script: &mut Script<'_>) {
        match script.below(8) {
            0 | 1 => self.steal(script),
            2 => self.healthy.cut(self.now, false, &mut self.host),
            3 => self.healthy.cut(self.now, true, &mut self.host),
            _ => self.application.end(self.now, &mut self.host, script),
        }
    }

    /// A new connection, in the place of the oldest if there are many.
    fn accept(&mut self, principal: u8) -> usize {
        if self.links.len() == MAX_LINKS {
            self.links.remove(0).lose(self.now, &mut self.host);
        }
        let principal = Principal(["a", "b"][usize::from(principal)].to_owned());
        self.links
            .push(Link::new(self.now, self.accepted, principal));
        self.accepted += 1;
        self.links.len() - 1
    }

    fn some_link(&mut self, script: &mut Script<'_>) -> usize {
        let number = usize::from(script.below(8));
        match number.checked_rem(self.links.len()) {
            Some(index) => index,
            None => self.accept(0),
        }
    }

    fn feed(&mut self, link: usize, bytes: &[u8], piece: u8) {
        // The first bytes one by one: where a protocol is told apart, and a length begins.
        let (singly, piece) = match piece {
            0..=2 => (0, bytes.len()),
            3 => (bytes.len().min(14), 50),
            _ => (0, 17),
        };
        let (first, rest) = bytes.split_at(singly);
        let (host, occurred) = (&mut self.host, &mut self.occurred);
        let link = &mut self.links[link];
        link.feed(self.now, first, 1, host, occurred);
        link.feed(self.now, rest, piece, host, occurred);
        // A CLOSE counts for the connections that come after it.
        self.act();
    }

    /// One byte again and again, up to a frame of the largest size.
    fn flood(&mut self, script: &mut Script<'_>) {
        let link = self.some_link(script);
        let count = usize::from(script.below(u8::MAX)) * 64;
        if script.below(2) == 0 {
            self.feed(link, &[0, 0, 0x3f, 0xff], 0);
        }
        self.feed(link, &vec![script.below(u8::MAX); count], 0);
    }

    fn open(&mut self, script: &mut Script<'_>) {
        let link = self.accept(script.below(2));
        let traits = script.below(u8::MAX);
        let offer = Offer {
            nonce: 0xf0 + script.below(6),
            attach: AttachNumber::new(u64::from(script.below(3)) + 1).unwrap(),
            limits: LIMITS,
            level: match traits & 3 {
                0 | 1 => Level::Received,
                2 => Level::Processed,
                _ if traits & 0x1c == 0 => Level::Durable,
                _ => Level::Processed,
            },
            features: match traits & 0x20 {
                0 => Features::CHECKSUM,
                _ => Features::NONE,
            },
            keep_alive: Duration::from_millis(u64::from(traits & 0xc0) * 10),
        };
        let mut bytes = offer.to_bytes();
        let is_changed = forgery::change(&mut bytes, script.below(8) == 0, script);
        self.links[link].offer = (!is_changed).then_some(offer);
        self.feed(link, &bytes, script.below(5));
        let link = &self.links[link];
        let Some((id, _)) = link.session() else {
            return;
        };
        self.occurred.note(What::Opened);
        // V3-13: the same nonce is the same session, as long as that lives.
        let mut others = self.peers.opened(&link.principal, offer.nonce);
        let registry = &self.host.registry;
        let other = others.find(|other| *other != id && registry.get(*other).is_some());
        assert!(is_changed || other.is_none(), "a second session");
    }

    fn come_back(&mut self, script: &mut Script<'_>) {
        let how = script.below(12);
        let Some(peer) = self.peers.pick(script.below(8)) else {
            return;
        };
        let mut back = peer.come_back(how == 2);
        let owner = u8::from(peer.principal.0 == "b");
        if how == 3 {
            let beyond = u64::from(script.below(4));
            back.positions.next = back.positions.next.checked_add(beyond).unwrap();
            back.positions.end = back.positions.end.checked_add(beyond).unwrap();
        }
        let mut bytes = back.to_bytes();
        let is_changed = forgery::change(&mut bytes, how == 0, script);
        let principal = if how == 1 { 1 - owner } else { owner };
        let link = self.accept(principal);
        self.feed(link, &bytes, script.below(5));
        let is_admitted = self.links[link].session().is_some();
        if is_changed || principal != owner {
            assert!(!is_admitted, "admitted without a proof");
            self.occurred.note(What::ForgeryRefused);
        } else if is_admitted {
            self.occurred.note(What::Resumed);
        }
    }

    fn speak(&mut self, script: &mut Script<'_>) {
        let Some(peer) = self.peers.pick(script.below(8)) else {
            return;
        };
        let payload = (script.below(4) > 0).then(|| script.bytes(66));
        let Some((serial, mut bytes)) = peer.speak(self.now, payload) else {
            return;
        };
        let how = script.below(16);
        forgery::change(&mut bytes, how == 1, script);
        if how == 2 {
            // All of it again: messages, acknowledgements, what ends the connection.
            bytes.extend_from_within(..);
        }
        if let Some(link) = self.links.iter().position(|link| link.serial == serial) {
            self.feed(link, &bytes, script.below(5));
        }
    }
}
