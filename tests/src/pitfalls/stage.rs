use std::time::Duration;

use korinet_session::Backoff;
use korinet_session::v3::{ClientConfig, Event, ServerConfig};
use korinet_wire::v3::{Kind, Level, SessionId};

use crate::sim::conditions::{Conditions, Cut, How, Other};
use crate::sim::link::{LinkId, Side};
use crate::sim::sky::Sky;
use crate::sim::tally::Fate;
use crate::sim::world::World;

/// A client, its server, and a network that does as it is told.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Both, and what is between them.
    pub world: World,
    /// How the server is set up.
    pub server: ServerConfig,
}

/// How a stage is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The client.
    pub client: ClientConfig,
    /// The server.
    pub server: ServerConfig,
    /// Whether the connections are secured.
    pub is_secured: bool,
    /// What becomes of the first connections.
    pub sky: Vec<Conditions>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            client: ClientConfig {
                backoff: Backoff::new(Duration::from_millis(10), Duration::from_secs(1), 1),
                ..ClientConfig::new(1)
            },
            server: ServerConfig::default(),
            is_secured: false,
            sky: Vec::new(),
        }
    }
}

impl Setup {
    /// Messages are acknowledged when they are finished.
    #[must_use]
    pub fn processed() -> Self {
        let mut setup = Self::default();
        setup.client.level = Level::Processed;
        setup
    }

    /// The curtain rises: the client dials.
    pub fn raise(self) -> Result<Stage, String> {
        let sky = Sky::Scripted(self.sky.into());
        let mut world = World::new(1, sky, self.server.clone(), false);
        world.add_client(self.client, self.is_secured)?;
        Ok(Stage {
            world,
            server: self.server,
        })
    }

    /// The same, and there is a session.
    pub fn attached(self) -> Result<Stage, String> {
        let mut stage = self.raise()?;
        stage.attach()?;
        Ok(stage)
    }
}

impl Stage {
    /// Goes on until something is so.
    pub fn until(&mut self, what: &str, is_so: fn(&World) -> bool) -> Result<(), String> {
        const LONGEST: Duration = Duration::from_secs(3600);
        const MOST: u32 = 20_000;
        let end = self.world.network.now() + LONGEST;
        for _ in 0..MOST {
            if is_so(&self.world) {
                return Ok(());
            }
            if self.world.network.now() > end {
                return Err(format!("not after an hour: {what}"));
            }
            self.world.step()?;
        }
        Err(format!("not after {MOST} steps: {what}"))
    }

    /// Goes on until the client has a connection.
    pub fn attach(&mut self) -> Result<(), String> {
        self.until("the client is attached", |world| {
            world.clients[0].is_attached() && world.clients[0].session.is_attached()
        })
    }

    /// Goes on for so many milliseconds.
    pub fn run(&mut self, millis: u64) -> Result<(), String> {
        self.world.run_for(Duration::from_millis(millis))
    }

    /// The client says something new.
    pub fn say(&mut self) -> Result<(), String> {
        let (client, network) = (&mut self.world.clients[0], &mut self.world.network);
        let payload = network.ledger.draft(Kind::RAW, 20);
        let sent = client.send(network, Kind::RAW, None, payload)?;
        sent.map_err(|error| error.to_string())
    }

    /// The server says something new.
    pub fn answer(&mut self) -> Result<(), String> {
        let id = self.session()?;
        let (server, network) = (&mut self.world.server, &mut self.world.network);
        let payload = network.ledger.draft(Kind::RAW, 20);
        let sent = server.send(network, id, (Kind::RAW, None, payload))?;
        sent.map_err(|error| error.to_string())
    }

    /// Both applications read all that there is, and are done with it.
    pub fn listen(&mut self) -> Result<(), String> {
        let World {
            network,
            clients,
            server,
            ..
        } = &mut self.world;
        for client in clients {
            while let Some(delivery) = client.recv(network)? {
                client.finish(network, delivery.session, delivery.message.seq)?;
            }
        }
        let sessions = server.sessions().into_iter().chain(server.over());
        for id in sessions.collect::<Vec<_>>() {
            while let Some(delivery) = server.recv(network, id)? {
                server.finish(network, id, delivery.message.seq)?;
            }
        }
        Ok(())
    }

    /// The only session that there is.
    pub fn session(&mut self) -> Result<SessionId, String> {
        match self.world.server.sessions()[..] {
            [id] => Ok(id),
            ref sessions => Err(format!("one session was expected, not {sessions:?}")),
        }
    }

    /// The connection that the client has.
    pub fn link(&self) -> Result<LinkId, String> {
        let link = self.world.clients[0].last_link();
        link.ok_or_else(|| "the client has never dialled".to_owned())
    }

    /// Cuts the connection that the client has, between two bytes.
    pub fn cut(&mut self, how: How, other: Other) -> Result<(), String> {
        let cut = Cut {
            from: Side::Server,
            at: 0,
            how,
            other,
        };
        let link = self.link()?;
        self.world.network.cut_as(link, cut);
        self.run(1)
    }

    /// What the application of the client was told since the last time.
    pub fn told(&mut self) -> Vec<Event> {
        let told = std::mem::take(&mut self.world.clients[0].told);
        told.into_iter().map(|(_, _, event)| event).collect()
    }

    /// How many messages were delivered, again or for the first time.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        let fates = self.world.network.ledger.fates();
        fates.get(Fate::Delivered) + fates.get(Fate::Redelivered)
    }

    /// Everything comes to a good end: both read all, the client closes, nothing is lost.
    pub fn end(mut self) -> Result<(), String> {
        for _ in 0..100 {
            self.listen()?;
            self.run(100)?;
        }
        let (client, network) = (&mut self.world.clients[0], &mut self.world.network);
        client.close(network)?;
        self.until("the client is closed", |world| world.clients[0].is_closed())?;
        self.run(3_600_000)?;
        self.listen()?;
        if !self.world.server.sessions().is_empty() {
            return Err("the server still has a session".to_owned());
        }
        self.world.network.ledger.check_end()
    }
}

/// That this is so, or what is wrong.
pub fn expect(is_so: bool, what: &str) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(what.to_owned()) }
}
