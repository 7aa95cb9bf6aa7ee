//! What breaks where a session comes to its end.

use std::time::Duration;

use korinet_proto::v3::GoAway;
use korinet_session::v3::{Ending, Event, OnLost};
use korinet_session::{ConnectionError, Loss, SessionError};
use korinet_wire::v3::{Code, Level};

use super::stage::{Setup, Stage, expect};
use crate::sim::conditions::{Conditions, Connect, How, Other};
use crate::sim::tally::{Fate, FrameKind};

/// A HELLO that arrives at the very moment at which the session expires: both sides have to agree on
/// what became of it.
pub fn a_resume_at_the_moment_of_the_expiry() -> Result<(), String> {
    for is_resume_first in [true, false] {
        let mut setup = Setup::default();
        setup.server.settings.expiry = Duration::from_secs(10);
        setup.sky = vec![Conditions::CALM];
        let mut stage = setup.attached()?;
        stage.say()?;
        stage.run(10)?;
        stage.listen()?;
        stage.world.are_timers_late = is_resume_first;
        let id = stage.session()?;
        stage.cut(How::Reset, Other::AtOnce)?;
        stage.say()?;
        let session = stage.world.server.session(id).ok_or("no session")?;
        let expires_at = session.poll_timeout().ok_or("it never expires")?;
        let at = stage.world.network.micros_of(expires_at);
        // The HELLO takes a millisecond.
        let now = stage.world.network.micros();
        let dials_at = stage.world.clients[0]
            .next_timeout(&stage.world.network)
            .ok_or("the client does not come back")?;
        expect(dials_at >= now && dials_at + 1000 < at, "it is too late")?;
        stage.world.network.sky = crate::sim::sky::Sky::Scripted(
            vec![Conditions {
                connect: Connect::After(at - 1000 - dials_at),
                ..Conditions::CALM
            }]
            .into(),
        );
        // Longer than the client waits for a connection.
        stage.world.run_for(Duration::from_secs(30))?;
        stage.attach()?;
        let is_lost = stage
            .told()
            .iter()
            .any(|event| matches!(event, Event::Lost { .. }));
        expect(is_lost != is_resume_first, "the wrong one has won")?;
        stage.end()?;
    }
    Ok(())
}

fn loss_of(events: &[Event]) -> Option<&Loss> {
    events.iter().find_map(|event| match event {
        Event::Lost { why, .. } => Some(why),
        _ => None,
    })
}

fn ending_of(events: &[Event]) -> Option<&Ending> {
    events.iter().find_map(|event| match event {
        Event::Closed { why, .. } => Some(why),
        _ => None,
    })
}

/// Of a session that is over the client does not learn what was taken, and sends it again.
pub fn a_tombstone_says_what_was_taken() -> Result<(), String> {
    // Expired: three messages are taken, but no acknowledgement has arrived.
    let mut setup = Setup::default();
    setup.server.settings.expiry = Duration::from_secs(10);
    let mut stage = setup.attached()?;
    for _ in 0..3 {
        stage.say()?;
    }
    let link = stage.link()?;
    let world = &mut stage.world;
    world
        .network
        .pipe(link, crate::sim::link::Side::Server, |pipe| {
            pipe.fall_silent()
        });
    stage.run(2)?;
    stage.cut(How::Reset, Other::AtOnce)?;
    stage.say()?;
    stage.world.network.sky = crate::sim::sky::Sky::Scripted(
        vec![
            Conditions {
                connect: Connect::Fails(9_000_000),
                ..Conditions::CALM
            };
            2
        ]
        .into(),
    );
    stage.run(60_000)?;
    stage.attach()?;
    let told = stage.told();
    let Some(Event::Lost { why, resent, .. }) = told
        .iter()
        .find(|event| matches!(event, Event::Lost { .. }))
    else {
        return Err(format!("no loss in {told:?}"));
    };
    let is_expired = matches!(why, Loss::Refused { code, .. } if *code == Code::SESSION_EXPIRED);
    expect(is_expired, "it did not expire")?;
    expect(*resent == 1, "what was taken is sent again")?;
    stage.end()
}

/// What a server took and told by its last words only is in doubt for a client that has missed them.
pub fn the_last_words_of_a_server_are_missed() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    stage.say()?;
    stage.run(10)?;
    let (id, link) = (stage.session()?, stage.link()?);
    stage
        .world
        .network
        .pipe(link, crate::sim::link::Side::Server, |pipe| {
            pipe.fall_silent()
        });
    stage.say()?;
    stage.run(10)?;
    let world = &mut stage.world;
    world.server.close(&mut world.network, id)?;
    stage.run(10)?;
    stage.cut(How::Reset, Other::AtOnce)?;
    stage.run(10_000)?;
    let told = stage.told();
    let why = ending_of(&told);
    let is_ended = matches!(why, Some(Ending::Peer { code, .. }) if *code == Code::SESSION_ENDED);
    expect(is_ended, "the client does not know that it was closed")?;
    let in_doubt = stage.world.network.ledger.fates().get(Fate::InDoubt);
    expect(in_doubt == 0, "what was taken is in doubt")?;
    stage.listen()?;
    stage.world.network.ledger.check_end()
}

