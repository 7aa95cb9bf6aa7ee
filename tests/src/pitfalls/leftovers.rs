//! What an old connection leaves, and what was put into one, breaks.

use std::time::Duration;

use korinet_session::ConnectionError;
use korinet_session::v3::Event;
use korinet_wire::v3::{Ack, AttachNumber, Code, Features, Frame, Nonce, Seq};

use super::stage::{Setup, expect};
use crate::sim::conditions::{Conditions, Cut, How, Other};
use crate::sim::link::Side;
use crate::sim::network::Due;
use crate::sim::tally::{EventKind, Fate, Fault, FrameKind};

/// The end of an old connection that is heard of late kills the new one.
pub fn a_late_end_of_the_old_connection() -> Result<(), String> {
    for how in [How::Fin, How::Reset] {
        for from in [Side::Client, Side::Server] {
            let mut stage = Setup::default().attached()?;
            stage.say()?;
            stage.answer()?;
            let link = stage.link()?;
            let other = Other::Later(5_000_000);
            let cut = Cut {
                from,
                at: 0,
                how,
                other,
            };
            stage.world.network.cut_as(link, cut);
            stage.run(60_000)?;
            stage.attach()?;
            let resumed = stage.world.network.report.events.get(EventKind::Resumed);
            expect(resumed == 2, "it was not resumed once by both")?;
            stage.listen()?;
            expect(stage.delivered() == 2, "not each is delivered once")?;
            stage.end()?;
        }
    }
    Ok(())
}

/// Bytes of the old connection that come after the new one are taken for the new one's.
pub fn late_bytes_of_the_old_connection() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    let link = stage.link()?;
    let late = stage.world.network.micros() + 5_000_000;
    stage.world.network.pipe(link, Side::Client, |pipe| {
        pipe.due = Some(late);
    });
    stage
        .world
        .network
        .push_due(late, Due::Delivery(link, Side::Client));
    stage.say()?;
    stage.say()?;
    let now = stage.world.network.micros();
    stage
        .world
        .network
        .push_due(now, Due::Told(link, Side::Client, false));
    stage.run(1)?;
    stage.attach()?;
    stage.say()?;
    stage.run(60_000)?;
    let count = stage.world.network.report.faults.get(Fault::LateBytes);
    expect(count > 0, "no byte was late")?;
    stage.listen()?;
    expect(stage.delivered() == 3, "not each is delivered once")?;
    stage.end()
}

/// What was delivered before the cut is delivered again when it comes again.
pub fn a_duplicate_after_a_resume() -> Result<(), String> {
    let mut setup = Setup::default();
    // Never tampered with, but remembered.
    let remembering = Conditions {
        tamper: u64::MAX,
        ..Conditions::CALM
    };
    setup.sky = vec![remembering; 1];
    let mut stage = setup.attached()?;
    for _ in 0..3 {
        stage.say()?;
    }
    stage.run(10)?;
    stage.listen()?;
    let old = stage.link()?;
    let frames = stage.world.network.links[&old]
        .tap(Side::Client)
        .recent()
        .to_vec();
    expect(frames.len() == 3, "not all frames are remembered")?;
    stage.cut(How::Reset, Other::AtOnce)?;
    stage.attach()?;
    let link = stage.link()?;
    for frame in frames {
        stage.world.network.put(link, Side::Client, &frame);
        stage.run(10)?;
    }
    stage.say()?;
    stage.run(10)?;
    stage.listen()?;
    expect(stage.delivered() == 4, "not each is delivered once")?;
    expect(stage.link()? == link, "a duplicate has cost the connection")?;
    stage.end()
}

/// The rest of a frame is written to the new connection.
pub fn half_a_frame_is_never_continued() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    let at = |stage: &super::stage::Stage| {
        let link = stage.link().unwrap();
        stage.world.network.links[&link]
            .pipe(Side::Client)
            .delivered
    };
    for part in 0..30 {
        let link = stage.link()?;
        let delivered = at(&stage);
        if let Some(link) = stage.world.network.links.get_mut(&link) {
            link.conditions.cut = Some(Cut {
                from: Side::Client,
                at: delivered + part,
                how: How::Fin,
                other: Other::AtOnce,
            });
        }
        stage.say()?;
        stage.run(10)?;
        stage.attach()?;
        stage.run(10)?;
        stage.listen()?;
        expect(stage.delivered() == part + 1, "not each is delivered once")?;
    }
    stage.end()
}

