use std::time::Duration;

use korinet_wire::v3::{self as wire, AttachNumber, Code, Features, Level, Limits};

use super::pair::{LOST, Pair};
use crate::v3::{
    Action, Binding, Channel, ClientConfig, Ending, Event, SendError, ServerConfig, SessionKey,
};
use crate::{ConnectionError, SessionError};

fn attach(number: u64) -> AttachNumber {
    AttachNumber::new(number).unwrap()
}

// V3-10, V3-16, V3-19
#[test]
fn messages_go_both_ways_and_are_acknowledged() {
    let mut pair = Pair::attached();
    assert_eq!(pair.send(b"one").0, 1);
    assert_eq!(pair.send(b"two").0, 2);
    assert_eq!(pair.reply(b"eins").0, 1);
    assert_eq!(pair.client.acknowledged().0, 0);
    pair.run();
    assert_eq!(pair.at_server(), [&b"one"[..], b"two"]);
    assert_eq!(pair.at_client(), [&b"eins"[..]]);
    assert_eq!(pair.client.acknowledged().0, 2);
    assert_eq!(pair.session().acknowledged().0, 1);
    assert_eq!(pair.client.in_flight(), (0, 0));
}

// V3-1
#[test]
fn a_client_writes_preface_and_hello_without_being_asked() {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    pair.client.poll_action();
    pair.connect(attach(1), Channel::Plain);
    assert!(pair.client.has_transmit(attach(1), false));
    pair.flush(attach(1));
    let written = pair.links[&attach(1)].to_server.clone();
    let frame = written.strip_prefix(&wire::PREFACE).unwrap();
    match wire::decode(frame, wire::MAX_HANDSHAKE_FRAME) {
        Ok(wire::Decoded::Complete {
            frame: wire::Frame::Hello(hello),
            len,
        }) => {
            assert_eq!(len, frame.len(), "and nothing else");
            assert_eq!(hello.attach, attach(1));
        }
        other => panic!("{other:?}"),
    }
    assert!(!pair.client.has_transmit(attach(1), true));
}

#[test]
fn nothing_is_accepted_before_there_is_a_session() {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    let kind = korinet_wire::v3::Kind::RAW;
    let payload = korinet_proto::v3::Payload::Copied(b"x");
    let sent = pair.client.send(kind, None, payload);
    assert_eq!(sent, Err(SendError::NotOpen));
}

// V3-13
#[test]
fn an_open_whose_welcome_was_lost_gets_the_same_session() {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    assert_eq!(pair.client.poll_action(), Some(Action::Dial(attach(1))));
    pair.connect(attach(1), Channel::Plain);
    pair.flush(attach(1));
    pair.deliver_to_server(attach(1));
    // The server's application is quick.
    pair.reply(b"hello");
    pair.cut();
    pair.reconnect();
    assert_eq!(pair.server.registry.len(), 1);
    assert_eq!(pair.at_client(), [&b"hello"[..]]);
    let Event::Attached(continuity) = pair.last_event() else {
        panic!("{:?}", pair.client_events);
    };
    assert!(!continuity.resumed);
    pair.send(b"thanks");
    pair.run();
    assert_eq!(pair.at_server(), [&b"thanks"[..]]);
}

// V3-13, V3-30
#[test]
fn a_late_open_neither_takes_the_session_nor_makes_another() {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    pair.client.poll_action();
    pair.connect(attach(1), Channel::Plain);
    pair.flush(attach(1));
    let late = pair.links.remove(&attach(1)).unwrap();
    pair.client.handle_disconnected(pair.now, attach(1), LOST);
    pair.reconnect();
    pair.links.insert(attach(1), late);
    pair.run();
    assert_eq!(pair.server.registry.len(), 1);
    assert_eq!(pair.session().attached(), Some(attach(2)));
    pair.send(b"still here");
    pair.run();
    assert_eq!(pair.at_server(), [&b"still here"[..]]);
}

