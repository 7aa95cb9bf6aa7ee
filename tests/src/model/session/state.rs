use bytes::{Bytes, BytesMut};
use korinet_session::ConnectionError;
use korinet_wire::v3::Code;

use super::client::Client;
use super::config::Faults;
use super::link::{Chunk, Dialer, Link};
use super::seen::Seen;
use super::server::{Log, Server};
use super::{Config, Cut, SessionAction, check};
use crate::model::flaw::{Flaw, catching};
use crate::model::{fingerprint, now};

/// Clients, a server, and the links between them.
#[derive(Debug, Clone, Hash)]
pub struct SessionState {
    pub(super) clients: Vec<Client>,
    pub(super) server: Server,
    pub(super) links: Vec<Link>,
    /// The faults that may still come.
    pub(super) left: Faults,
    /// How the server once was.
    pub(super) snapshot: Option<Box<Server>>,
    /// What was said before it came back as it was then.
    pub(super) abandoned: Vec<Log>,
    /// The last HELLO that a thief could record.
    pub(super) recorded: Option<Bytes>,
    /// How many sessions were opened.
    pub(super) granted: u8,
    /// How often the server was started.
    pub(super) instance: u8,
    /// How many secured connections there were.
    pub(super) dialed: u8,
    /// Whether a server was started anew or set back.
    pub(super) has_lost_state: bool,
    pub(super) flaw: Option<Flaw>,
    panic: Option<String>,
}

impl PartialEq for SessionState {
    fn eq(&self, other: &Self) -> bool {
        fingerprint(self) == fingerprint(other)
    }
}

impl SessionState {
    pub(super) fn new(config: &Config) -> Self {
        let mut state = Self {
            clients: vec![Client::new(config)],
            server: Server::new(config),
            links: Vec::new(),
            left: config.faults,
            snapshot: None,
            abandoned: Vec::new(),
            recorded: None,
            granted: 0,
            instance: 1,
            dialed: 0,
            has_lost_state: false,
            flaw: None,
            panic: None,
        };
        state.flaw = state.settle_client(config, &Seen::default(), 0).err();
        state
    }

    pub(super) const fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    pub(super) fn step(&self, config: &Config, seen: &Seen, action: SessionAction) -> Option<Self> {
        let mut next = self.clone();
        let outcome = catching(|| {
            let changed = next.apply(config, seen, action)?;
            check::check(&next, config)?;
            Ok::<bool, Flaw>(changed)
        });
        match outcome {
            Ok(Ok(false)) => return None,
            Ok(Ok(true)) => {}
            Ok(Err(flaw)) => next.flaw = Some(flaw),
            Err(panic) => {
                next.flaw = Some(Flaw::Panicked);
                next.panic = Some(panic);
            }
        }
        Some(next)
    }

    /// Lets something happen; whether it can have changed anything.
    pub(super) fn apply(
        &mut self,
        config: &Config,
        seen: &Seen,
        action: SessionAction,
    ) -> Result<bool, Flaw> {
        match action {
            SessionAction::ClientSends(_)
            | SessionAction::ClientCloses(_)
            | SessionAction::ClientRetries(_)
            | SessionAction::ClientGivesUp(_)
            | SessionAction::ClientWrites(_) => self.apply_client(config, seen, &action),
            SessionAction::ServerSends(_)
            | SessionAction::ServerFinishes(_)
            | SessionAction::ServerCloses(_)
            | SessionAction::ServerWrites(_)
            | SessionAction::ServerRetires(_)
            | SessionAction::ServerExpires(_)
            | SessionAction::ServerForgets => self.apply_server(config, seen, &action),
            SessionAction::Up(at) => self.deliver_up(config, seen, at).map(|()| true),
            SessionAction::Down(at) => self.deliver_down(config, seen, at).map(|()| true),
            _ => self.apply_fault(config, seen, &action).map(|()| true),
        }
    }

