//! What breaks where one connection follows another.

use std::time::Duration;

use korinet_session::Backoff;
use korinet_wire::v3::Limits;

use super::stage::{Setup, expect};
use crate::sim::conditions::{Cut, How, Other};
use crate::sim::link::Side;
use crate::sim::tally::EventKind;

/// Counters that begin anew with each connection.
pub fn resume_twice_in_a_row() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    let session = stage.session()?;
    for how in [How::Fin, How::Reset] {
        stage.say()?;
        stage.answer()?;
        stage.cut(how, Other::AtOnce)?;
        stage.say()?;
        stage.answer()?;
        stage.attach()?;
    }
    expect(stage.session()? == session, "it is another session")?;
    stage.run(10)?;
    stage.listen()?;
    expect(stage.delivered() == 8, "not all is delivered")?;
    stage.end()
}

/// A resume that works a few times only, or not so soon.
pub fn a_thousand_resumes_without_a_pause() -> Result<(), String> {
    let mut setup = Setup::default();
    setup.client.backoff = Backoff::new(Duration::ZERO, Duration::ZERO, 1);
    let mut stage = setup.attached()?;
    let session = stage.session()?;
    for _ in 0..1000 {
        stage.say()?;
        let link = stage.link()?;
        let cut = Cut {
            from: Side::Client,
            at: 0,
            how: How::Reset,
            other: Other::AtOnce,
        };
        stage.world.network.cut_as(link, cut);
        while stage.link()? == link {
            stage.world.step()?;
        }
        stage.attach()?;
        stage.listen()?;
    }
    expect(stage.session()? == session, "it is another session")?;
    let resumed = stage.world.network.report.events.get(EventKind::Resumed);
    expect(resumed == 2000, "not each of them was a resume")?;
    stage.end()
}

/// What was received and not handled yet counts twice, or is lost, when the connection is cut.
pub fn a_cut_between_receiving_and_handling() -> Result<(), String> {
    for setup in [Setup::default(), Setup::processed()] {
        let is_processed = setup.client.level > korinet_wire::v3::Level::Received;
        let mut stage = setup.attached()?;
        stage.say()?;
        stage.say()?;
        stage.run(10)?;
        let id = stage.session()?;
        let world = &mut stage.world;
        let read = world.server.recv(&mut world.network, id)?;
        let first = read.ok_or("nothing was received")?.message.seq;
        stage.cut(How::Reset, Other::AtOnce)?;
        stage.attach()?;
        stage.run(10)?;
        let open = stage.world.clients[0].session.in_flight().0;
        expect(
            open == if is_processed { 2 } else { 0 },
            "acknowledged by a cut",
        )?;
        let world = &mut stage.world;
        world.server.finish(&mut world.network, id, first)?;
        stage.listen()?;
        expect(stage.delivered() == 2, "not each is delivered once")?;
        stage.end()?;
    }
    Ok(())
}

/// After a long silence something has been thrown away that a resume needs.
pub fn idle_for_hours_then_cut() -> Result<(), String> {
    for keep_alive in [Duration::ZERO, Duration::from_secs(15)] {
        let mut setup = Setup::default();
        setup.client.settings.keep_alive = keep_alive;
        setup.server.settings.keep_alive = keep_alive;
        let mut stage = setup.attached()?;
        stage.say()?;
        stage.answer()?;
        stage.run(10)?;
        stage.listen()?;
        stage.run(6 * 3_600_000)?;
        expect(stage.told().len() == 2, "something was told meanwhile")?;
        stage.cut(How::Fin, Other::AtOnce)?;
        stage.say()?;
        stage.attach()?;
        stage.run(10)?;
        stage.listen()?;
        expect(stage.delivered() == 3, "not each is delivered once")?;
        stage.end()?;
    }
    Ok(())
}