// V3-29
#[test]
fn over_a_secure_channel_the_key_does_not_travel() {
    let secured = |key: u8| Channel::Secured {
        key: SessionKey::from_bytes([key; 32]),
        binding: Binding::from_bytes([key + 1; 32]),
    };
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    pair.client.poll_action();
    pair.connect(attach(1), secured(40));
    pair.flush(attach(1));
    pair.deliver_to_server(attach(1));
    pair.flush(attach(1));
    let welcome = pair.links[&attach(1)].to_client.clone();
    for key in [40, 101] {
        assert!(!welcome.windows(32).any(|bytes| bytes == [key; 32]));
    }
    pair.run();
    assert!(pair.client.is_attached());

    // The next connection has other exporters; the session keeps its key.
    pair.is_reachable = false;
    pair.cut();
    while !matches!(pair.client.poll_action(), Some(Action::Dial(number)) if number == attach(2)) {
        pair.now += Duration::from_millis(100);
        pair.client.handle_timeout(pair.now);
    }
    pair.connect(attach(2), secured(60));
    pair.run();
    assert!(pair.client.is_attached(), "{:?}", pair.client_events);
    assert!(matches!(pair.last_event(), Event::Attached(continuity) if continuity.resumed));
}

/// The client ends with this code, as the server's answer.
#[track_caller]
fn check_refused(config: ClientConfig, server: ServerConfig, expect: Code) {
    let mut pair = Pair::new(config, server);
    pair.run();
    match pair.last_event() {
        Event::Closed {
            why: Ending::Error(SessionError::Refused(ConnectionError::Refused { code, .. })),
            ..
        } => assert_eq!(*code, expect),
        other => panic!("{other:?}"),
    }
    assert!(pair.client.is_over());
    assert!(pair.server.registry.is_empty());
    assert_eq!(pair.client.poll_timeout(), None);
}

// V3-10
#[test]
fn what_cannot_be_granted_is_refused_for_good() {
    let mut config = ClientConfig::new(1);
    config.level = Level::Durable;
    check_refused(config, ServerConfig::default(), Code::LEVEL_UNSUPPORTED);

    let mut config = ClientConfig::new(1);
    config.settings.required = Features::from_bits(1 << 40);
    check_refused(config, ServerConfig::default(), Code::FEATURE_REQUIRED);

    let mut server = ServerConfig::default();
    server.settings.required = Features::from_bits(1 << 40);
    check_refused(ClientConfig::new(1), server, Code::FEATURE_REQUIRED);
}

// V3-11, V3-27
#[test]
fn features_are_those_that_both_want() {
    for (client, server) in [(true, false), (false, true), (false, false)] {
        let features = |wanted| {
            if wanted {
                Features::CHECKSUM
            } else {
                Features::NONE
            }
        };
        let mut config = ClientConfig::new(1);
        config.settings.features = features(client);
        let mut server_config = ServerConfig::default();
        server_config.settings.features = features(server);
        let mut pair = Pair::new(config, server_config);
        pair.run();
        pair.send(b"plain");
        pair.run();
        assert_eq!(pair.at_server(), [&b"plain"[..]]);
        pair.cut();
        pair.reconnect();
        pair.send(b"still");
        pair.run();
        assert_eq!(pair.at_server(), [&b"still"[..]]);
    }
}

// V3-12
#[test]
fn the_server_grants_at_most_its_own_expiry() {
    let mut config = ClientConfig::new(1);
    config.settings.expiry = Duration::from_secs(9);
    let mut server = ServerConfig::default();
    server.settings.expiry = Duration::from_secs(5);
    let mut pair = Pair::new(config, server);
    pair.run();
    pair.cut();
    let expected = Duration::from_secs(5);
    assert!(matches!(
        pair.server_events.last(),
        Some(Event::Detached { wait, .. }) if *wait == expected
    ));
}

