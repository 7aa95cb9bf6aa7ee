use std::time::Duration;

use korinet_wire::v3::{AttachNumber, Code, Level, Seq};

use super::pair::{LOST, Pair, payloads};
use crate::v3::{ClientConfig, Discontinuity, Ending, Event, OnLost, ServerConfig};
use crate::{ConnectionError, Loss, SessionError};

fn attach(number: u64) -> AttachNumber {
    AttachNumber::new(number).unwrap()
}

// V3-34, V3-36
#[test]
fn what_was_under_way_is_sent_again_once_and_in_order() {
    let mut pair = Pair::attached();
    pair.send(b"arrived");
    pair.run();
    pair.send(b"lost");
    pair.reply(b"lost too");
    pair.flush(attach(1));
    pair.cut();
    pair.send(b"while away");
    pair.reconnect();
    assert!(matches!(
        pair.client_events.iter().rev().find(|event| matches!(event, Event::Attached(_))),
        Some(Event::Attached(continuity)) if continuity.resumed && continuity.replayed == 1
    ));
    assert_eq!(pair.at_server(), [&b"arrived"[..], b"lost", b"while away"]);
    assert_eq!(pair.at_client(), [&b"lost too"[..]]);
    assert_eq!(pair.client.acknowledged().0, 3);
}

// V3-28, V3-35: each link breaks in the middle of what was sent at once, and that is as far as the next one goes on from.
#[test]
fn links_that_carry_little_carry_everything_in_the_end() {
    let mut pair = Pair::attached();
    let sent: Vec<_> = (0..100_u8).map(|number| vec![number; 20]).collect();
    for payload in &sent {
        pair.send(payload);
    }
    // A HELLO and some messages.
    pair.to_server_most = 400;
    pair.cut();
    for _ in 0..100 {
        pair.wait(Duration::from_secs(10));
    }
    assert_eq!(pair.client.acknowledged().0, 100);
    let is_cut = |event: &&Event| matches!(event, Event::Detached { .. });
    let cuts = pair.client_events.iter().filter(is_cut).count();
    assert!(cuts > 10, "{cuts} cuts were not in the middle of it");
    assert_eq!(pair.at_server(), sent);
}

// V3-35: at the level `processed` the position says what came, not what is taken.
#[test]
fn what_came_and_is_not_finished_is_neither_sent_again_nor_released() {
    let mut config = ClientConfig::new(1);
    config.level = Level::Processed;
    let mut pair = Pair::new(config, ServerConfig::default());
    pair.run();
    for payload in [b"a", b"b", b"c"] {
        pair.send(payload);
    }
    pair.run();
    assert_eq!(pair.at_server(), [&b"a"[..], b"b", b"c"]);
    pair.cut();
    pair.reconnect();
    assert_eq!(pair.client.acknowledged().0, 0);
    pair.session().finish(Seq::new(2).unwrap());
    pair.run();
    assert_eq!(pair.client.acknowledged().0, 0, "the first is not finished");
    pair.session().finish(Seq::FIRST);
    pair.run();
    assert_eq!(pair.client.acknowledged().0, 2);
    assert!(pair.at_server().is_empty(), "each was delivered once");
}

// V3-37
#[test]
fn a_new_connection_takes_over_and_the_old_one_counts_no_more() {
    let mut pair = Pair::attached();
    pair.send(b"one");
    pair.run();
    pair.send(b"late");
    pair.flush(attach(1));
    let old = pair.links.remove(&attach(1)).unwrap();
    // Only the client notices.
    pair.client.handle_disconnected(pair.now, attach(1), LOST);
    pair.wait(Duration::from_millis(200));
    assert_eq!(pair.session().attached(), Some(attach(2)));
    assert!(pair.server_events.iter().any(|event| matches!(
        event,
        Event::Detached {
            reason: ConnectionError::TakenOver,
            ..
        }
    )));
    pair.links.insert(attach(1), old);
    pair.run();
    let now = pair.now;
    pair.session().handle_disconnected(now, attach(1), LOST);
    assert_eq!(pair.session().attached(), Some(attach(2)));
    assert_eq!(pair.at_server(), [&b"one"[..], b"late"]);
}

