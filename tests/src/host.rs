//! A server, put together as the documentation of `korinet_session::v3` says, and the ends of its
//! connections.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_session::ConnectionError;
use korinet_session::v3::{
    Channel, Grant, Greeted, Greeter, Greeting, Principal, Refused, Registry, Route, ServerConfig,
    ServerSession, SessionKey,
};
use korinet_wire::v3::{AttachNumber, InstanceId, SessionId};

/// A server without sockets.
pub(crate) struct Host {
    pub(crate) config: ServerConfig,
    pub(crate) registry: Registry<ServerSession>,
    /// How many sessions were opened; the last one has this number's name.
    pub(crate) opened: u8,
}

/// Who has a connection at the server.
pub(crate) enum HostEnd {
    /// Nobody yet; it is this principal's.
    Greeting(Greeter, Principal),
    /// A session, as the connection of this attempt.
    Session(SessionId, AttachNumber),
    Over,
}

/// What is on its way in one direction, and what has come and is not handled yet.
#[derive(Default)]
pub(crate) struct Pipe {
    pub(crate) under_way: BytesMut,
    pub(crate) input: BytesMut,
}

impl Pipe {
    pub(crate) fn put(&mut self, out: Transmit) {
        self.under_way.extend_from_slice(&out.into_bytes());
    }

    /// Some of what is under way arrives; how much.
    pub(crate) fn arrive(&mut self, most: usize) -> usize {
        let len = most.min(self.under_way.len());
        self.input.unsplit(self.under_way.split_to(len));
        len
    }
}

impl Host {
    pub(crate) fn new(config: ServerConfig) -> Self {
        Self {
            registry: Registry::new(&config),
            config,
            opened: 0,
        }
    }

    /// Another process takes its place, without a memory.
    pub(crate) fn restart(&mut self) {
        self.registry = Registry::new(&self.config);
    }

    pub(crate) fn accept(&self, now: Instant) -> HostEnd {
        self.accept_from(now, Principal::default())
    }

    /// A connection is accepted, and who is at its other end is found out.
    pub(crate) fn accept_from(&self, now: Instant, principal: Principal) -> HostEnd {
        HostEnd::Greeting(Greeter::new(now, &self.config.settings), principal)
    }

    /// Bytes came on a connection; what is to be written before it is ended, if it is refused.
    pub(crate) fn handle_bytes(
        &mut self,
        now: Instant,
        end: &mut HostEnd,
        input: &mut BytesMut,
    ) -> Bytes {
        let refused = match end {
            HostEnd::Over => {
                input.clear();
                return Bytes::new();
            }
            HostEnd::Session(id, attach) => {
                match self.registry.get_mut(*id) {
                    Some(session) => session.handle_bytes(now, *attach, input),
                    None => input.clear(),
                }
                return Bytes::new();
            }
            HostEnd::Greeting(greeter, principal) => match greeted(greeter, input) {
                None => return Bytes::new(),
                Some(Greeted::Refused(refused)) => refused,
                Some(Greeted::Hello(greeting)) => {
                    match self.admit(now, &greeting, std::mem::take(principal)) {
                        Ok(id) => {
                            *end = HostEnd::Session(id, greeting.attach());
                            return Bytes::new();
                        }
                        Err(refused) => refused,
                    }
                }
            },
        };
        *end = HostEnd::Over;
        refused.answer
    }

    fn admit(
        &mut self,
        now: Instant,
        greeting: &Greeting,
        principal: Principal,
    ) -> Result<SessionId, Refused> {
        let channel = Channel::Plain;
        match self.registry.route(greeting, &channel, &principal) {
            Route::Refused(refused) => Err(refused),
            Route::Session(id, session) => {
                session.handle_greeting(now, greeting, &channel)?;
                Ok(id)
            }
            Route::New => {
                let number = self.opened.wrapping_add(1);
                let grant = Grant {
                    session: session_id(number),
                    key: SessionKey::from_bytes([number; 32]),
                    instance: InstanceId::from_bytes([1; 16]),
                };
                let config = Arc::new(self.config.clone());
                let session = ServerSession::open(now, greeting, &channel, &grant, &config)?;
                self.opened = number;
                let id = session.id();
                self.registry.insert(greeting, principal, id, session);
                Ok(id)
            }
        }
    }

    /// The session that was opened last, while it lives.
    pub(crate) fn newest(&mut self) -> Option<&mut ServerSession> {
        self.registry.get_mut(session_id(self.opened))
    }

    /// The session that has a connection.
    pub(crate) fn session(&mut self, end: &HostEnd) -> Option<&mut ServerSession> {
        match end {
            HostEnd::Session(id, _) => self.registry.get_mut(*id),
            HostEnd::Greeting(..) | HostEnd::Over => None,
        }
    }

    /// A connection is lost.
    pub(crate) fn lose(&mut self, now: Instant, end: &mut HostEnd) {
        if let HostEnd::Session(id, attach) = std::mem::replace(end, HostEnd::Over)
            && let Some(session) = self.registry.get_mut(id)
        {
            session.handle_disconnected(now, attach, ConnectionError::ClosedByPeer);
        }
    }

    /// Time has passed for a connection that has no session; what is to be written, if it was too
    /// much.
    pub(crate) fn handle_timeout(&self, now: Instant, end: &mut HostEnd) -> Bytes {
        if let HostEnd::Greeting(greeter, _) = end
            && let Some(refused) = greeter.handle_timeout(now, &self.config.settings)
        {
            *end = HostEnd::Over;
            return refused.answer;
        }
        Bytes::new()
    }
}

/// What came of a connection, which is told once.
fn greeted(greeter: &mut Greeter, input: &mut BytesMut) -> Option<Greeted> {
    let greeted = greeter.handle_bytes(input)?;
    let left = input.len();
    assert!(greeter.handle_bytes(input).is_none(), "a second answer");
    assert_eq!(input.len(), left, "taken after the answer");
    Some(greeted)
}

pub(crate) const fn session_id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}
