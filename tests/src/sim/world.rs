use std::time::{Duration, Instant};

use korinet_session::v3::{ClientConfig, ServerConfig};

use super::attacker::Impostor;
use super::client::ClientNode;
use super::conditions::{Connect, Host};
use super::link::{Dialler, End, LinkId, ProcessId, Side};
use super::network::{Arrival, Due, Network};
use super::server::ServerNode;
use super::sky::Sky;
use super::tally::Fault;

/// Some clients, a server, what is between them, and a clock: everything follows from the seed.
#[derive(Debug, Clone)]
pub struct World {
    /// What is between them.
    pub network: Network,
    /// The clients.
    pub clients: Vec<ClientNode>,
    /// The server.
    pub server: ServerNode,
    impostor: Impostor,
    processes: u32,
    /// Nobody listens before that.
    pub server_starts_at: u64,
    /// What arrives at the moment of a timeout is handled before it.
    pub are_timers_late: bool,
    /// How often something happened without time going by.
    idle_steps: u32,
}

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something happened.
    Done,
    /// Somebody is woken.
    Woken(u32),
    /// Nothing will ever happen again.
    Idle,
}

impl World {
    /// A server and nobody else.
    #[must_use]
    pub fn new(seed: u64, sky: Sky, config: ServerConfig, is_readable: bool) -> Self {
        let mut network = Network::new(Instant::now(), seed, sky, is_readable);
        let server = ServerNode::new(&mut network, ProcessId(0), config);
        Self {
            network,
            clients: Vec::new(),
            server,
            impostor: Impostor::default(),
            processes: 1,
            server_starts_at: 0,
            are_timers_late: false,
            idle_steps: 0,
        }
    }

    /// Another client; its place.
    pub fn add_client(&mut self, config: ClientConfig, is_secured: bool) -> Result<usize, String> {
        let index = self.clients.len();
        let process = self.next_process();
        let node = ClientNode::new(&mut self.network, index, process, config, is_secured);
        self.clients.push(node);
        self.clients[index].pump(&mut self.network)?;
        Ok(index)
    }

    /// Kills a client and starts it again: with an empty memory.
    pub fn restart_client(
        &mut self,
        index: usize,
        config: ClientConfig,
        is_secured: bool,
    ) -> Result<(), String> {
        self.network
            .note(format_args!("client {index} is killed and started again"));
        self.clients[index].die(&mut self.network);
        let process = self.next_process();
        let node = ClientNode::new(&mut self.network, index, process, config, is_secured);
        self.clients[index] = node;
        self.clients[index].pump(&mut self.network)
    }

    /// Kills the server; another one is there after `downtime`.
    pub fn restart_server(&mut self, downtime: u64, config: ServerConfig) {
        self.network.note(format_args!("the server is killed"));
        self.server.die(&mut self.network);
        let process = self.next_process();
        self.server = ServerNode::new(&mut self.network, process, config);
        self.server_starts_at = self.network.micros() + downtime;
    }

    fn next_process(&mut self) -> ProcessId {
        self.processes += 1;
        ProcessId(self.processes)
    }

    /// Copies a client with all that it knows, but without its connection; its place.
    pub fn copy_client(&mut self, index: usize) -> Result<usize, String> {
        let copy = self.clients.len();
        let mut node = self.clients[index].clone();
        node.move_to(copy);
        self.clients.push(node);
        self.clients[copy].lose_connection(&mut self.network)?;
        Ok(copy)
    }

    /// Goes on until so much time has gone by.
    pub fn run_for(&mut self, time: Duration) -> Result<(), String> {
        let end = self.network.micros() + u64::try_from(time.as_micros()).unwrap();
        while self.next_at().is_some_and(|at| at <= end) {
            self.step()?;
        }
        self.network.advance(end);
        Ok(())
    }

    fn next_at(&mut self) -> Option<u64> {
        let due = self.network.next_due();
        due.into_iter().chain(self.next_timeout()).min()
    }