// V3-30, V3-37: two copies of one client.
#[test]
fn who_is_taken_over_stops() {
    let mut pair = Pair::attached();
    let mut copy = pair.client.clone();
    copy.handle_disconnected(pair.now, attach(1), LOST);
    std::mem::swap(&mut pair.client, &mut copy);
    let old = pair.links.remove(&attach(1)).unwrap();
    pair.reconnect();
    // The first one hears of it on its own connection.
    std::mem::swap(&mut pair.client, &mut copy);
    pair.links.insert(attach(1), old);
    let (number, last) = pair.last_words.pop().unwrap();
    assert_eq!(number, attach(1));
    pair.links
        .get_mut(&number)
        .unwrap()
        .to_client
        .extend_from_slice(&last);
    pair.deliver_to_client(attach(1));
    pair.collect();
    assert!(matches!(
        pair.last_event(),
        Event::Closed {
            why: Ending::Error(SessionError::TakenOver),
            ..
        }
    ));
    assert_eq!(pair.session().attached(), Some(attach(2)));
}

// V3-30
#[test]
fn a_client_that_lost_count_learns_the_current_number() {
    let mut pair = Pair::attached();
    let mut set_back = pair.client.clone();
    for _ in 0..3 {
        pair.cut();
        pair.reconnect();
    }
    set_back.handle_disconnected(pair.now, attach(1), LOST);
    pair.client = set_back;
    pair.wait(Duration::from_secs(5));
    assert!(pair.client.is_attached(), "{:?}", pair.client_events);
    assert_eq!(pair.session().attached(), Some(attach(5)));
}

// V3-34
#[test]
fn a_client_that_was_set_back_is_told_and_nothing_is_swallowed() {
    let mut pair = Pair::attached();
    let mut set_back = pair.client.clone();
    pair.send(b"one");
    pair.run();
    assert_eq!(pair.at_server(), [&b"one"[..]]);
    // The copy gives the same number to other content.
    set_back.handle_disconnected(pair.now, attach(1), LOST);
    pair.client = set_back;
    pair.send(b"other");
    pair.wait(Duration::from_secs(5));
    let lost = pair.client_events.iter().find_map(|event| match event {
        Event::Lost { why, resent, .. } => Some((why, resent)),
        _ => None,
    });
    assert_eq!(
        lost,
        Some((&Loss::Discontinuity(Discontinuity::Diverged), &1))
    );
    let sessions = pair.server.registry.iter_mut();
    let received =
        sessions.flat_map(|(_, session)| payloads(std::iter::from_fn(|| session.recv())));
    assert_eq!(received.collect::<Vec<_>>(), [&b"other"[..]]);
}

// V3-34: what the server has taken under that number is not what this client has sent since.
#[test]
fn a_client_that_is_behind_does_not_take_the_position_of_another_for_its_own() {
    let mut pair = Pair::attached();
    let mut set_back = pair.client.clone();
    pair.send(b"one");
    pair.run();
    assert_eq!(pair.at_server(), [&b"one"[..]]);
    set_back.handle_disconnected(pair.now, attach(1), LOST);
    pair.client = set_back;
    pair.now += Duration::from_secs(1);
    pair.client.handle_timeout(pair.now);
    pair.collect();
    pair.flush(attach(2));
    pair.send(b"other");
    pair.wait(Duration::from_secs(5));
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        Event::Lost { why: Loss::Refused { code, .. }, resent: 1, .. }
            if *code == Code::POSITION_AHEAD
    )));
}

// V3-33: nor the position of a session that has expired.
#[test]
fn what_another_history_has_taken_releases_nothing() {
    let mut pair = Pair::attached();
    let mut set_back = pair.client.clone();
    pair.send(b"one");
    pair.run();
    assert_eq!(pair.at_server(), [&b"one"[..]]);
    pair.cut();
    let expiry = pair.now + Duration::from_secs(300);
    pair.session().handle_timeout(expiry);
    pair.collect();
    set_back.handle_disconnected(pair.now, attach(1), LOST);
    pair.client = set_back;
    pair.send(b"other");
    pair.wait(Duration::from_secs(5));
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        Event::Lost {
            why: Loss::Refused {
                code: Code::SESSION_EXPIRED,
                ..
            },
            resent: 1,
            ..
        }
    )));
    assert_eq!(pair.at_server(), [&b"other"[..]]);
}

