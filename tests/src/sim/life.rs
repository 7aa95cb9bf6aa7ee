use std::collections::BTreeMap;
use std::time::Duration;

use korinet_wire::v3::SessionId;

use super::applications::Applications;
use super::draw::Draw;
use super::mischief;
use super::plan::Plan;
use super::report::Report;
use super::settings::Setup;
use super::sky::{Climate, Sky};
use super::verdict::Verdict;
use super::world::{Step, World};

/// The history of one world, from the first connection to the end of the last session.
#[derive(Debug)]
pub struct Life {
    world: World,
    setup: Setup,
    applications: Applications,
    verdict: Verdict,
    /// Which session of each client is being closed.
    closing: BTreeMap<usize, Option<SessionId>>,
}

const SERVER: u32 = u32::MAX;
const MISCHIEF: u32 = u32::MAX - 1;
const SECOND: u64 = 1_000_000;
/// How long it may take for all to be well again when nothing happens any more.
const PATIENCE: u64 = 600 * SECOND;

impl Life {
    /// A world with a server and some clients.
    pub fn new(seed: u64, plan: &Plan) -> Result<Self, String> {
        let mut draw = Draw::new(seed);
        let setup = Setup::draw(&mut draw);
        let sky = Sky::Wild(Climate {
            tampers: draw.one_in(2),
            has_impostors: draw.one_in(2),
            longest_stall: draw.pick(&[SECOND, 40 * SECOND]),
        });
        let config = setup.server(&mut draw);
        let mut world = World::new(draw.seed(), sky, config, plan.trace);
        world.are_timers_late = draw.one_in(2);
        for index in 0..setup.clients {
            let config = setup.client(&mut world.network.draw);
            world.add_client(config, setup.is_secured)?;
            world.network.wake_after(0, u32::try_from(index).unwrap());
        }
        world.network.wake_after(0, SERVER);
        world.network.wake_after(0, MISCHIEF);
        Ok(Self {
            verdict: Verdict::new(setup.memory()),
            applications: Applications::default(),
            closing: BTreeMap::new(),
            world,
            setup,
        })
    }

    /// All of it.
    pub fn run(&mut self, plan: &Plan) -> Result<(), String> {
        const LONGEST: u64 = 3600 * SECOND;
        while self.world.network.report.injected() < plan.faults
            && self.world.network.micros() < LONGEST
        {
            self.step()?;
        }
        self.calm_down();
        self.run_until("all is delivered and acknowledged", Self::is_drained)?;
        self.run_until("all sessions are closed", Self::is_over)?;
        self.read_all()?;
        self.world.network.ledger.check_end()
    }

    fn step(&mut self) -> Result<(), String> {
        match self.world.step()? {
            Step::Done => {}
            Step::Idle => return Err("nothing will ever happen again".to_owned()),
            Step::Woken(token) => self.wake(token)?,
        }
        self.verdict.judge(&mut self.world)
    }

    fn wake(&mut self, token: u32) -> Result<(), String> {
        let world = &mut self.world;
        let most = world.network.draw.pick(&[1000, 100_000, SECOND]);
        let wait = world.network.draw.between(1, most);
        match token {
            SERVER => {
                let mut sessions = world.server.sessions();
                sessions.extend(world.server.over());
                if !sessions.is_empty() {
                    let id = world.network.draw.pick(&sessions);
                    self.applications.act_server(world, id)?;
                }
                world.network.wake_after(wait / 2, SERVER);
            }
            MISCHIEF => {
                if self.applications.are_finishing {
                    return Ok(());
                }
                mischief::act(world, &mut self.applications, &self.setup)?;
                world.network.wake_after(5 * wait, MISCHIEF);
            }
            client => {
                self.wake_client(client)?;
                self.world.network.wake_after(wait, client);
            }
        }
        Ok(())
    }

    /// A client whose session is over is started again.
    fn wake_client(&mut self, client: u32) -> Result<(), String> {
        let index = usize::try_from(client).unwrap();
        self.applications.act_client(&mut self.world, index)?;
        if self.world.clients[index].is_closed() && !self.applications.are_finishing {
            self.verdict.judge(&mut self.world)?;
            while self.world.clients[index]
                .recv(&mut self.world.network)?
                .is_some()
            {}
            self.applications.forget_client(index);
            let config = self.setup.client(&mut self.world.network.draw);
            self.world
                .restart_client(index, config, self.setup.is_secured)?;
        }
        Ok(())
    }

    fn calm_down(&mut self) {
        self.world.network.note(format_args!("the faults end"));
        self.applications.are_finishing = true;
        self.world.network.calm_down(self.setup.has_keep_alive());
        self.world.server.paused_until = 0;
        self.world.server.refusals.clear();
        for client in &mut self.world.clients {
            client.paused_until = 0;
        }
    }

    fn run_until(
        &mut self,
        what: &str,
        is_reached: fn(&mut Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let deadline = self.world.network.micros() + PATIENCE;
        while !is_reached(self)? {
            if self.world.network.micros() > deadline {
                return Err(format!("not true after ten minutes: {what}"));
            }
            self.step()?;
        }
        Ok(())
    }

    fn is_drained(&mut self) -> Result<bool, String> {
        for index in 0..self.world.clients.len() {
            let client = &self.world.clients[index];
            if client.is_closed() {
                continue;
            }
            let session = client.session.session();
            if !client.is_attached() || client.session.in_flight().0 > 0 {
                return Ok(false);
            }
            let served = session.and_then(|id| self.world.server.session(id));
            if served.is_none_or(|session| session.in_flight().0 > 0) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// One side or the other closes a session; another one, too, that comes after it.
    fn close(&mut self, index: usize) -> Result<(), String> {
        let network = &mut self.world.network;
        let session = self.world.clients[index].session.session();
        if self.closing.insert(index, session) == Some(session) {
            return Ok(());
        }
        match session {
            Some(id) if network.draw.one_in(2) => self.world.server.close(network, id),
            _ => self.world.clients[index].close(network),
        }
    }

    fn is_over(&mut self) -> Result<bool, String> {
        let mut are_closed = true;
        for index in 0..self.world.clients.len() {
            let client = &self.world.clients[index];
            are_closed &= client.is_closed();
            if client.is_attached() {
                self.close(index)?;
            }
        }
        Ok(are_closed && self.world.server.sessions().is_empty())
    }

    fn read_all(&mut self) -> Result<(), String> {
        let world = &mut self.world;
        for client in &mut world.clients {
            while client.recv(&mut world.network)?.is_some() {}
        }
        let over: Vec<SessionId> = world.server.over();
        for id in over {
            while world.server.recv(&mut world.network, id)?.is_some() {}
        }
        Ok(())
    }

    /// What was counted.
    #[must_use]
    pub fn report(&self) -> Report {
        let network = &self.world.network;
        Report {
            worlds: 1,
            virtual_time: Duration::from_micros(network.micros()),
            fates: network.ledger.fates().clone(),
            hash: network.trace.hash(),
            ..network.report.clone()
        }
    }

    /// What happened, as text.
    #[must_use]
    pub fn trace(&self) -> &str {
        self.world.network.trace.text()
    }
}
