use std::collections::BTreeMap;

use bytes::Bytes;
use korinet_proto::v3::PushError;
use korinet_session::v3::{SendError, ServerSession};
use korinet_wire::v3::{Kind, Level, Role, Seq, SessionId};

use super::draw::Draw;
use super::link::Side;
use super::tally::{Fate, Fault};
use super::world::World;

/// What the applications of a world do: they send, read, and are done with what they read, in no
/// particular way.
#[derive(Debug, Clone, Default)]
pub struct Applications {
    clients: BTreeMap<usize, Desk>,
    sessions: BTreeMap<SessionId, Desk>,
    /// They send nothing more and read all that there is.
    pub are_finishing: bool,
}

/// What one application has to do.
#[derive(Debug, Clone, Default)]
struct Desk {
    /// Read and not done with.
    unfinished: Vec<(SessionId, Seq)>,
    stopped_until: u64,
}

impl Applications {
    /// The application of a client does something.
    pub fn act_client(&mut self, world: &mut World, index: usize) -> Result<(), String> {
        let now = world.network.micros();
        let desk = self.clients.entry(index).or_default();
        if world.clients[index].paused_until > now {
            return Ok(());
        }
        if !self.are_finishing {
            send_client(world, index)?;
            desk.tire(world);
        }
        let (client, network) = (&mut world.clients[index], &mut world.network);
        for _ in 0..desk.appetite(network.micros(), &mut network.draw, self.are_finishing) {
            let Some(delivery) = client.recv(network)? else {
                break;
            };
            desk.unfinished
                .push((delivery.session, delivery.message.seq));
        }
        while let Some(volatile) = client.session.recv_volatile() {
            check_volatile(&volatile.payload)?;
            network.ledger.count(Fate::Volatile);
        }
        for (session, seq) in desk.finish_some(&mut network.draw, self.are_finishing) {
            client.finish(network, session, seq)?;
        }
        if network.draw.one_in(8) {
            client.handle_timeout(network)?;
        }
        Ok(())
    }

    /// The application of a session of the server does something.
    pub fn act_server(&mut self, world: &mut World, id: SessionId) -> Result<(), String> {
        let now = world.network.micros();
        if world.server.paused_until > now {
            return Ok(());
        }
        let desk = self.sessions.entry(id).or_default();
        if !self.are_finishing {
            send_server(world, id)?;
            desk.tire(world);
        }
        let (server, network) = (&mut world.server, &mut world.network);
        for _ in 0..desk.appetite(network.micros(), &mut network.draw, self.are_finishing) {
            let Some(delivery) = server.recv(network, id)? else {
                break;
            };
            desk.unfinished
                .push((delivery.session, delivery.message.seq));
        }
        while let Some(volatile) = server.session(id).and_then(ServerSession::recv_volatile) {
            check_volatile(&volatile.payload)?;
            network.ledger.count(Fate::Volatile);
        }
        for (_, seq) in desk.finish_some(&mut network.draw, self.are_finishing) {
            server.finish(network, id, seq)?;
        }
        if network.draw.one_in(16) {
            check_queue(world, id)?;
        }
        Ok(())
    }

    /// A client was started again, and its application with it.
    pub fn forget_client(&mut self, index: usize) {
        self.clients.remove(&index);
    }
}

impl Desk {
    /// Now and then an application stops reading for a while.
    fn tire(&mut self, world: &mut World) {
        let network = &mut world.network;
        if network.draw.one_in(600) {
            self.stopped_until = network.micros() + network.draw.between(1, 60_000_000);
            network.fault(Fault::StoppedReader);
        }
    }

    fn appetite(&self, now: u64, draw: &mut Draw, is_finishing: bool) -> u64 {
        if is_finishing {
            return u64::MAX;
        }
        if now < self.stopped_until {
            return 0;
        }
        draw.below(5)
    }

    /// Some of what was read, in any order.
    fn finish_some(&mut self, draw: &mut Draw, is_finishing: bool) -> Vec<(SessionId, Seq)> {
        let all = self.unfinished.len() as u64;
        let count = if is_finishing {
            all
        } else {
            draw.below(all.min(3) + 1)
        };
        (0..count)
            .map(|_| {
                let index = draw.below(self.unfinished.len() as u64);
                self.unfinished.swap_remove(usize::try_from(index).unwrap())
            })
            .collect()
    }
}

