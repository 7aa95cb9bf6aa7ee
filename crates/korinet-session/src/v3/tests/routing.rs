use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{self as wire, AttachNumber, Code, InstanceId, PREFACE, Reject, SessionId};

use super::pair::LOST;
use crate::v3::channel::Claim;
use crate::v3::{
    Action, Binding, Channel, ClientConfig, ClientSession, Grant, Greeted, Greeter, Greeting,
    Principal, Refused, Registry, Route, ServerConfig, ServerSession, SessionKey,
};

/// A client that writes HELLO after HELLO, and what a server knows of it.
struct Case {
    now: Instant,
    client: ClientSession,
    registry: Registry<ServerSession>,
    config: Arc<ServerConfig>,
}

fn owner() -> Principal {
    Principal("owner".into())
}

impl Case {
    /// The session 7 of the owner is open and has lost its connection.
    fn new() -> Self {
        let now = Instant::now();
        let config = ServerConfig::default();
        let mut case = Self {
            now,
            client: ClientSession::new(now, ClientConfig::new(1), [5; 32]),
            registry: Registry::new(&config),
            config: Arc::new(config),
        };
        let greeting = case.hello(Channel::Plain);
        let grant = Grant {
            session: SessionId::from_bytes([7; 16]),
            key: SessionKey::from_bytes([8; 32]),
            instance: InstanceId::from_bytes([9; 16]),
        };
        let open = ServerSession::open(now, &greeting, &Channel::Plain, &grant, &case.config);
        let mut session = open.unwrap();
        let mut out = Transmit::new();
        session.poll_transmit(now, greeting.attach(), &mut out);
        let mut input = BytesMut::from(&out.into_bytes()[..]);
        case.client.handle_bytes(now, greeting.attach(), &mut input);
        assert!(case.client.is_attached());
        session.handle_disconnected(now, greeting.attach(), LOST);
        case.registry
            .insert(&greeting, owner(), grant.session, session);
        case
    }

    /// The client's HELLO on its next connection.
    fn hello(&mut self, channel: Channel) -> Greeting {
        let attach = loop {
            match self.client.poll_action() {
                Some(Action::Dial(attach)) => break attach,
                Some(_) => {}
                None => {
                    for attach in 1..100 {
                        let attach = AttachNumber::new(attach).unwrap();
                        self.client.handle_disconnected(self.now, attach, LOST);
                    }
                    self.now += Duration::from_secs(1);
                    self.client.handle_timeout(self.now);
                }
            }
        };
        self.client
            .handle_connected(self.now, attach, channel, None);
        let mut out = Transmit::new();
        self.client.poll_transmit(self.now, attach, &mut out);
        greeting(&out.into_bytes())
    }

    /// The answer to a HELLO that gets no session.
    fn refused(
        &mut self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
    ) -> Refused {
        match self.registry.route(greeting, channel, principal) {
            Route::Refused(refused) => refused,
            Route::Session(_, session) => session
                .handle_greeting(self.now, greeting, channel)
                .unwrap_err(),
            Route::New => panic!("a new session"),
        }
    }
}

fn greeting(bytes: &[u8]) -> Greeting {
    let config = ServerConfig::default();
    let mut greeter = Greeter::new(Instant::now(), &config.settings);
    match greeter.handle_bytes(&mut BytesMut::from(bytes)) {
        Some(Greeted::Hello(greeting)) => greeting,
        other => panic!("{other:?}"),
    }
}

/// The HELLO as somebody else would make it.
fn forged(greeting: &Greeting, forge: impl FnOnce(&mut wire::Hello<'_>)) -> Greeting {
    let mut hello = greeting.hello().unwrap();
    forge(&mut hello);
    let mut bytes = PREFACE.to_vec();
    wire::Frame::from(hello).encode(&mut bytes).unwrap();
    self::greeting(&bytes)
}

fn reject(answer: &Bytes) -> Reject<'_> {
    match wire::decode(answer.strip_prefix(&PREFACE).unwrap(), 16_384) {
        Ok(wire::Decoded::Complete {
            frame: wire::Frame::Reject(reject),
            ..
        }) => reject,
        other => panic!("{other:?}"),
    }
}

// V3-32
#[test]
fn who_is_not_the_owner_learns_nothing_and_changes_nothing() {
    let mut case = Case::new();
    let good = case.hello(Channel::Plain);
    let before = format!("{:?}", case.registry);

    let stranger = Principal("stranger".into());
    let foreign = case.refused(&good, &Channel::Plain, &stranger);
    let unknown = forged(&good, |hello| {
        if let wire::Intent::Resume(resume) = &mut hello.intent {
            resume.session = SessionId::from_bytes([1; 16]);
        }
    });
    let unknown = case.refused(&unknown, &Channel::Plain, &owner());
    let without_key = forged(&good, |hello| {
        hello.proof = Some(wire::Proof::from_bytes([0; 32]))
    });
    let without_key = case.refused(&without_key, &Channel::Plain, &owner());
    let changed = forged(&good, |hello| hello.attach = AttachNumber::new(77).unwrap());
    let changed = case.refused(&changed, &Channel::Plain, &owner());
    let other_channel = Channel::Secured {
        key: SessionKey::from_bytes([3; 32]),
        binding: Binding::from_bytes([4; 32]),
    };
    let recorded = case.refused(&good, &other_channel, &owner());

    assert_eq!(reject(&foreign.answer).code, Code::SESSION_UNKNOWN);
    assert_eq!(reject(&foreign.answer).proof, None);
    for refused in [unknown, without_key, changed, recorded] {
        assert_eq!(refused.answer, foreign.answer);
    }
    assert_eq!(format!("{:?}", case.registry), before);
    let Route::Session(_, session) = case.registry.route(&good, &Channel::Plain, &owner()) else {
        panic!("the owner is locked out");
    };
    session
        .handle_greeting(case.now, &good, &Channel::Plain)
        .unwrap();
}

