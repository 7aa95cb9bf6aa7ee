use std::time::Duration;

use korinet_proto::v3::GoAway;
use korinet_wire::v3::{AttachNumber, Code};

use super::pair::{LOST, Pair};
use crate::v3::{Ending, Event, SendError};
use crate::{ConnectionError, SessionError};

fn ending(events: &[Event]) -> &Ending {
    match events.last() {
        Some(Event::Closed { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

fn by_peer(code: Code) -> Ending {
    Ending::Peer {
        code,
        text: String::new(),
    }
}

// V3-39
#[test]
fn a_close_comes_after_all_that_was_sent() {
    let mut pair = Pair::attached();
    pair.send(b"last words");
    pair.client.close(pair.now, Code::DONE, "");
    let payload = korinet_proto::v3::Payload::Copied(b"more");
    let sent = pair.client.send(korinet_wire::v3::Kind::RAW, None, payload);
    assert_eq!(sent, Err(SendError::Closed));
    let session = pair.session().id();
    pair.flush(AttachNumber::FIRST);
    pair.deliver_to_server(AttachNumber::FIRST);
    assert_eq!(pair.at_server(), [&b"last words"[..]]);
    pair.run();
    assert_eq!(*ending(&pair.client_events), Ending::Local);
    assert_eq!(*ending(&pair.server_events), by_peer(Code::DONE));
    assert!(pair.server.registry.get_mut(session).is_none());
    assert_eq!(pair.server.registry.tombstones(), 1);
    assert!(pair.client.is_over());
    assert_eq!(pair.client.poll_timeout(), None);
}

#[test]
fn a_close_survives_the_loss_of_its_connection() {
    let mut pair = Pair::attached();
    pair.send(b"one");
    pair.client.close(pair.now, Code::DONE, "");
    pair.flush(AttachNumber::FIRST);
    pair.cut();
    pair.wait(Duration::from_secs(1));
    assert_eq!(*ending(&pair.client_events), Ending::Local);
    assert_eq!(*ending(&pair.server_events), by_peer(Code::DONE));
}

// V3-38, V3-39: the server's answer to the CLOSE is lost.
#[test]
fn a_close_whose_answer_was_lost_is_known_afterwards() {
    let mut pair = Pair::attached();
    pair.client.close(pair.now, Code::DONE, "");
    pair.flush(AttachNumber::FIRST);
    pair.deliver_to_server(AttachNumber::FIRST);
    pair.cut();
    assert_eq!(*ending(&pair.server_events), by_peer(Code::DONE));
    assert!(!pair.client.is_over());
    pair.wait(Duration::from_secs(1));
    assert_eq!(*ending(&pair.client_events), Ending::Local);
}

#[test]
fn a_server_closes_too_and_says_what_it_took() {
    let mut pair = Pair::attached();
    pair.send(b"taken");
    pair.run();
    let now = pair.now;
    pair.session().close(now, Code::DONE, "good night");
    pair.send(b"too late");
    pair.run();
    match pair.client_events.last() {
        Some(Event::Closed {
            why: Ending::Peer { text, .. },
            in_doubt,
        }) => {
            assert_eq!(text, "good night");
            assert!(in_doubt.len() <= 1);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(*ending(&pair.server_events), Ending::Local);
}

#[test]
fn a_server_that_has_said_close_need_not_hear_of_it() {
    let mut pair = Pair::attached();
    let now = pair.now;
    pair.session().close(now, Code::DONE, "");
    pair.flush(AttachNumber::FIRST);
    pair.cut();
    assert_eq!(*ending(&pair.server_events), Ending::Local);
    pair.wait(Duration::from_secs(1));
    assert_eq!(*ending(&pair.client_events), by_peer(Code::SESSION_ENDED));
}

// V3-39: the client is there, but silent.
#[test]
fn a_server_that_has_said_close_does_not_wait_for_ever() {
    let mut pair = Pair::attached();
    let now = pair.now;
    pair.session().close(now, Code::DONE, "");
    pair.flush(AttachNumber::FIRST);
    let later = now + Duration::from_secs(30);
    pair.session().handle_timeout(later);
    pair.collect();
    assert_eq!(*ending(&pair.server_events), Ending::Local);
}

// V3-37: the client has lost the connection, the server has not.
#[test]
fn a_server_that_has_said_close_says_it_again_to_a_client_that_comes_back() {
    let mut pair = Pair::attached();
    let now = pair.now;
    pair.session().close(now, Code::DONE, "good night");
    pair.flush(AttachNumber::FIRST);
    pair.client
        .handle_disconnected(now, AttachNumber::FIRST, LOST);
    pair.wait(Duration::from_secs(1));
    assert!(pair.last_words.iter().any(|(attach, last)| {
        *attach == AttachNumber::FIRST && last.is_empty() // nothing follows a CLOSE
    }));
    match &pair.server_events[..] {
        [
            Event::Attached(_),
            Event::Detached { .. },
            Event::Attached(_),
            Event::Closed { why, .. },
        ] => assert_eq!(*why, Ending::Local),
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        ending(&pair.client_events),
        Ending::Peer { text, .. } if text == "good night"
    ));
}

#[test]
fn both_may_close_at_once() {
    let mut pair = Pair::attached();
    let now = pair.now;
    pair.client.close(now, Code::DONE, "");
    pair.session().close(now, Code::DONE, "");
    pair.run();
    assert_eq!(*ending(&pair.client_events), Ending::Local);
    assert_eq!(*ending(&pair.server_events), Ending::Local);
}

#[test]
fn a_client_without_a_session_closes_at_once() {
    let mut pair = Pair::attached();
    pair.is_reachable = false;
    let config = crate::v3::ClientConfig::new(1);
    pair.client = crate::v3::ClientSession::new(pair.now, config, [9; 32]);
    pair.client.close(pair.now, Code::DONE, "");
    pair.collect();
    assert_eq!(*ending(&pair.client_events), Ending::Local);
}

// V3-40, V3-42
#[test]
fn a_server_that_drains_is_left_and_come_back_to() {
    let mut pair = Pair::attached();
    pair.session().go_away(GoAway {
        code: Code::DRAINING,
        text: "restart".into(),
        deadline: Duration::from_secs(5),
        retry_after: Some(Duration::from_secs(3)),
        addresses: vec!["b.example:1".into()],
    });
    pair.run();
    assert!(matches!(
        pair.last_event(),
        Event::Draining(go_away) if go_away.addresses == ["b.example:1"]
    ));
    let now = pair.now;
    pair.session().detach(now, Code::DRAINING, "restart");
    pair.run();
    match pair.last_event() {
        Event::Detached { reason, wait } => {
            let code = Code::DRAINING;
            let text = "restart".to_owned();
            assert_eq!(*reason, ConnectionError::Closed { code, text });
            assert!(*wait >= Duration::from_secs(3), "{wait:?}");
        }
        other => panic!("{other:?}"),
    }
    pair.wait(Duration::from_secs(4));
    assert!(pair.client.is_attached());
}

// V3-2: nothing comes before the preface and WELCOME.
#[test]
fn a_server_that_drains_welcomes_first() {
    let mut pair = Pair::new(
        crate::v3::ClientConfig::new(1),
        crate::v3::ServerConfig::default(),
    );
    pair.collect();
    pair.flush(AttachNumber::FIRST);
    pair.deliver_to_server(AttachNumber::FIRST);
    let now = pair.now;
    pair.session().detach(now, Code::DRAINING, "restart");
    pair.run();
    assert!(matches!(
        &pair.client_events[..],
        [
            Event::Connecting(_),
            Event::Attached(_),
            Event::Detached {
                reason: ConnectionError::Closed {
                    code: Code::DRAINING,
                    ..
                },
                ..
            }
        ]
    ));
}

#[test]
fn what_is_received_can_be_read_after_the_end() {
    let mut pair = Pair::attached();
    pair.reply(b"one");
    pair.reply(b"two");
    pair.run();
    let now = pair.now;
    pair.session().close(now, Code::DONE, "");
    pair.run();
    assert!(pair.client.is_over());
    assert_eq!(pair.at_client(), [&b"one"[..], b"two"]);
}

#[test]
fn an_aborted_session_tells_what_is_in_doubt() {
    let mut pair = Pair::attached();
    pair.send(b"in doubt");
    pair.client.abort(SessionError::TakenOver);
    pair.collect();
    assert!(matches!(
        pair.last_event(),
        Event::Closed { in_doubt, .. } if in_doubt.len() == 1
    ));
}
