use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{Payload, Transmit};
use korinet_session::v3::{
    Action, Channel, ClientConfig, ClientSession, Event, Principal, ServerSession,
};
use korinet_session::{Backoff, ConnectionError};
use korinet_wire::v3::{AttachNumber, Features, Kind, SessionId};

use super::LIMITS;
use super::occurred::{Occurred, What};
use crate::host::{Host, HostEnd, session_id};

/// Longer than any script.
const LONG: Duration = Duration::from_secs(1 << 20);

/// A session that has nothing to do with what the others do, and must not notice any of it.
///
/// It is the first of its server, and its messages are numbers.
pub(super) struct Healthy {
    client: ClientSession,
    link: Option<Link>,
    up: Numbers,
    down: Numbers,
    has_news: bool,
}

struct Link {
    attach: AttachNumber,
    end: HostEnd,
}

/// The messages of one direction.
#[derive(Default)]
struct Numbers {
    sent: u32,
    received: u32,
}

impl Healthy {
    pub(super) const SESSION: SessionId = session_id(1);

    pub(super) fn principal() -> Principal {
        Principal("healthy".to_owned())
    }

    pub(super) fn new(now: Instant, checksum: bool, host: &mut Host) -> Self {
        let mut config = ClientConfig::new(1);
        config.settings.limits = LIMITS;
        config.settings.keep_alive = Duration::ZERO;
        config.settings.expiry = LONG;
        config.backoff = Backoff::new(Duration::ZERO, Duration::ZERO, 1);
        config.give_up = LONG;
        if !checksum {
            config.settings.features = Features::NONE;
        }
        let mut healthy = Self {
            client: ClientSession::new(now, config, [1; 32]),
            link: None,
            up: Numbers::default(),
            down: Numbers::default(),
            has_news: true,
        };
        healthy.carry(now, host, &mut Occurred::default());
        assert!(healthy.client.is_attached());
        healthy
    }

    /// A message goes one way or the other.
    pub(super) fn exchange(&mut self, now: Instant, host: &mut Host, occurred: &mut Occurred) {
        let up = self.up.sent <= self.down.sent;
        let numbers = if up { &mut self.up } else { &mut self.down };
        let bytes = (numbers.sent + 1).to_be_bytes();
        let payload = Payload::Copied(&bytes);
        let sent = if up {
            self.client.send(Kind::RAW, None, payload).is_ok()
        } else {
            server(host).send(Kind::RAW, None, payload).is_ok()
        };
        assert!(sent, "nothing is acknowledged any more");
        numbers.sent += 1;
        self.carry(now, host, occurred);
        self.read(host, occurred);
        assert_eq!(self.up.sent, self.up.received, "not there");
        assert_eq!(self.down.sent, self.down.received, "not there");
    }

    /// Its connection breaks while messages are on their way; the server learns of it now or never.
    pub(super) fn cut(&mut self, now: Instant, is_silent: bool, host: &mut Host) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        for number in 1..3 {
            let up = (self.up.sent + number).to_be_bytes();
            self.client
                .send(Kind::RAW, None, Payload::Copied(&up))
                .unwrap();
            let down = (self.down.sent + number).to_be_bytes();
            server(host)
                .send(Kind::RAW, None, Payload::Copied(&down))
                .unwrap();
        }
        self.up.sent += 2;
        self.down.sent += 2;
        // What is written is lost; one of both directions arrives, and nobody learns of that.
        let (mut to_server, mut to_client) = (Transmit::new(), Transmit::new());
        self.client.poll_transmit(now, link.attach, &mut to_server);
        server(host).poll_transmit(now, link.attach, &mut to_client);
        if is_silent {
            let mut input = BytesMut::from(&to_server.into_bytes()[..]);
            host.handle_bytes(now, &mut link.end, &mut input);
        } else {
            host.lose(now, &mut link.end);
        }
        self.client
            .handle_disconnected(now, link.attach, ConnectionError::ClosedByPeer);
    }

    /// Time passes; before the server learns of it, so that the session does not expire.
    pub(super) fn pass(&mut self, now: Instant, host: &mut Host, occurred: &mut Occurred) {
        if !self.client.is_attached() {
            self.carry(now, host, occurred);
        }
    }

    /// Both sides say all that they have to say, and hear it at once.
    fn carry(&mut self, now: Instant, host: &mut Host, occurred: &mut Occurred) {
        self.has_news = true;
        while std::mem::take(&mut self.has_news) {
            self.client.handle_timeout(now);
            while let Some(action) = self.client.poll_action() {
                let Action::Dial(attach) = action else {
                    panic!("it gives its connection up: {action:?}");
                };
                let end = host.accept_from(now, Self::principal());
                self.link = Some(Link { attach, end });
                self.client
                    .handle_connected(now, attach, Channel::Plain, None);
            }
            self.deliver(now, host);
            while let Some(event) = self.client.poll_event() {
                match event {
                    Event::Attached(continuity) if continuity.resumed => {
                        occurred.note(What::HealthyResumed);
                    }
                    Event::Attached(_) | Event::Connecting(_) | Event::Detached { .. } => {}
                    other => panic!("the healthy session: {other:?}"),
                }
            }
        }
    }

    fn deliver(&mut self, now: Instant, host: &mut Host) {
        let Some(link) = &mut self.link else { return };
        let mut out = Transmit::new();
        if self.client.poll_transmit(now, link.attach, &mut out) {
            let mut input = BytesMut::from(&out.into_bytes()[..]);
            let answer = host.handle_bytes(now, &mut link.end, &mut input);
            assert!(answer.is_empty(), "the healthy session is refused");
        }
        let mut out = Transmit::new();
        if server(host).poll_transmit(now, link.attach, &mut out) {
            let mut input = BytesMut::from(&out.into_bytes()[..]);
            self.client.handle_bytes(now, link.attach, &mut input);
            self.has_news = true;
        }
    }

    fn read(&mut self, host: &mut Host, occurred: &mut Occurred) {
        while let Some(delivery) = server(host).recv() {
            self.up.received += 1;
            assert_eq!(delivery.message.payload[..], self.up.received.to_be_bytes());
            occurred.note(What::HealthyDelivered);
        }
        while let Some(delivery) = self.client.recv() {
            self.down.received += 1;
            assert_eq!(
                delivery.message.payload[..],
                self.down.received.to_be_bytes()
            );
            occurred.note(What::HealthyDelivered);
        }
    }

    /// Whether this is the attempt whose connection it has.
    pub(super) fn is_attached_as(&self, attach: AttachNumber) -> bool {
        self.link.as_ref().is_some_and(|link| link.attach == attach)
    }
}

/// The session at the server.
pub(super) fn server(host: &mut Host) -> &mut ServerSession {
    let session = host.registry.get_mut(Healthy::SESSION);
    session.expect("the healthy session is over")
}
