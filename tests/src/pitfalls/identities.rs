//! What breaks where somebody is not the one it seems to be.

use std::time::Duration;

use korinet_session::v3::{Ending, Event};
use korinet_session::{Loss, SessionError};
use korinet_wire::v3::{AttachNumber, Features};

use super::stage::{Setup, Stage, expect};
use crate::sim::attacker;
use crate::sim::client::ClientNode;
use crate::sim::conditions::{Conditions, Cut, Host, How, Other};
use crate::sim::draw::Draw;
use crate::sim::link::Side;
use crate::sim::tally::{EventKind, Fate, Fault};

/// Two copies of one client take the session from each other, for ever.
pub fn two_copies_of_one_client() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    stage.say()?;
    stage.run(10)?;
    stage.listen()?;
    let copy = stage.world.copy_client(0)?;
    stage.run(3_600_000)?;
    let told = stage.told();
    let is_taken_over = matches!(
        told.last(),
        Some(Event::Closed {
            why: Ending::Error(SessionError::TakenOver),
            ..
        })
    );
    expect(is_taken_over, "the first one goes on")?;
    let resumed = stage.world.network.report.events.get(EventKind::Resumed);
    expect(resumed == 2, "the session went to and fro")?;
    expect(stage.world.clients[copy].is_attached(), "both are gone")?;
    let world = &mut stage.world;
    world.clients[copy].close(&mut world.network)?;
    stage.run(10_000)?;
    expect(stage.world.clients[copy].is_closed(), "it cannot be closed")?;
    stage.world.network.ledger.check_end()
}

/// The client is what it was, as from a backup of its memory; its connection is gone.
fn set_back(stage: &mut Stage, before: ClientNode) -> Result<(), String> {
    stage.world.clients[0].hang_up(&mut stage.world.network);
    stage.world.clients[0] = before;
    stage.world.clients[0].lose_connection(&mut stage.world.network)
}

/// A client that was set back, after its first life had gone on: its new messages would be taken for
/// those that the server has already.
pub fn a_client_that_was_set_back() -> Result<(), String> {
    for (features, is_another_sent) in [
        (Features::CHECKSUM, true),
        (Features::CHECKSUM, false),
        (Features::NONE, false),
    ] {
        let mut setup = Setup::default();
        setup.client.settings.features = features;
        let mut stage = setup.attached()?;
        stage.say()?;
        stage.run(10)?;
        stage.listen()?;
        let before = stage.world.clients[0].clone();
        stage.say()?;
        stage.run(10)?;
        stage.listen()?;
        set_back(&mut stage, before)?;
        if is_another_sent {
            stage.say()?;
        }
        stage.run(10_000)?;
        stage.attach()?;
        if !is_another_sent {
            stage.say()?;
        }
        let told = stage.told();
        let is_found_out = told.iter().any(|event| match event {
            Event::Lost { why, .. } => match why {
                Loss::Discontinuity(_) => is_another_sent,
                Loss::Refused { .. } => true,
                _ => false,
            },
            _ => false,
        });
        expect(is_found_out, "nobody has noticed")?;
        stage.end()?;
    }
    Ok(())
}

/// A client that was set back, while nothing was sent since, goes on; it only has lost count.
pub fn a_client_that_lost_count() -> Result<(), String> {
    let mut stage = Setup::default().attached()?;
    let before = stage.world.clients[0].clone();
    for _ in 0..5 {
        stage.cut(How::Reset, Other::AtOnce)?;
        stage.attach()?;
    }
    set_back(&mut stage, before)?;
    stage.run(10_000)?;
    stage.attach()?;
    let is_lost = stage
        .told()
        .iter()
        .any(|event| matches!(event, Event::Lost { .. }));
    expect(!is_lost, "the session is lost")?;
    stage.say()?;
    stage.end()
}

/// An `open` whose answer was lost, cut at any byte of it, leaves a session that nobody has.
pub fn an_open_whose_answer_was_lost() -> Result<(), String> {
    for is_secured in [true, false] {
        for at in 0..200 {
            let cut = Cut {
                from: Side::Server,
                at,
                how: How::Reset,
                other: Other::AtOnce,
            };
            let setup = Setup {
                is_secured,
                sky: vec![Conditions::with_cut(cut)],
                ..Setup::default()
            };
            let mut stage = setup.raise()?;
            stage.run(1000)?;
            stage.attach()?;
            stage.session()?;
            stage.say()?;
            stage.answer()?;
            stage.run(100)?;
            stage.listen()?;
            expect(stage.delivered() == 2, "not each is delivered once")?;
        }
    }
    Ok(())
}