// V3-30
#[test]
fn a_hello_that_comes_again_is_stale_and_its_owner_is_told_the_number() {
    let mut case = Case::new();
    let good = case.hello(Channel::Plain);
    let Route::Session(_, session) = case.registry.route(&good, &Channel::Plain, &owner()) else {
        panic!("no session");
    };
    session
        .handle_greeting(case.now, &good, &Channel::Plain)
        .unwrap();
    let refused = case.refused(&good, &Channel::Plain, &owner());
    let reject = reject(&refused.answer);
    assert_eq!(
        (reject.code, reject.attach),
        (Code::ATTACH_STALE, Some(good.attach()))
    );
    assert!(reject.proof.is_some());
}

// V3-11
#[test]
fn a_resume_has_to_offer_what_was_agreed() {
    let mut case = Case::new();
    let good = case.hello(Channel::Plain);
    let key = SessionKey::from_bytes([8; 32]);
    for (features, versions) in [
        (wire::Features::NONE, wire::Versions { min: 0, max: 0 }),
        (wire::Features::CHECKSUM, wire::Versions { min: 1, max: 2 }),
    ] {
        let weaker = forged(&good, |hello| {
            hello.offered = features;
            hello.versions = versions;
        });
        let signed = weaker.signed().unwrap().to_vec();
        let proof = key.prove(Claim::Hello, &Channel::Plain, &signed);
        let weaker = forged(&weaker, |hello| hello.proof = Some(proof));
        let refused = case.refused(&weaker, &Channel::Plain, &owner());
        assert_eq!(reject(&refused.answer).code, Code::FEATURE_REQUIRED);
    }
}

// V3-38
#[test]
fn tombstones_answer_the_owner_for_a_while() {
    let mut case = Case::new();
    let greeting = case.hello(Channel::Plain);
    let id = SessionId::from_bytes([7; 16]);
    let session = case.registry.get_mut(id).unwrap();
    session.handle_timeout(case.now + Duration::from_secs(300));
    let tombstone = session.tombstone().unwrap().clone();
    assert!(case.registry.retire(case.now, id, tombstone).is_some());
    assert!(case.registry.is_empty());

    let refused = case.refused(&greeting, &Channel::Plain, &owner());
    let told = reject(&refused.answer);
    assert_eq!(
        (told.code, told.next),
        (Code::SESSION_EXPIRED, Some(wire::Seq::FIRST))
    );
    assert!(told.proof.is_some());
    let stranger = case.refused(&greeting, &Channel::Plain, &Principal::default());
    assert_eq!(reject(&stranger.answer).code, Code::SESSION_UNKNOWN);

    let end = case.registry.poll_timeout().unwrap();
    case.registry.handle_timeout(end);
    assert_eq!(
        (case.registry.tombstones(), case.registry.poll_timeout()),
        (0, None)
    );
    let refused = case.refused(&greeting, &Channel::Plain, &owner());
    assert_eq!(reject(&refused.answer).code, Code::SESSION_UNKNOWN);
}

#[test]
fn tombstones_are_limited_in_number() {
    let mut case = Case::new();
    case.registry = Registry::new(&ServerConfig {
        max_tombstones: 2,
        ..ServerConfig::default()
    });
    for number in 1..=5 {
        let mut other = Case::new();
        let open = ClientSession::new(other.now, ClientConfig::new(1), [number; 32]);
        other.client = open;
        let greeting = other.hello(Channel::Plain);
        let first = SessionId::from_bytes([7; 16]);
        let session = other.registry.get_mut(first).unwrap();
        session.handle_timeout(other.now + Duration::from_secs(300));
        let tombstone = session.tombstone().unwrap().clone();
        let session = other
            .registry
            .retire(other.now, first, tombstone.clone())
            .unwrap();
        let id = SessionId::from_bytes([number; 16]);
        case.registry.insert(&greeting, owner(), id, session);
        assert!(case.registry.retire(case.now, id, tombstone).is_some());
        assert_eq!(case.registry.tombstones(), usize::from(number).min(2));
    }
}

// V3-41: the driver is told to end in good order, with the last words, and not to drop.
#[test]
fn a_connection_that_is_refused_or_closed_is_ended_in_good_order() {
    let mut case = Case::new();
    let hello = case.hello(Channel::Plain);
    let mut bytes = PREFACE.to_vec();
    let reject = Reject {
        code: Code::SESSION_UNKNOWN,
        text: "",
        retry_after: None,
        versions: None,
        attach: None,
        next: None,
        digest: None,
        proof: None,
    };
    wire::Frame::from(reject).encode(&mut bytes).unwrap();
    let mut input = BytesMut::from(&bytes[..]);
    case.client
        .handle_bytes(case.now, hello.attach(), &mut input);
    let action = case.client.poll_action();
    assert_eq!(action, Some(Action::Finish(hello.attach(), Bytes::new())));

    let Route::Session(_, session) = case.registry.route(&hello, &Channel::Plain, &owner()) else {
        panic!("no session");
    };
    session
        .handle_greeting(case.now, &hello, &Channel::Plain)
        .unwrap();
    session.detach(case.now, Code::DRAINING, "");
    match session.poll_action() {
        Some(Action::Finish(attach, last)) => {
            assert_eq!(attach, hello.attach());
            assert!(!last.is_empty());
        }
        other => panic!("{other:?}"),
    }
}