/// What is not sent again confuses the count of what is.
pub fn numbered_and_volatile_mixed() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    for round in 0..20 {
        stage.say()?;
        let world = &mut stage.world;
        let client = &mut world.clients[0];
        let _ = client.session.send_volatile(true, b"volatile");
        client.pump(&mut world.network)?;
        if round % 3 == 0 {
            stage.cut(How::Reset, Other::AtOnce)?;
        }
        if round % 2 == 0 {
            stage.attach()?;
        }
    }
    stage.attach()?;
    stage.run(10)?;
    stage.listen()?;
    expect(stage.delivered() == 20, "not each is delivered once")?;
    let id = stage.session()?;
    let session = stage.world.server.session(id).ok_or("no session")?;
    let volatile = std::iter::from_fn(|| session.recv_volatile()).count();
    expect(volatile <= 20, "more than was sent")?;
    stage.end()
}

/// One peer that reads nothing holds up the others, or makes the server hold more and more.
pub fn one_stalled_peer_among_a_hundred() -> Result<(), String> {
    let setup = Setup::default();
    let mut stage = setup.clone().attached()?;
    for _ in 1..100 {
        stage.world.add_client(setup.client.clone(), false)?;
    }
    stage.run(100)?;
    let stalled = stage.world.clients[0].session.session();
    let sent = 5;
    for _ in 0..sent {
        for id in stage.world.server.sessions() {
            let world = &mut stage.world;
            let payload = world
                .network
                .ledger
                .draft(korinet_wire::v3::Kind::RAW, 1000);
            let message = (korinet_wire::v3::Kind::RAW, None, payload);
            let sent = world.server.send(&mut world.network, id, message)?;
            expect(sent.is_ok() || Some(id) == stalled, "no room")?;
        }
        stage.run(50)?;
        let world = &mut stage.world;
        for client in world.clients.iter_mut().skip(1) {
            while client.recv(&mut world.network)?.is_some() {}
        }
    }
    expect(
        stage.delivered() == 99 * sent,
        "the others were not served at once",
    )?;
    stage.run(3_600_000)?;
    stage.listen()?;
    expect(
        stage.delivered() == 100 * sent,
        "the stalled one was forgotten",
    )
}

/// Both sides wait for the other's acknowledgement while neither can write its own.
pub fn two_full_windows() -> Result<(), String> {
    let mut setup = Setup::default();
    let limits = Limits {
        messages: 1,
        bytes: 1,
        message: 100,
    };
    setup.client.settings.limits = limits;
    setup.server.settings.limits = limits;
    let mut stage = setup.attached()?;
    let mut sent = 0;
    for round in 0..200 {
        sent += u64::from(stage.say().is_ok()) + u64::from(stage.answer().is_ok());
        stage.run(3)?;
        if round % 3 == 0 {
            stage.listen()?;
        }
    }
    expect(sent > 100, "hardly anything was accepted")?;
    stage.end()
}

/// A message that is sent at any moment of coming back is lost or out of order.
pub fn a_message_at_every_step_of_coming_back() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    for _ in 0..20 {
        let link = stage.link()?;
        stage.cut(How::Reset, Other::AtOnce)?;
        while stage.link()? == link || !stage.world.clients[0].is_attached() {
            stage.say()?;
            stage.answer()?;
            stage.world.step()?;
        }
        stage.run(10)?;
        stage.listen()?;
    }
    stage.end()
}

/// A pause of one side, as of a laptop that sleeps: it wakes as if no time had gone by.
pub fn a_long_pause_of_one_side() -> Result<(), String> {
    for is_client in [true, false] {
        let mut setup = Setup::default();
        setup.client.give_up = Duration::from_secs(7200);
        setup.client.settings.expiry = Duration::from_secs(7200);
        setup.server.settings.expiry = Duration::from_secs(7200);
        let mut stage = setup.attached()?;
        let session = stage.session()?;
        stage.say()?;
        stage.answer()?;
        let until = stage.world.network.micros() + 3_600_000_000;
        if is_client {
            stage.world.clients[0].paused_until = until;
        } else {
            stage.world.server.paused_until = until;
        }
        stage.run(2 * 3_600_000)?;
        stage.attach()?;
        expect(stage.session()? == session, "it is another session")?;
        stage.listen()?;
        expect(stage.delivered() == 2, "not each is delivered once")?;
        stage.end()?;
    }
    Ok(())
}