/// An acknowledgement of what was never sent releases what was not taken.
pub fn an_acknowledgement_of_what_was_not_sent() -> Result<(), String> {
    let mut setup = Setup::processed();
    setup.client.settings.features = Features::NONE;
    let mut stage = setup.attached()?;
    stage.say()?;
    stage.run(10)?;
    let link = stage.link()?;
    let mut forged = Vec::new();
    let ack = Ack {
        next: Seq::new(3).unwrap(),
        digest: None,
    };
    Frame::Ack(ack).encode(&mut forged).unwrap();
    stage.world.network.put(link, Side::Server, &forged);
    stage.run(10)?;
    let (open, _) = stage.world.clients[0].session.in_flight();
    expect(open == 1, "it is believed")?;
    stage.attach()?;
    expect(stage.link()? != link, "the connection goes on")?;
    let refused = stage.world.network.ledger.fates().get(Fate::InDoubt);
    expect(refused == 0, "the session was lost")?;
    stage.end()
}

/// A peer that sends what costs it nothing keeps the other busy for ever (V3-46).
pub fn a_flood_of_frames_that_carry_nothing() -> Result<(), String> {
    for from in [Side::Client, Side::Server] {
        let mut stage = Setup::default().attached()?;
        stage.say()?;
        stage.answer()?;
        stage.run(10)?;
        let link = stage.link()?;
        let mut frame = Vec::new();
        Frame::Ping(Nonce(7)).encode(&mut frame).unwrap();
        let limit = stage.server.settings.max_control_frames as usize;
        stage
            .world
            .network
            .put(link, from, &frame.repeat(limit / 2));
        stage.run(10)?;
        expect(stage.link()? == link, "a few were too many")?;
        stage.told();
        stage.world.network.put(link, from, &frame.repeat(limit));
        stage.run(1_000)?;
        stage.attach()?;
        expect(stage.link()? != link, "the connection goes on")?;
        let told = stage.told();
        let is_told = told.iter().any(|event| match event {
            Event::Detached { reason, .. } => match reason {
                ConnectionError::Closed { code, .. } => *code == Code::CONTROL_FLOOD,
                ConnectionError::Violation(why) => why.code() == Code::CONTROL_FLOOD,
                _ => false,
            },
            _ => false,
        });
        expect(is_told, "it was not told why")?;
        stage.say()?;
        stage.run(10)?;
        stage.listen()?;
        expect(stage.delivered() == 3, "not each is delivered once")?;
        stage.end()?;
    }
    Ok(())
}

/// A HELLO that arrives after a later one takes the session back.
pub fn a_hello_that_arrives_late() -> Result<(), String> {
    for is_open in [true, false] {
        let slow = Conditions {
            latency: (30_000_000, 30_000_000),
            ..Conditions::CALM
        };
        let mut setup = Setup::default();
        // Longer than the client waits.
        setup.server.settings.handshake_timeout = Duration::from_secs(60);
        setup.sky = if is_open {
            vec![slow]
        } else {
            vec![Conditions::CALM, slow]
        };
        let mut stage = setup.raise()?;
        if !is_open {
            stage.attach()?;
            stage.cut(How::Reset, Other::AtOnce)?;
        }
        // The handshake takes too long, so there is another attempt before the HELLO arrives.
        stage.run(20_000)?;
        stage.attach()?;
        let last = stage.link()?;
        stage.say()?;
        stage.run(60_000)?;
        expect(
            stage.world.network.report.frames.get(FrameKind::Reject) == 1,
            "no HELLO was refused",
        )?;
        let id = stage.session()?;
        let owner = stage.world.server.link_of(id);
        expect(owner == Some(last), "the late HELLO has the session")?;
        let attached = stage.world.server.session(id).and_then(|s| s.attached());
        expect(
            attached > Some(AttachNumber::FIRST),
            "it is the first attempt",
        )?;
        stage.end()?;
    }
    Ok(())
}