/// A restarted server knows nothing: the client's policy decides, and nothing goes unsaid.
pub fn a_server_that_was_restarted() -> Result<(), String> {
    for on_lost in [OnLost::Resend, OnLost::Fresh, OnLost::Fail] {
        let mut setup = Setup::processed();
        setup.client.on_lost = on_lost;
        let mut stage = setup.attached()?;
        stage.say()?;
        stage.say()?;
        stage.run(10)?;
        // The first one is handled; the server dies before its acknowledgement is on its way.
        let id = stage.session()?;
        let world = &mut stage.world;
        world.server.recv(&mut world.network, id)?;
        world.restart_server(1_000_000, stage.server.clone());
        stage.run(60_000)?;
        let told = stage.told();
        let fates = |stage: &Stage, fate| stage.world.network.ledger.fates().get(fate);
        stage.listen()?;
        match on_lost {
            OnLost::Resend => {
                let loss = loss_of(&told).ok_or("no loss was told")?;
                let is_unknown =
                    matches!(loss, Loss::Refused { code, .. } if *code == Code::SESSION_UNKNOWN);
                expect(is_unknown, "not for that reason")?;
                expect(fates(&stage, Fate::Redelivered) == 1, "not redelivered")?;
                expect(fates(&stage, Fate::InDoubt) == 0, "in doubt")?;
                stage.end()?;
            }
            OnLost::Fresh => {
                expect(loss_of(&told).is_some(), "no loss was told")?;
                expect(fates(&stage, Fate::InDoubt) == 2, "not handed back")?;
                stage.end()?;
            }
            OnLost::Fail => {
                let why = ending_of(&told);
                let is_lost = matches!(why, Some(Ending::Error(SessionError::Lost(_))));
                expect(is_lost, "it has not failed")?;
                expect(fates(&stage, Fate::InDoubt) == 2, "not handed back")?;
            }
        }
    }
    Ok(())
}

/// A server that takes smaller messages than the one before: what does not fit comes back.
pub fn a_restarted_server_that_takes_less() -> Result<(), String> {
    let mut setup = Setup::processed();
    setup.client.level = Level::Processed;
    let mut stage = setup.attached()?;
    stage.say()?;
    stage.run(10)?;
    let mut smaller = stage.server.clone();
    smaller.settings.limits.message = 4;
    stage.world.restart_server(0, smaller);
    stage.run(10_000)?;
    stage.attach()?;
    let told = stage.told();
    let is_too_large = told.iter().any(|event| {
        matches!(event, Event::Lost { why: Loss::TooLarge { .. }, in_doubt, .. } if in_doubt.len() == 1)
    });
    expect(is_too_large, "it was not told")?;
    stage.end()
}

/// A server that asks for time is asked again before it is over.
pub fn a_wait_that_was_asked_for() -> Result<(), String> {
    for (asked, least, most) in [
        (Duration::from_secs(3), 3, 5),
        // Nobody is kept away for ever.
        (Duration::MAX, 60, 62),
    ] {
        let mut stage = Setup::default().attached()?;
        let refusal = (Code::OVERLOADED, Some(asked));
        stage.world.server.refusals.push(refusal);
        stage.cut(How::Reset, Other::AtOnce)?;
        let before = stage.world.network.now();
        stage.until("the client was refused", |world| {
            world.network.report.frames.get(FrameKind::Reject) == 1
        })?;
        stage.attach()?;
        let waited = (stage.world.network.now() - before).as_secs();
        expect((least..most).contains(&waited), "it has not waited so long")?;
        stage.end()?;
    }
    Ok(())
}

/// A client that is sent away comes back at once, or not at all.
pub fn a_server_that_drains() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    stage.say()?;
    let (id, link) = (stage.session()?, stage.link()?);
    let go_away = GoAway {
        code: Code::DRAINING,
        text: String::new(),
        deadline: Duration::from_secs(1),
        retry_after: Some(Duration::from_secs(5)),
        addresses: Vec::new(),
    };
    let world = &mut stage.world;
    world.server.go_away(&mut world.network, id, go_away)?;
    stage.run(100)?;
    expect(stage.world.clients[0].is_attached(), "it has left too soon")?;
    let world = &mut stage.world;
    world.server.detach(&mut world.network, id)?;
    stage.say()?;
    stage.run(4_000)?;
    expect(stage.link()? == link, "it has come back too soon")?;
    stage.run(4_000)?;
    stage.attach()?;
    expect(stage.session()? == id, "it is another session")?;
    let told = stage.told();
    let is_told = told.iter().any(|event| {
        matches!(event, Event::Detached { reason: ConnectionError::Closed { code, .. }, .. } if *code == Code::DRAINING)
    });
    expect(is_told, "it was not told why")?;
    stage.end()
}
