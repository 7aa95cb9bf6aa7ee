use std::time::Duration;

use bytes::Bytes;
use korinet_proto::v3::GoAway;
use korinet_wire::v3::{AttachNumber, Code};

use super::applications::Applications;
use super::attacker;
use super::settings::Setup;
use super::tally::Fault;
use super::world::World;

const SECOND: u64 = 1_000_000;

/// Does something to a process or a session that is none of the network's doings.
pub fn act(
    world: &mut World,
    applications: &mut Applications,
    setup: &Setup,
) -> Result<(), String> {
    match world.network.draw.below(60) {
        0 => restart_server(world, setup),
        1 | 2 => restart_client(world, applications, setup)?,
        3 => pause(world),
        4..=7 => refuse(world),
        8..=21 => attack(world, setup.is_secured),
        22..=29 => drain(world)?,
        30 => close_somewhere(world)?,
        _ => {}
    }
    Ok(())
}

fn restart_server(world: &mut World, setup: &Setup) {
    world.network.fault(Fault::ServerRestart);
    let downtime = world.network.draw.pick(&[0, SECOND, 20 * SECOND]);
    let config = setup.server(&mut world.network.draw);
    world.restart_server(downtime, config);
}

fn restart_client(
    world: &mut World,
    applications: &mut Applications,
    setup: &Setup,
) -> Result<(), String> {
    let index = draw_client(world);
    if !world.clients[index].is_closed() {
        world.network.fault(Fault::ClientRestart);
    }
    let config = setup.client(&mut world.network.draw);
    applications.forget_client(index);
    world.restart_client(index, config, setup.is_secured)
}

fn draw_client(world: &mut World) -> usize {
    let count = world.clients.len() as u64;
    usize::try_from(world.network.draw.below(count)).unwrap()
}

/// As a laptop that sleeps, or a machine that swaps.
fn pause(world: &mut World) {
    let most = world.network.draw.pick(&[SECOND, 40 * SECOND]);
    let until = world.network.micros() + world.network.draw.between(1, most);
    if world.network.draw.one_in(2) {
        world.network.fault(Fault::ServerPause);
        world.server.paused_until = until;
    } else {
        world.network.fault(Fault::ClientPause);
        let index = draw_client(world);
        world.clients[index].paused_until = until;
    }
}

fn refuse(world: &mut World) {
    let draw = &mut world.network.draw;
    let code = draw.pick(&[
        Code::OVERLOADED,
        Code::DRAINING,
        Code::STARTING,
        Code::INTERNAL,
    ]);
    let retry_after = draw.pick(&[None, Some(Duration::from_secs(3)), Some(Duration::MAX)]);
    world.server.refusals.push((code, retry_after));
}

fn attack(world: &mut World, is_secured: bool) {
    let draw = &mut world.network.draw;
    let (fault, bytes) = match draw.below(3) {
        0 => {
            let sessions = world.server.sessions();
            if sessions.is_empty() {
                return;
            }
            let session = draw.pick(&sessions);
            let attach = AttachNumber::new(draw.between(1, 1000)).unwrap();
            let name = draw.pick(&["client 0", "client 1", "nobody"]);
            (Fault::StolenId, attacker::stolen(session, attach, name))
        }
        1 => match draw_recorded(world) {
            None => return,
            Some(bytes) => (Fault::ReplayedHello, bytes.to_vec()),
        },
        _ => {
            match draw_recorded(world).and_then(|bytes| attacker::renamed(&bytes, "somebody else"))
            {
                None => return,
                Some(bytes) => (Fault::WrongPrincipal, bytes),
            }
        }
    };
    attacker::dial(&mut world.network, fault, bytes, is_secured);
}

/// Mostly one of the last.
fn draw_recorded(world: &mut World) -> Option<Bytes> {
    let recorded = &world.network.recorded;
    let last = recorded.len().checked_sub(1)?;
    let most = world.network.draw.pick(&[2, 10, 1000]);
    let back = world.network.draw.below(most.min(recorded.len() as u64));
    Some(recorded[last - usize::try_from(back).unwrap()].clone())
}

/// The server sends a client away, in good order or in a hurry.
fn drain(world: &mut World) -> Result<(), String> {
    let sessions = world.server.sessions();
    if sessions.is_empty() {
        return Ok(());
    }
    world.network.fault(Fault::Drain);
    let id = world.network.draw.pick(&sessions);
    let go_away = GoAway {
        code: Code::DRAINING,
        text: "moving".to_owned(),
        deadline: Duration::from_secs(5),
        retry_after: world
            .network
            .draw
            .pick(&[None, Some(Duration::from_secs(2))]),
        addresses: vec!["elsewhere:1".to_owned()],
    };
    world.server.go_away(&mut world.network, id, go_away)?;
    if world.network.draw.one_in(2) {
        world.server.detach(&mut world.network, id)?;
    }
    Ok(())
}

fn close_somewhere(world: &mut World) -> Result<(), String> {
    let sessions = world.server.sessions();
    if !sessions.is_empty() && world.network.draw.one_in(2) {
        let id = world.network.draw.pick(&sessions);
        return world.server.close(&mut world.network, id);
    }
    let index = draw_client(world);
    world.clients[index].close(&mut world.network)
}
