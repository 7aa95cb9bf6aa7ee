use korinet_proto::v3::Payload;
use korinet_session::ConnectionError;
use korinet_session::v3::{Registry, ServerSession};
use korinet_wire::v3::{Code, Kind, Level, OpenNonce, Seq, SessionId};

use super::Config;
use crate::model::flaw::Flaw;
use crate::model::now;

/// A server with its program.
#[derive(Debug, Clone, Hash)]
pub(super) struct Server {
    pub(super) registry: Registry<ServerSession>,
    /// What was said in each session, also in those that are over.
    pub(super) logs: Vec<Log>,
}

/// What the server's program knows of a session.
#[derive(Debug, Clone, Hash)]
pub(super) struct Log {
    /// Of the HELLO that has opened it.
    pub(super) nonce: Option<OpenNonce>,
    /// The highest attach that was accepted.
    pub(super) attach: u64,
    pub(super) sent: Vec<u8>,
    /// What the program has read, and whether it was flagged as redelivered.
    pub(super) delivered: Vec<(u8, bool)>,
    /// How many of these it is done with.
    pub(super) finished: usize,
    /// The program has closed it.
    pub(super) has_closed: bool,
    /// It is over; with the code that a client is to be told.
    pub(super) over: Option<Code>,
    /// Nothing is remembered of it.
    pub(super) is_forgotten: bool,
    /// Which connection the key is from.
    pub(super) key_of: u8,
}

impl Log {
    pub(super) const fn new() -> Self {
        Self {
            nonce: None,
            attach: 0,
            sent: Vec::new(),
            delivered: Vec::new(),
            finished: 0,
            has_closed: false,
            over: None,
            is_forgotten: false,
            key_of: 0,
        }
    }

    pub(super) fn has_expired(&self) -> bool {
        self.over == Some(Code::SESSION_EXPIRED)
    }

    /// What the program has answered for.
    pub(super) fn taken(&self, level: Level) -> &[(u8, bool)] {
        match level {
            Level::Received => &self.delivered,
            Level::Processed | Level::Durable => &self.delivered[..self.finished],
        }
    }
}

impl Server {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            registry: Registry::new(&config.server()),
            logs: Vec::new(),
        }
    }

    /// The program sends a message; whether it was accepted.
    pub(super) fn send(&mut self, session: usize, life: u8) -> bool {
        let log = &mut self.logs[session];
        // Each life of the server says something else.
        let number = u8::try_from(0x10 * session + log.sent.len() + 1).unwrap();
        let content = 0x80 + number + (life - 1) * 4;
        let Some(core) = self.registry.get_mut(id_of(session)) else {
            return false;
        };
        let sent = core.send(Kind::RAW, None, Payload::Copied(&[content]));
        if sent.is_ok() {
            log.sent.push(content);
        }
        sent.is_ok()
    }
}

impl Server {
    pub(super) fn get(&self, session: usize) -> Option<&ServerSession> {
        self.registry.get(id_of(session))
    }

    /// The program is done with the oldest message that it has in its hands.
    pub(super) fn finish(&mut self, session: usize) -> bool {
        let log = &mut self.logs[session];
        log.finished += 1;
        let seq = Seq::new(as_u64(log.finished)).unwrap();
        match self.registry.get_mut(id_of(session)) {
            Some(core) => core.finish(seq),
            None => return false,
        }
        true
    }

    pub(super) fn close(&mut self, session: usize) -> bool {
        self.logs[session].has_closed = true;
        match self.registry.get_mut(id_of(session)) {
            Some(core) => core.close(now(), Code::DONE, ""),
            None => return false,
        }
        true
    }

    /// A session's expiry has passed; it has to be one without a connection.
    pub(super) fn expire(&mut self, session: usize) -> Result<bool, Flaw> {
        let Some(core) = self.registry.get_mut(id_of(session)) else {
            return Ok(false);
        };
        let was_attached = core.attached().is_some();
        core.handle_timeout(now());
        if was_attached && core.tombstone().is_some() {
            return Err(Flaw::Expiry);
        }
        Ok(true)
    }

    pub(super) fn forget(&mut self) {
        self.registry.handle_timeout(now());
        for log in self.logs.iter_mut().filter(|log| log.over.is_some()) {
            log.is_forgotten = true;
        }
    }

    /// The process is another one, and knows nothing.
    pub(super) fn restart(&mut self, config: &Config) {
        self.registry = Registry::new(&config.server());
        for log in &mut self.logs {
            log.is_forgotten = true;
        }
    }

    /// The process is as it was when `self` was kept, but for its connections; `granted` sessions were
    /// opened since the beginning.
    pub(super) fn resurrect(&mut self, granted: usize) {
        for (_, core) in self.registry.iter_mut() {
            if let Some(attach) = core.attached() {
                core.handle_disconnected(now(), attach, ConnectionError::ClosedByPeer);
            }
        }
        let unknown = Log {
            is_forgotten: true,
            ..Log::new()
        };
        self.logs.resize(granted, unknown);
    }
}

/// The name of a session in the model.
pub(super) fn id_of(session: usize) -> SessionId {
    SessionId::from_bytes([u8::try_from(session).unwrap(); 16])
}

/// The other way round.
pub(super) fn index_of(id: SessionId) -> usize {
    id.as_bytes()[0].into()
}

pub(super) fn as_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap()
}
