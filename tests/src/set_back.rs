//! Servers that were set back to an earlier state, as a snapshot of a machine is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{Payload, Transmit};
use korinet_session::ConnectionError;
use korinet_session::v3::{
    Action, Channel, ClientConfig, ClientSession, Grant, Greeted, Greeter, Greeting, Refused,
    ServerConfig, ServerSession, SessionKey,
};
use korinet_wire::v3::{AttachNumber, Code, Features, InstanceId, Kind, SessionId};

const LOST: ConnectionError = ConnectionError::ClosedByPeer;
const SESSION: SessionId = SessionId::from_bytes([7; 16]);

/// A client and its session at a server, with a connection between them.
struct Two {
    now: Instant,
    client: ClientSession,
    server: ServerSession,
    attach: AttachNumber,
}

impl Two {
    fn new(features: Features) -> Self {
        let now = Instant::now();
        let mut config = ClientConfig::new(1);
        config.settings.features = features;
        let mut client = ClientSession::new(now, config, [1; 32]);
        let (attach, greeting) = hello(&mut client, now);
        let grant = Grant {
            session: SESSION,
            key: SessionKey::from_bytes([8; 32]),
            instance: InstanceId::from_bytes([9; 16]),
        };
        let config = ServerConfig::default();
        let open = ServerSession::open(now, &greeting, &Channel::Plain, &grant, &Arc::new(config));
        let mut two = Self {
            now,
            client,
            server: open.unwrap(),
            attach,
        };
        two.exchange();
        assert!(two.client.is_attached());
        two
    }

    /// Brings what both have to write to the other.
    fn exchange(&mut self) {
        for _ in 0..4 {
            let mut out = Transmit::new();
            self.client.poll_transmit(self.now, self.attach, &mut out);
            let mut input = BytesMut::from(&out.into_bytes()[..]);
            self.server.handle_bytes(self.now, self.attach, &mut input);
            let mut out = Transmit::new();
            self.server.poll_transmit(self.now, self.attach, &mut out);
            let mut input = BytesMut::from(&out.into_bytes()[..]);
            self.client.handle_bytes(self.now, self.attach, &mut input);
        }
    }

    /// The connection is lost, and the client says HELLO on another.
    fn come_back(&mut self) -> Greeting {
        self.client.handle_disconnected(self.now, self.attach, LOST);
        self.server.handle_disconnected(self.now, self.attach, LOST);
        self.now += Duration::from_secs(1);
        self.client.handle_timeout(self.now);
        let (attach, greeting) = hello(&mut self.client, self.now);
        self.attach = attach;
        greeting
    }

    fn reply(&mut self, payload: &[u8]) {
        self.server
            .send(Kind::RAW, None, Payload::Copied(payload))
            .unwrap();
    }
}

/// Dials as the client wants it, and reads its HELLO.
fn hello(client: &mut ClientSession, now: Instant) -> (AttachNumber, Greeting) {
    let mut actions = std::iter::from_fn(|| client.poll_action());
    let attach = actions.find_map(|action| match action {
        Action::Dial(attach) => Some(attach),
        Action::Abandon(_) | Action::Finish(..) | _ => None,
    });
    let attach = attach.expect("it dials");
    client.handle_connected(now, attach, Channel::Plain, None);
    let mut out = Transmit::new();
    client.poll_transmit(now, attach, &mut out);
    let mut input = BytesMut::from(&out.into_bytes()[..]);
    let settings = ServerConfig::default().settings;
    match Greeter::new(now, &settings).handle_bytes(&mut input) {
        Some(Greeted::Hello(greeting)) => (attach, greeting),
        other => panic!("{other:?}"),
    }
}

fn expect_refusal(found: Result<(), Refused>, code: Code) -> Result<(), String> {
    match found {
        Err(Refused {
            reason: ConnectionError::RefusedHere { code: found, .. },
            ..
        }) if found == code => Ok(()),
        other => Err(format!("{other:?} instead of {code}")),
    }
}

/// A server that was set back, to before it sent what the client has received.
///
/// # Errors
///
/// It goes on as if nothing were.
pub fn server_set_back() -> Result<(), String> {
    let mut two = Two::new(Features::NONE);
    let before = two.server.clone();
    two.reply(b"this never was");
    two.exchange();
    two.server = before;
    let greeting = two.come_back();
    let found = two
        .server
        .handle_greeting(two.now, &greeting, &Channel::Plain);
    expect_refusal(found, Code::POSITION_AHEAD)
}

/// A server that was set back and has given the number of a message to another one since.
///
/// # Errors
///
/// The client never gets the other one.
pub fn server_with_another_history() -> Result<(), String> {
    let mut two = Two::new(Features::CHECKSUM);
    let before = two.server.clone();
    two.reply(b"this never was");
    two.exchange();
    two.server = before;
    two.reply(b"this was");
    let greeting = two.come_back();
    let found = two
        .server
        .handle_greeting(two.now, &greeting, &Channel::Plain);
    expect_refusal(found, Code::HISTORY_DIVERGED)
}
