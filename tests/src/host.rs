//! A server, put together as the documentation of `korinet_session::v3` says, and the ends of its
//! connections.

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
    Greeting(Greeter),
    Session(SessionId),
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
        HostEnd::Greeting(Greeter::new(now, &self.config.settings))
    }

    /// Bytes came on a connection; what is to be written before it is ended, if it is refused.
    pub(crate) fn handle_bytes(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        end: &mut HostEnd,
        input: &mut BytesMut,
    ) -> Bytes {
        let refused = match end {
            HostEnd::Over => {
                input.clear();
                return Bytes::new();
            }
            HostEnd::Session(id) => {
                match self.registry.get_mut(*id) {
                    Some(session) => session.handle_bytes(now, attach, input),
                    None => input.clear(),
                }
                return Bytes::new();
            }
            HostEnd::Greeting(greeter) => match greeter.handle_bytes(input) {
                None => return Bytes::new(),
                Some(Greeted::Refused(refused)) => refused,
                Some(Greeted::Hello(greeting)) => match self.admit(now, &greeting) {
                    Ok(id) => {
                        *end = HostEnd::Session(id);
                        return Bytes::new();
                    }
                    Err(refused) => refused,
                },
            },
        };
        *end = HostEnd::Over;
        refused.answer
    }

    fn admit(&mut self, now: Instant, greeting: &Greeting) -> Result<SessionId, Refused> {
        let (channel, principal) = (Channel::Plain, Principal::default());
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
                let session = ServerSession::open(now, greeting, &channel, &grant, &self.config)?;
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
            HostEnd::Session(id) => self.registry.get_mut(*id),
            HostEnd::Greeting(_) | HostEnd::Over => None,
        }
    }

    /// A connection is lost.
    pub(crate) fn lose(&mut self, now: Instant, attach: AttachNumber, end: &mut HostEnd) {
        let end = std::mem::replace(end, HostEnd::Over);
        if let Some(session) = self.session(&end) {
            session.handle_disconnected(now, attach, ConnectionError::ClosedByPeer);
        }
    }

    /// Time has passed for a connection that has no session; what is to be written, if it was too
    /// much.
    pub(crate) fn handle_timeout(&self, now: Instant, end: &mut HostEnd) -> Bytes {
        if let HostEnd::Greeting(greeter) = end
            && let Some(refused) = greeter.handle_timeout(now, &self.config.settings)
        {
            *end = HostEnd::Over;
            return refused.answer;
        }
        Bytes::new()
    }
}

fn session_id(number: u8) -> SessionId {
    SessionId::from_bytes([number; 16])
}