    /// Goes to the next thing that happens, and lets it happen.
    pub fn step(&mut self) -> Result<Step, String> {
        let Some(at) = self.next_at() else {
            return Ok(Step::Idle);
        };
        self.note_progress(at)?;
        self.network.advance(at);
        let is_delivery_first = self.are_timers_late && self.network.next_due() == Some(at);
        if !is_delivery_first
            && self
                .next_timeout()
                .is_some_and(|at| at <= self.network.micros())
        {
            self.handle_timeouts()?;
        }
        match self.network.pop_due() {
            None => Ok(Step::Done),
            Some(Due::Wake(token)) => Ok(Step::Woken(token)),
            Some(due) => self.handle_due(due).map(|()| Step::Done),
        }
    }

    /// Time has to go by: who asks again and again to be called at once is wrong.
    fn note_progress(&mut self, at: u64) -> Result<(), String> {
        const MOST: u32 = 100_000;
        self.idle_steps = if at > self.network.micros() {
            0
        } else {
            self.idle_steps + 1
        };
        if self.idle_steps > MOST {
            return Err(format!("{MOST} steps and no time goes by"));
        }
        Ok(())
    }

    fn next_timeout(&mut self) -> Option<u64> {
        let network = &self.network;
        let clients = self.clients.iter();
        let clients = clients.filter_map(|client| client.next_timeout(network));
        clients.chain(self.server.next_timeout(network)).min()
    }

    fn handle_timeouts(&mut self) -> Result<(), String> {
        let now = self.network.micros();
        for client in &mut self.clients {
            if client
                .next_timeout(&self.network)
                .is_some_and(|at| at <= now)
            {
                client.handle_timeout(&mut self.network)?;
            }
        }
        if self
            .server
            .next_timeout(&self.network)
            .is_some_and(|at| at <= now)
        {
            self.server.handle_timeout(&mut self.network)?;
        }
        Ok(())
    }

    fn handle_due(&mut self, due: Due) -> Result<(), String> {
        match due {
            Due::Dialled(link) => self.handle_dialled(link),
            Due::Delivery(link, writer) => self.handle_delivery(link, writer),
            Due::Cut(link) => {
                self.network.cut(link);
                Ok(())
            }
            Due::Told(link, side, is_reset) => self.handle_told(link, side, is_reset),
            Due::Room(link, side) => self.handle_room(link, side),
            Due::Wake(_) => Ok(()),
        }
    }

    fn handle_dialled(&mut self, id: LinkId) -> Result<(), String> {
        let now = self.network.micros();
        let Some(link) = self.network.links.get_mut(&id) else {
            return Ok(());
        };
        let is_up = now >= self.server_starts_at || link.is_impostor();
        let is_refused = matches!(link.conditions.connect, Connect::Fails(_));
        if link.end(Side::Client) != End::Pending {
            return Ok(());
        }
        if is_refused || !is_up {
            link.set_end(Side::Client, End::Closed);
            link.set_end(Side::Server, End::Closed);
            let dialler = link.dialler;
            self.network.fault(Fault::ConnectFailure);
            return match dialler {
                Dialler::Client { index, attach, .. } if self.is_alive(dialler) => {
                    self.clients[index].handle_connect_failed(&mut self.network, attach)
                }
                _ => Ok(()),
            };
        }
        link.set_end(Side::Client, End::Open);
        link.set_end(Side::Server, End::Open);
        let (dialler, host) = (link.dialler, link.conditions.host);
        if host == Host::Server {
            self.server.handle_accepted(&self.network, id);
        }
        match dialler {
            Dialler::Client { index, attach, .. } if self.is_alive(dialler) => {
                self.clients[index].handle_connected(&mut self.network, id, attach)
            }
            Dialler::Client { .. } => {
                self.network.close(id, Side::Client);
                Ok(())
            }
            Dialler::Attacker => {
                self.attack(id);
                Ok(())
            }
        }
    }