fn policy(on_lost: OnLost) -> Pair {
    let mut config = ClientConfig::new(1);
    config.on_lost = on_lost;
    let mut pair = Pair::new(config, ServerConfig::default());
    pair.run();
    pair.send(b"known");
    pair.run();
    pair.send(b"in doubt");
    pair.send(b"unsent");
    pair.flush(attach(1));
    pair.cut();
    pair.server.restart();
    pair.wait(Duration::from_secs(5));
    pair
}

#[test]
fn resend_sends_the_unacknowledged_again_and_says_so() {
    let mut pair = policy(OnLost::Resend);
    assert!(pair.client.is_attached());
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        Event::Lost { resent: 2, in_doubt, why: Loss::Refused { code: Code::SESSION_UNKNOWN, .. } }
            if in_doubt.is_empty()
    )));
    let session = pair.session();
    let received: Vec<_> = std::iter::from_fn(|| session.recv()).collect();
    assert!(
        received
            .iter()
            .all(|delivery| delivery.message.kind.redelivered)
    );
    assert_eq!(
        payloads(received.into_iter()),
        [&b"in doubt"[..], b"unsent"]
    );
    assert_eq!(pair.client.acknowledged().0, 3);
    assert_eq!(pair.send(b"next").0, 4);
}

#[test]
fn a_server_that_does_not_know_the_session_is_asked_for_another_at_once() {
    let pair = policy(OnLost::Resend);
    let waits: Vec<_> = pair
        .client_events
        .iter()
        .skip_while(|event| !matches!(event, Event::Lost { .. }))
        .filter_map(|event| match event {
            Event::Detached { wait, .. } => Some(*wait),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [Duration::ZERO]);
}

#[test]
fn fresh_hands_the_unacknowledged_back() {
    let mut pair = policy(OnLost::Fresh);
    assert!(pair.client.is_attached());
    let in_doubt = pair.client_events.iter().find_map(|event| match event {
        Event::Lost {
            resent: 0,
            in_doubt,
            ..
        } => Some(in_doubt),
        _ => None,
    });
    let tickets: Vec<u64> = in_doubt
        .unwrap()
        .iter()
        .map(|message| message.ticket.0)
        .collect();
    assert_eq!(tickets, [2, 3]);
    assert!(pair.at_server().is_empty());
    assert_eq!(pair.send(b"next").0, 4);
    pair.run();
    assert_eq!(pair.client.acknowledged().0, 4);
}

#[test]
fn fail_hands_the_unacknowledged_back_and_ends() {
    let pair = policy(OnLost::Fail);
    let Event::Closed { why, in_doubt } = pair.last_event() else {
        panic!("{:?}", pair.client_events);
    };
    assert!(matches!(why, Ending::Error(SessionError::Lost(_))));
    assert_eq!(in_doubt.len(), 2);
    assert_eq!(in_doubt[0].payload, &b"in doubt"[..]);
    assert!(pair.client.is_over());
}

// V3-38
#[test]
fn an_expired_session_is_told_from_an_unknown_one() {
    let mut pair = Pair::attached();
    pair.send(b"taken");
    pair.flush(attach(1));
    pair.deliver_to_server(attach(1));
    // The acknowledgement is lost.
    pair.is_reachable = false;
    pair.cut();
    let expiry = pair.now + Duration::from_secs(300);
    pair.session().handle_timeout(expiry);
    pair.collect();
    assert!(pair.server.registry.is_empty());
    assert_eq!(pair.server.registry.tombstones(), 1);
    pair.is_reachable = true;
    pair.wait(Duration::from_secs(10));
    assert!(pair.client_events.iter().any(|event| matches!(
        event,
        Event::Lost {
            resent: 0,
            why: Loss::Refused {
                code: Code::SESSION_EXPIRED,
                ..
            },
            ..
        }
    )));
    assert_eq!(
        pair.client.acknowledged().0,
        1,
        "the server proved to have it"
    );
}

#[test]
fn resumes_do_not_wear_out() {
    let mut pair = Pair::attached();
    for round in 0..1000_u32 {
        pair.send(&round.to_be_bytes());
        pair.flush(*pair.links.keys().last().unwrap());
        if round % 3 == 0 {
            pair.run();
        }
        pair.cut();
        pair.reconnect();
    }
    let received = pair.at_server();
    let expect = (0..1000_u32).map(|round| round.to_be_bytes());
    assert!(
        received
            .iter()
            .map(|bytes| &bytes[..])
            .eq(expect.map(|bytes| bytes.to_vec()))
    );
}