    fn apply_client(
        &mut self,
        config: &Config,
        seen: &Seen,
        action: &SessionAction,
    ) -> Result<bool, Flaw> {
        let (who, changed) = match *action {
            SessionAction::ClientSends(who) => (who, self.clients[who].send(who)),
            SessionAction::ClientCloses(who) => {
                self.left.client_closes -= 1;
                let client = &mut self.clients[who];
                client.has_closed = true;
                client.core.close(now(), Code::DONE, "");
                (who, true)
            }
            SessionAction::ClientRetries(who) => {
                self.clients[who].core.handle_timeout(now());
                (who, true)
            }
            SessionAction::ClientGivesUp(who) => {
                self.left.give_ups = self.left.give_ups.saturating_sub(1);
                self.clients[who].core.handle_timeout(now());
                (who, true)
            }
            SessionAction::ClientWrites(who) => (who, self.write_client(who)),
            _ => return Ok(false),
        };
        self.settle_client(config, seen, who)?;
        Ok(changed)
    }

    fn apply_server(
        &mut self,
        config: &Config,
        seen: &Seen,
        action: &SessionAction,
    ) -> Result<bool, Flaw> {
        let changed = match *action {
            SessionAction::ServerSends(session) => {
                // Where no digest would tell, a program that was set back says the same again.
                let life = if config.checksum { self.instance } else { 1 };
                self.server.send(session, life)
            }
            SessionAction::ServerFinishes(session) => self.server.finish(session),
            SessionAction::ServerCloses(session) => {
                self.left.server_closes -= 1;
                self.server.close(session)
            }
            SessionAction::ServerWrites(session) => self.write_server(session),
            SessionAction::ServerRetires(session) => self.retire(session),
            SessionAction::ServerExpires(session) => {
                self.left.expiries -= 1;
                self.server.expire(session)?
            }
            SessionAction::ServerForgets => {
                self.left.forgets -= 1;
                self.server.forget();
                true
            }
            _ => return Ok(false),
        };
        self.settle_server(config, seen)?;
        Ok(changed)
    }

    fn deliver_down(&mut self, config: &Config, seen: &Seen, at: usize) -> Result<(), Flaw> {
        let link = &mut self.links[at];
        let Dialer::Client(who) = link.dialer else {
            return Ok(());
        };
        let (attach, chunk) = (link.attach, link.down.pop_front());
        let core = &mut self.clients[who].core;
        match chunk {
            None => {}
            Some(Chunk::Frame(frame)) => {
                let mut input = BytesMut::from(&frame[..]);
                core.handle_bytes(now(), attach, &mut input);
                assert!(input.is_empty(), "a whole frame was left");
            }
            Some(Chunk::End) => {
                link.close_client();
                core.handle_disconnected(now(), attach, ConnectionError::ClosedByPeer);
            }
        }
        self.settle_client(config, seen, who)
    }

    fn apply_fault(
        &mut self,
        config: &Config,
        seen: &Seen,
        action: &SessionAction,
    ) -> Result<(), Flaw> {
        let left = &mut self.left;
        match *action {
            SessionAction::Breaks(at, cut) => {
                left.cuts -= 1;
                if cut != Cut::Down {
                    self.links[at].cut_up();
                }
                if cut != Cut::Up {
                    self.links[at].cut_down();
                }
            }
            SessionAction::Restarts => {
                left.restarts -= 1;
                self.instance += 1;
                self.server.restart(config);
                self.lose_server();
            }
            SessionAction::Snapshot => self.snapshot = Some(Box::new(self.server.clone())),
            SessionAction::RollsBack => {
                left.rollbacks -= 1;
                self.instance += 1;
                if let Some(server) = self.snapshot.take() {
                    self.abandoned = std::mem::replace(&mut self.server, *server).logs;
                    self.server.resurrect(usize::from(self.granted));
                }
                self.lose_server();
                self.settle_server(config, seen)?;
            }
            SessionAction::Replays => {
                left.replays -= 1;
                self.replay(config);
            }
            SessionAction::Guesses(session) => {
                left.guesses -= 1;
                self.guess(config, session);
            }
            SessionAction::Impersonates(at, welcomes) => {
                left.impostors -= 1;
                self.impersonate(config, at, welcomes);
            }
            SessionAction::Copies => {
                left.copies -= 1;
                let mut copy = self.clients[0].clone();
                // Its connections are the original's.
                let lost = ConnectionError::ClosedByPeer;
                copy.core.handle_disconnected(now(), copy.attach, lost);
                self.clients.push(copy);
                self.settle_client(config, seen, 1)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The process of the server has gone, with all its connections.
    fn lose_server(&mut self) {
        self.has_lost_state = true;
        for link in &mut self.links {
            link.close_server();
        }
        self.links.retain(|link| !link.is_gone());
    }
}