/// What an attacker does changes nothing for the client.
fn attacked(
    is_secured: bool,
    fault: Fault,
    attack: impl FnOnce(&mut Stage) -> Result<Vec<u8>, String>,
) -> Result<(), String> {
    let setup = Setup {
        is_secured,
        ..Setup::default()
    };
    let mut stage = setup.attached()?;
    let bytes = attack(&mut stage)?;
    let link = stage.link()?;
    let _ = stage.told();
    // Nothing was said yet, so that whatever the attacker says of positions is right.
    attacker::dial(&mut stage.world.network, fault, bytes, is_secured);
    stage.run(10_000)?;
    stage.say()?;
    stage.answer()?;
    stage.run(10_000)?;
    expect(
        stage.world.network.report.faults.get(fault) == 1,
        "there was no attack",
    )?;
    expect(stage.told().is_empty(), "the client has noticed")?;
    let link_now = stage.link()?;
    expect(link_now == link, "the client had to come back")?;
    let id = stage.session()?;
    expect(
        stage.world.server.link_of(id) == Some(link),
        "the session is another's",
    )?;
    stage.listen()?;
    expect(stage.delivered() == 2, "not each is delivered once")?;
    stage.end()
}

/// Who knows the name of a session has it.
pub fn a_stolen_id() -> Result<(), String> {
    attacked(false, Fault::StolenId, |stage| {
        let session = stage.session()?;
        let attach = AttachNumber::new(1000).unwrap();
        Ok(attacker::stolen(session, attach, "client 0"))
    })
}

/// Who has heard a HELLO can say it again.
pub fn a_hello_that_is_played_back() -> Result<(), String> {
    for is_secured in [true, false] {
        attacked(is_secured, Fault::ReplayedHello, |stage| {
            stage.cut(How::Reset, Other::AtOnce)?;
            stage.attach()?;
            let recorded = stage.world.network.recorded.last();
            Ok(recorded.ok_or("nothing was said")?.to_vec())
        })?;
    }
    Ok(())
}

/// Who is somebody else can go on with a session.
pub fn another_principal() -> Result<(), String> {
    attacked(true, Fault::StolenId, |stage| {
        let session = stage.session()?;
        let attach = AttachNumber::new(2).unwrap();
        Ok(attacker::stolen(session, attach, "somebody else"))
    })
}

/// A server that answers in the place of the real one makes the client drop what is not taken.
pub fn an_impostor() -> Result<(), String> {
    for features in [Features::NONE, Features::CHECKSUM] {
        for seed in 0..20 {
            let impostor = Conditions {
                host: Host::Impostor,
                ..Conditions::CALM
            };
            let mut setup = Setup {
                is_secured: seed % 2 == 0,
                sky: vec![Conditions::CALM, impostor],
                ..Setup::default()
            };
            setup.client.settings.features = features;
            let mut stage = setup.attached()?;
            // What the impostor says follows from it.
            stage.world.network.draw = Draw::new(seed);
            meet_an_impostor(&mut stage)?;
        }
    }
    Ok(())
}

fn meet_an_impostor(stage: &mut Stage) -> Result<(), String> {
    let (link, id) = (stage.link()?, stage.session()?);
    let network = &mut stage.world.network;
    network.pipe(link, Side::Client, |pipe| pipe.fall_silent());
    stage.say()?;
    stage.cut(How::Reset, Other::AtOnce)?;
    stage.run(30_000)?;
    stage.attach()?;
    let report = &stage.world.network.report;
    expect(
        report.faults.get(Fault::Impostor) == 1,
        "there was no impostor",
    )?;
    expect(
        report.events.get(EventKind::Resumed) <= 2,
        "the impostor is believed",
    )?;
    let fates = stage.world.network.ledger.fates();
    expect(fates.get(Fate::InDoubt) == 0, "a message was dropped")?;
    // Whoever says that it knows no session is believed: a server that was restarted cannot prove it.
    let is_believed = stage.told().iter().any(|event| {
        matches!(
            event,
            Event::Lost {
                why: Loss::Discontinuity(_),
                ..
            }
        )
    });
    expect(!is_believed, "positions are believed without a proof")?;
    stage.run(100)?;
    stage.listen()?;
    expect(stage.delivered() == 1, "not delivered once")?;
    let sessions = stage.world.server.sessions();
    expect(
        sessions.contains(&id) && sessions.len() <= 2,
        "not its session",
    )
}

/// The time that is given to a session with a connection runs out.
pub fn a_connection_that_outlives_the_expiry() -> Result<(), String> {
    let mut setup = Setup::default();
    setup.server.settings.expiry = Duration::from_secs(2);
    let mut stage = setup.attached()?;
    stage.cut(How::Reset, Other::AtOnce)?;
    stage.attach()?;
    stage.say()?;
    stage.run(60_000)?;
    stage.session()?;
    stage.listen()?;
    stage.end()
}