// V3-15
#[test]
fn a_handshake_without_an_answer_comes_to_an_end() {
    let mut pair = Pair::new(ClientConfig::new(1), ServerConfig::default());
    pair.client.poll_action();
    pair.client
        .handle_connected(pair.now, attach(1), Channel::Plain, None);
    pair.collect();
    pair.now += Duration::from_secs(10);
    pair.client.handle_timeout(pair.now);
    assert_eq!(pair.client.poll_action(), Some(Action::Abandon(attach(1))));
    pair.collect();
    assert!(matches!(
        pair.last_event(),
        Event::Detached {
            reason: ConnectionError::HandshakeTimeout(_),
            ..
        }
    ));
}

// V3-21, V3-22
#[test]
fn the_peers_limits_bind_the_sender() {
    use korinet_proto::v3::{Payload, PushError};
    let mut server = ServerConfig::default();
    server.settings.limits = Limits {
        messages: 2,
        bytes: 1000,
        message: 10,
    };
    let mut pair = Pair::new(ClientConfig::new(1), server);
    pair.run();
    let kind = korinet_wire::v3::Kind::RAW;
    let too_large = pair.client.send(kind, None, Payload::Copied(&[0; 11]));
    let expect = PushError::TooLarge { len: 11, max: 10 };
    assert_eq!(too_large, Err(SendError::Push(expect)));
    pair.send(&[0; 10]);
    pair.send(&[0; 9]);
    let full = pair.client.send(kind, None, Payload::Copied(b""));
    assert!(matches!(
        full,
        Err(SendError::Push(PushError::Full { messages: 2, .. }))
    ));
    pair.run();
    pair.send(b"room again");
}

// V3-21: whatever a peer allows, a side sets its own bound.
#[test]
fn a_generous_peer_does_not_make_the_sender_hold_more() {
    let mut config = ClientConfig::new(1);
    config.settings.limits = Limits {
        messages: u32::MAX,
        bytes: u32::MAX,
        message: u32::MAX,
    };
    let mut server = ServerConfig::default();
    server.settings.max_unacknowledged = 3;
    let mut pair = Pair::new(config, server);
    pair.run();
    for _ in 0..3 {
        pair.reply(b"x");
    }
    let kind = wire::Kind::RAW;
    let payload = korinet_proto::v3::Payload::Copied(b"x");
    let full = pair.session().send(kind, None, payload);
    assert!(matches!(full, Err(SendError::Push(_))));
    pair.run();
    assert_eq!(pair.at_client().len(), 3);
}

// V3-12
#[test]
fn the_server_grants_a_keep_alive_between_the_least_and_its_own() {
    let ms = Duration::from_millis;
    for (wish, own, expect) in [
        (1000, 15_000, Some(1000)),
        (60_000, 15_000, Some(15_000)),
        (0, 15_000, Some(15_000)),
        (1, 15_000, Some(100)),
        (1, 1, Some(100)),
        (60_000, 0, Some(60_000)),
        (0, 0, None),
    ] {
        let mut config = ClientConfig::new(1);
        config.settings.keep_alive = ms(wish);
        // Only the keep-alive has a timer then.
        config.stable_after = Duration::MAX;
        let mut server = ServerConfig::default();
        server.settings.keep_alive = ms(own);
        let mut pair = Pair::new(config, server);
        pair.run();
        let now = pair.now;
        let timeout = pair.session().poll_timeout().map(|at| at - now);
        assert_eq!(timeout, expect.map(ms), "{wish} {own}");
        let client = pair.client.poll_timeout().map(|at| at - now);
        assert!(
            expect.is_none_or(|expect| client == Some(ms(expect))),
            "{wish} {own}"
        );
    }
}

#[test]
fn a_hello_that_cannot_be_encoded_ends_the_session() {
    let mut config = ClientConfig::new(1);
    config.settings.agent = "a".repeat(129);
    let mut pair = Pair::new(config, ServerConfig::default());
    pair.run();
    match pair.last_event() {
        Event::Closed {
            why: Ending::Error(SessionError::Hello(text)),
            ..
        } => assert!(text.contains("128"), "{text}"),
        other => panic!("{other:?}"),
    }
}