    /// An attacker says what it has to say, and stays for a while.
    fn attack(&mut self, id: LinkId) {
        let attack = self.network.links[&id].attack.clone();
        if let Some((fault, bytes)) = attack {
            self.network.note(format_args!("{id} {fault:?}"));
            self.network.fault(fault);
            self.network.put(id, Side::Client, &bytes);
            let until = self.network.micros() + self.network.draw.below(30_000_000);
            self.network
                .push_due(until, Due::Told(id, Side::Client, false));
        }
    }

    fn is_alive(&self, dialler: Dialler) -> bool {
        match dialler {
            Dialler::Client { index, process, .. } => self.clients[index].process == process,
            Dialler::Attacker => true,
        }
    }

    fn handle_delivery(&mut self, id: LinkId, writer: Side) -> Result<(), String> {
        if self.postpone(id, writer) {
            return Ok(());
        }
        let Some(arrival) = self.network.deliver(id, writer) else {
            return Ok(());
        };
        let Arrival::Bytes(bytes) = arrival else {
            return self.handle_told(id, writer.peer(), false);
        };
        self.network.trace.record((id, writer, &bytes));
        let now = self.network.micros();
        self.network.trace.record(now);
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        let (reader, dialler) = (writer.peer(), link.dialler);
        match (link.end(reader), reader) {
            (End::Closed, _) => {
                // There is nobody who knows this connection: the system says so, if it gets through.
                if !link.pipe(reader).is_silent {
                    self.network.push_due(now, Due::Told(id, writer, true));
                }
                return Ok(());
            }
            (End::Pending, _) => return Ok(()),
            (_, Side::Server) if link.is_impostor() => {
                self.impostor.handle_bytes(&mut self.network, id, &bytes);
            }
            // A driver may have read something before it heard that it is of no interest.
            (End::Open | End::Finished, Side::Server) => {
                self.server.handle_bytes(&mut self.network, id, &bytes)?;
            }
            (End::Open | End::Finished, Side::Client) => {
                if let Dialler::Client { index, attach, .. } = dialler {
                    self.clients[index].handle_bytes(&mut self.network, attach, &bytes)?;
                }
            }
        }
        self.handle_room(id, writer)
    }

    /// Whoever is paused reads later.
    fn postpone(&mut self, id: LinkId, writer: Side) -> bool {
        let Some(link) = self.network.links.get(&id) else {
            return false;
        };
        let until = match (writer, link.dialler) {
            (Side::Client, _) => self.server.paused_until,
            (Side::Server, Dialler::Client { index, .. }) => self.clients[index].paused_until,
            (Side::Server, Dialler::Attacker) => 0,
        };
        if until <= self.network.micros() {
            return false;
        }
        self.network.pipe(id, writer, |pipe| pipe.due = Some(until));
        self.network.push_due(until, Due::Delivery(id, writer));
        true
    }

    /// What was delivered makes room for more.
    fn handle_room(&mut self, id: LinkId, writer: Side) -> Result<(), String> {
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        match (writer, link.dialler) {
            (Side::Server, _) => self.server.handle_room(&mut self.network, id),
            (Side::Client, Dialler::Client { index, .. }) if self.is_alive(link.dialler) => {
                self.clients[index].pump(&mut self.network)
            }
            _ => Ok(()),
        }
    }

    fn handle_told(&mut self, id: LinkId, side: Side, is_reset: bool) -> Result<(), String> {
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        let (dialler, is_impostor) = (link.dialler, link.is_impostor());
        self.network.note(format_args!(
            "{id} is over for {side:?} (reset: {is_reset})"
        ));
        let had = self.network.tell(id, side, is_reset);
        if had == End::Closed || had == End::Pending {
            return Ok(());
        }
        match (side, dialler) {
            (Side::Server, _) if is_impostor => Ok(()),
            (Side::Server, _) => self
                .server
                .handle_disconnected(&mut self.network, id, is_reset),
            (Side::Client, Dialler::Client { index, attach, .. }) if self.is_alive(dialler) => {
                self.clients[index].handle_disconnected(&mut self.network, attach, is_reset)
            }
            _ => Ok(()),
        }
    }
}