fn send_client(world: &mut World, index: usize) -> Result<(), String> {
    let (client, network) = (&mut world.clients[index], &mut world.network);
    for _ in 0..network.draw.below(4) {
        let max = network.server_limits.message;
        let (kind, re, payload) = draw_message(&mut network.draw, &network.ledger, max);
        let sent = client.send(network, kind, re, payload)?;
        if !is_accepted(sent)? {
            break;
        }
    }
    if network.draw.one_in(10) {
        let payload = volatile(&mut network.draw);
        let raw = network.draw.one_in(2);
        // Too large for some windows, and without a connection it is dropped.
        let _ = client.session.send_volatile(raw, &payload);
        client.pump(network)?;
    }
    Ok(())
}

fn send_server(world: &mut World, id: SessionId) -> Result<(), String> {
    let (server, network) = (&mut world.server, &mut world.network);
    let Some(limits) = network.ledger.limits(id, Side::Server) else {
        return Ok(());
    };
    for _ in 0..network.draw.below(4) {
        if server.session(id).is_none() {
            return Ok(());
        }
        let message = draw_message(&mut network.draw, &network.ledger, limits.message);
        let sent = server.send(network, id, message)?;
        if !is_accepted(sent)? {
            break;
        }
    }
    if network.draw.one_in(10)
        && let Some(session) = server.session(id)
    {
        let payload = volatile(&mut network.draw);
        let _ = session.send_volatile(network.draw.one_in(2), &payload);
        server.pump(network, id)?;
    }
    Ok(())
}

/// A message that may be one byte too large.
fn draw_message(
    draw: &mut Draw,
    ledger: &super::ledger::Ledger,
    max: u32,
) -> (Kind, Option<Seq>, Bytes) {
    let role = draw.pick(&[
        Role::Message,
        Role::Message,
        Role::Request,
        Role::Response,
        Role::Error,
        Role::Item,
        Role::End,
        Role::Cancel,
        Role::Credit,
    ]);
    let kind = Kind {
        raw: draw.one_in(2),
        own: role.may_be_own() && draw.one_in(2),
        ..Kind::of(role)
    };
    let re = role
        .has_re()
        .then(|| Seq::new(draw.pick(&[1, 2, 7, 300])).unwrap());
    let most = u64::from(max) + u64::from(draw.one_in(16));
    let len = if draw.one_in(3) {
        most
    } else {
        draw.between(6, 24)
    };
    let payload = ledger.draft(kind, usize::try_from(len).unwrap());
    (kind, re, payload)
}

fn is_accepted(sent: Result<(), SendError>) -> Result<bool, String> {
    match sent {
        Ok(()) => Ok(true),
        Err(SendError::Closed | SendError::NotOpen) => Ok(false),
        Err(SendError::Push(PushError::Full { .. } | PushError::TooLarge { .. })) => Ok(false),
        Err(error) => Err(format!("a message is not accepted: {error}")),
    }
}

fn volatile(draw: &mut Draw) -> Vec<u8> {
    let mut payload = b"volatile".to_vec();
    payload.resize(8 + usize::try_from(draw.below(20)).unwrap(), b'!');
    payload
}

fn check_volatile(payload: &Bytes) -> Result<(), String> {
    if payload.starts_with(b"volatile") {
        return Ok(());
    }
    Err(format!("{payload:?} delivered as volatile"))
}

/// What waits to be read is at most two windows at the level `received`, one above it.
fn check_queue(world: &mut World, id: SessionId) -> Result<(), String> {
    let Some(limits) = world.network.ledger.limits(id, Side::Client) else {
        return Ok(());
    };
    let Some(session) = world.server.session(id) else {
        return Ok(());
    };
    let mut copy = session.clone();
    let waiting = std::iter::from_fn(|| copy.recv()).count();
    let windows = match world.network.ledger.level(id, Side::Client) {
        Some(Level::Received) => 2,
        _ => 1,
    };
    if waiting <= windows * limits.messages as usize {
        return Ok(());
    }
    Err(format!("{waiting} messages wait to be read in {id}"))
}
