//! Nothing that is shown, logged or told shows a credential or a key.

use std::fmt::{Debug, Display, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{Frame, Payload, Transmit, Violation};
use korinet_wire::DecodeError;
use korinet_wire::v3::{
    self as wire, Answer, Authentication, Code, Features, InstanceId, KeyBytes, Kind, Level,
    Limits, Opened, PREFACE, Proof, SessionId, Welcome,
};

use crate::v3::channel::Claim;
use crate::v3::nonces::Nonces;
use crate::v3::{
    Accepted, Action, Binding, Channel, ClientConfig, ClientSession, Credential, Event, Grant,
    Greeted, Greeter, InDoubt, Principal, Registry, ServerConfig, ServerSession, SessionKey,
    Ticket,
};
use crate::{ConnectionError, Loss, SessionError};

/// As long as a key is.
const SECRET: [u8; 32] = *b"correct-horse-battery-staple-31!";

/// How a secret can be seen in a text without white space: any eight bytes of it are too many.
fn traces() -> Vec<String> {
    let mut traces = Vec::new();
    for part in SECRET.windows(8) {
        traces.push(String::from_utf8(part.to_vec()).unwrap());
        let list: Vec<String> = part.iter().map(u8::to_string).collect();
        traces.push(list.join(","));
        let hex: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        traces.push(hex.concat());
        traces.push(hex.join(","));
        let spelled: Vec<String> = hex.iter().map(|byte| format!("0x{byte}")).collect();
        traces.push(spelled.join(","));
        let escaped: Vec<String> = hex.iter().map(|byte| format!("\\x{byte}")).collect();
        traces.push(escaped.concat());
    }
    // As the words of a random generator's state.
    for part in SECRET.chunks_exact(8) {
        let word = part.try_into().unwrap();
        traces.push(u64::from_le_bytes(word).to_string());
        traces.push(u64::from_be_bytes(word).to_string());
    }
    traces
}

/// What of the secret is in a text.
fn trace_in(text: &str) -> Option<String> {
    let text: String = text.split_whitespace().collect::<String>().to_lowercase();
    traces().into_iter().find(|trace| text.contains(trace))
}

/// Fails if the value shows the secret in any of the ways in which it can be shown.
#[track_caller]
fn assert_hidden(name: &str, value: &dyn Debug) {
    for text in [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
        format!("{value:#02X?}"),
    ] {
        let found = trace_in(&text);
        assert_eq!(found, None, "{name} shows it: {text}");
        assert!(!text.is_empty(), "{name} shows nothing at all");
    }
}

#[track_caller]
fn assert_untold(error: &(impl Debug + Display)) {
    assert_hidden("an error", error);
    let text = error.to_string();
    assert_eq!(trace_in(&text), None, "{text}");
}

fn credential() -> Credential {
    Credential {
        mechanism: "token".to_owned(),
        bytes: SECRET.to_vec(),
    }
}

fn secured() -> Channel {
    Channel::Secured {
        key: SessionKey::from_bytes(SECRET),
        binding: Binding::from_bytes(SECRET),
    }
}

/// A client that has dialled over this channel, and the bytes of its HELLO.
fn client(now: Instant, channel: &Channel) -> (ClientSession, BytesMut) {
    let mut client = ClientSession::new(now, ClientConfig::new(1), SECRET);
    let Some(Action::Dial(attach)) = client.poll_action() else {
        panic!("it does not dial");
    };
    client.handle_connected(now, attach, channel.clone(), Some(&credential()));
    assert!(format!("{client:?}").contains("Greeting(Handshake"));
    assert_hidden("a client with its HELLO", &client);
    let mut out = Transmit::new();
    client.poll_transmit(now, attach, &mut out);
    assert_hidden("what is to be written", &out);
    let bytes = BytesMut::from(&out.into_bytes()[..]);
    assert!(bytes.windows(32).any(|part| part == SECRET));
    (client, bytes)
}

fn grant() -> Grant {
    Grant {
        session: SessionId::from_bytes([2; 16]),
        key: SessionKey::from_bytes(SECRET),
        instance: InstanceId::from_bytes([4; 16]),
    }
}

fn is_found(text: &str) -> bool {
    trace_in(text).is_some()
}

// Without this, none of the others could fail.
#[test]
fn the_secret_would_be_found() {
    let mut seed = String::new();
    for part in SECRET.chunks_exact(8) {
        write!(seed, "{} ", u64::from_le_bytes(part.try_into().unwrap())).unwrap();
    }
    let bytes = bytes::Bytes::copy_from_slice(&SECRET);
    for text in [
        format!("{SECRET:?}"),
        format!("{SECRET:#?}"),
        format!("{SECRET:x?}"),
        format!("{SECRET:02X?}"),
        format!("{SECRET:#x?}"),
        format!("{bytes:?} {bytes:x}"),
        String::from_utf8_lossy(&SECRET[5..20]).into_owned(),
        seed,
    ] {
        assert!(is_found(&text), "{text}");
    }
    assert!(!is_found("correct horses"));
}

#[test]
fn the_pieces_are_hidden() {
    assert_hidden("a credential", &credential());
    assert_hidden("a key", &SessionKey::from_bytes(SECRET));
    assert_hidden("a binding", &Binding::from_bytes(SECRET));
    assert_hidden("a channel", &secured());
    assert_hidden("a grant", &grant());
    assert_hidden("nonces to come", &Nonces::new(SECRET));
    assert_hidden("key bytes", &KeyBytes::from_bytes(SECRET));
    let proof = Proof::from_bytes(SECRET);
    assert_hidden("a proof", &proof);
    assert_hidden("a claim", &Claim::Welcome(&proof));
    let authentication = Authentication {
        mechanism: "token",
        bytes: &SECRET,
    };
    assert_hidden("an authentication", &authentication);
    let payload = Payload::Copied(&SECRET);
    assert_hidden("a payload", &payload);
}

// V3-29: over TLS, and without.
#[test]
fn a_handshake_is_hidden_on_both_sides() {
    for channel in [Channel::Plain, secured()] {
        let now = Instant::now();
        let config = Arc::new(ServerConfig::default());
        let (mut client, mut hello) = client(now, &channel);

        let accepted = Accepted {
            read: hello.clone(),
            channel: channel.clone(),
            ..Accepted::new(())
        };
        assert_hidden("a connection that was accepted", &accepted);
        let mut greeter = Greeter::new(now, &config.settings);
        let greeted = greeter.handle_bytes(&mut hello).expect("a HELLO");
        assert_hidden("a greeter", &greeter);
        assert_hidden("what came of a connection", &greeted);
        let Greeted::Hello(greeting) = greeted else {
            panic!("{greeted:?}");
        };
        assert_hidden("a greeting", &greeting);
        let decoded = greeting.hello().unwrap();
        assert_eq!(decoded.authentication.unwrap().bytes, SECRET);
        assert_hidden("a HELLO", &decoded);
        assert_eq!(trace_in(&decoded.to_string()), None);

        let opened = ServerSession::open(now, &greeting, &channel, &grant(), &config);
        let session = opened.expect("nothing forbids it");
        let attach = greeting.attach();
        assert_hidden("a session with its WELCOME", &session);
        let mut registry = Registry::new(&config);
        let principal = Principal("somebody".to_owned());
        registry.insert(&greeting, principal, session.id(), session.clone());
        assert_hidden("a registry", &registry);

        let mut session = session;
        let mut out = Transmit::new();
        session.poll_transmit(now, attach, &mut out);
        assert_hidden("what is to be written", &out);
        let mut welcome = BytesMut::from(&out.into_bytes()[..]);
        assert_hidden("a session", &session);

        client.handle_bytes(now, attach, &mut welcome);
        assert!(client.is_attached());
        assert_hidden("a client", &client);
        let events: Vec<Event> = std::iter::from_fn(|| client.poll_event()).collect();
        assert_eq!(events.len(), 2, "{events:?}");
        assert_hidden("events", &events);
    }
}

#[test]
fn frames_are_hidden() {
    let (_, hello) = client(Instant::now(), &Channel::Plain);
    let welcome = Welcome {
        version: 0,
        features: Features::NONE,
        agent: "",
        keep_alive: Duration::ZERO,
        instance: InstanceId::from_bytes([3; 16]),
        session: SessionId::from_bytes([4; 16]),
        answer: Answer::Opened(Opened {
            limits: Limits {
                messages: 1,
                bytes: 1,
                message: 1,
            },
            expiry: Duration::ZERO,
            level: Level::Received,
            key: Some(KeyBytes::from_bytes(SECRET)),
        }),
        proof: None,
    };
    let mut encoded = Vec::new();
    wire::Frame::from(welcome).encode(&mut encoded).unwrap();
    for bytes in [&hello[PREFACE.len()..], &encoded] {
        let mut input = BytesMut::from(bytes);
        let frame = Frame::decode(&mut input, wire::MAX_HANDSHAKE_FRAME);
        let frame = frame.unwrap().expect("it is whole");
        assert_hidden("a frame", &frame);
        let borrowed = frame.as_wire().unwrap();
        assert_hidden("a borrowed frame", &borrowed);
        assert_eq!(trace_in(&borrowed.to_string()), None);
        let decoded = wire::decode(bytes, wire::MAX_HANDSHAKE_FRAME).unwrap();
        assert_hidden("what was decoded", &decoded);
    }
}

/// What the decoder says of a HELLO at each of whose bytes something is wrong in turn.
fn decode_errors(hello: &[u8]) -> Vec<DecodeError> {
    let mut errors = Vec::new();
    for at in 0..hello.len() {
        for change in [0x01, 0x20, 0xff] {
            let mut bytes = hello.to_vec();
            bytes[at] ^= change;
            errors.extend(wire::decode(&bytes, wire::MAX_HANDSHAKE_FRAME).err());
        }
    }
    errors
}

#[test]
fn errors_and_events_tell_nothing() {
    let now = Instant::now();
    let (_, hello) = client(now, &Channel::Plain);
    let errors = decode_errors(&hello[PREFACE.len()..]);
    assert!(errors.len() > 100, "{}", errors.len());
    for error in errors {
        assert_untold(&ConnectionError::Decode(error));
        assert_untold(&ConnectionError::Violation(Violation::Decode(error)));
        let last = ConnectionError::Decode(error);
        assert_untold(&SessionError::NotConnected(last.clone()));
        let event = Event::Detached {
            reason: last,
            wait: Duration::ZERO,
        };
        assert_hidden("an event", &event);
    }
    // What the server makes of a HELLO in the place of a preface.
    let mut greeter = Greeter::new(now, &ServerConfig::default().settings);
    let mut input = BytesMut::from(&hello[PREFACE.len()..]);
    let Some(Greeted::Refused(refused)) = greeter.handle_bytes(&mut input) else {
        panic!("it is no preface");
    };
    assert_hidden("a refusal", &refused);
    assert_untold(&refused.reason);
}

#[test]
fn messages_that_are_handed_back_show_their_length_only() {
    let mut client = client(Instant::now(), &secured()).0;
    let in_doubt = vec![InDoubt {
        ticket: Ticket(1),
        kind: Kind::RAW,
        re: None,
        payload: bytes::Bytes::copy_from_slice(&SECRET),
    }];
    let event = Event::Lost {
        why: Loss::Refused {
            code: Code::SESSION_UNKNOWN,
            text: String::new(),
        },
        resent: 0,
        in_doubt,
    };
    assert_hidden("an event", &event);
    assert!(format!("{event:?}").contains("32 bytes"), "{event:?}");
    client.abort(SessionError::Abandoned);
    assert_hidden("a client that is over", &client);
}
