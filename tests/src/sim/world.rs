use std::time::{Duration, Instant};

use korinet_session::v3::{ClientConfig, ServerConfig};

use super::attacker::Impostor;
use super::client::ClientNode;
use super::link::ProcessId;
use super::network::{Due, Network};
use super::server::ServerNode;
use super::sky::Sky;

mod arrivals;

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
}
