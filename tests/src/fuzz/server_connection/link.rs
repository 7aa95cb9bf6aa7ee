use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use korinet_session::v3::{Principal, ServerSession};
use korinet_wire::Detection;
use korinet_wire::v3::{AttachNumber, MAX_HANDSHAKE_FRAME, PREFACE, PREFIX_LEN, SessionId};

use super::exchange::Exchange;
use super::hello::Offer;
use super::occurred::{Occurred, What};
use super::said::Said;
use crate::host::{Host, HostEnd};

/// What waits for the rest of its frame is less than a frame, here of the least limit that there is.
const MAX_WAITING: usize = PREFIX_LEN + MAX_HANDSHAKE_FRAME as usize;

/// The memory of it: as much again, since room is made for what is to come.
const MAX_INPUT: usize = 2 * MAX_WAITING;

/// After that time without a first byte a peer is taken for one of v2 (V3-2).
const SILENCE: Duration = Duration::from_secs(1);

/// One connection at the server, from its first byte on.
pub(super) struct Link {
    /// Tells it from all others.
    pub(super) serial: u32,
    pub(super) principal: Principal,
    pub(super) end: End,
    pub(super) said: Said,
    /// What its client asked for, if the script knows.
    pub(super) offer: Option<Offer>,
    accepted: Instant,
    input: BytesMut,
    /// The first bytes that came.
    beginning: Vec<u8>,
}

/// Who has it.
pub(super) enum End {
    /// What it speaks is not known.
    Fresh,
    V2(Box<Exchange>),
    V3(HostEnd),
    /// Nobody any more; perhaps the session that had it in this attempt lives.
    Over(Option<(SessionId, AttachNumber)>),
}

impl Link {
    pub(super) fn new(now: Instant, serial: u32, principal: Principal) -> Self {
        Self {
            serial,
            principal,
            end: End::Fresh,
            said: Said::new(),
            offer: None,
            accepted: now,
            input: BytesMut::new(),
            beginning: Vec::new(),
        }
    }

    /// Bytes arrive, `piece` of them at a time.
    pub(super) fn feed(
        &mut self,
        now: Instant,
        bytes: &[u8],
        piece: usize,
        host: &mut Host,
        occurred: &mut Occurred,
    ) {
        for piece in bytes.chunks(piece.max(1)) {
            if matches!(&self.end, End::V2(exchange) if !exchange.is_reading()) {
                return;
            }
            let missing = PREFACE.len() - self.beginning.len();
            self.beginning
                .extend_from_slice(&piece[..missing.min(piece.len())]);
            self.append(piece);
            self.handle_input(now, host, occurred);
            self.check_input();
        }
    }

    /// As a driver does: in memory of the right size.
    fn append(&mut self, bytes: &[u8]) {
        if self.input.capacity() - self.input.len() < bytes.len() {
            let mut joined = BytesMut::with_capacity(self.input.len() + bytes.len());
            joined.put_slice(&self.input);
            self.input = joined;
        }
        self.input.put_slice(bytes);
    }

    fn handle_input(&mut self, now: Instant, host: &mut Host, occurred: &mut Occurred) {
        if matches!(self.end, End::Fresh) {
            self.detect(now, host, occurred);
        }
        match &mut self.end {
            End::Fresh => {}
            End::V2(exchange) => {
                if exchange.handle_bytes(&mut self.input, occurred).is_err() {
                    occurred.note(What::OfV2Refused);
                    self.finish();
                }
            }
            End::V3(end) => {
                let was_greeting = matches!(end, HostEnd::Greeting(..));
                let answer = host.handle_bytes(now, end, &mut self.input);
                self.answer(&answer, occurred);
                if was_greeting && matches!(self.end, End::V3(HostEnd::Over)) {
                    self.said.check_refused(&answer, occurred);
                    self.finish();
                }
            }
            End::Over(past) => {
                occurred.note(What::BehindTheEnd);
                check_nothing_is_taken(*past, now, host, &mut self.input);
            }
        }
    }

    fn detect(&mut self, now: Instant, host: &Host, occurred: &mut Occurred) {
        match Detection::of(&self.input) {
            Detection::NeedMore { needed } => assert!(needed > 0),
            Detection::V3 => self.end = End::V3(host.accept_from(now, self.principal.clone())),
            Detection::V2 => self.take_for_v2(true, occurred),
            // The decoder of v2 says what is wrong with it.
            Detection::Tls | Detection::Unknown(_) => {
                occurred.note(What::OtherProtocol);
                self.take_for_v2(false, occurred);
            }
        }
    }

    fn take_for_v2(&mut self, is_plausible: bool, occurred: &mut Occurred) {
        occurred.note(What::OfV2);
        self.end = End::V2(Box::new(Exchange::new(is_plausible)));
    }

    /// Time has passed for one that no session has.
    pub(super) fn handle_timeout(&mut self, now: Instant, host: &Host, occurred: &mut Occurred) {
        match &mut self.end {
            End::Fresh if now - self.accepted >= SILENCE => {
                let is_silent = self.beginning.is_empty();
                self.take_for_v2(is_silent, occurred);
            }
            End::V3(end) => {
                let was_greeting = matches!(end, HostEnd::Greeting(..));
                let answer = host.handle_timeout(now, end);
                if let HostEnd::Greeting(greeter, _) = end {
                    assert!(greeter.poll_timeout().is_some_and(|at| at > now));
                }
                self.answer(&answer, occurred);
                if was_greeting && matches!(self.end, End::V3(HostEnd::Over)) {
                    self.said.check_refused(&answer, occurred);
                    self.finish();
                }
            }
            End::Fresh | End::V2(_) | End::Over(_) => {}
        }
    }

    /// The server writes this.
    pub(super) fn answer(&mut self, bytes: &[u8], occurred: &mut Occurred) {
        self.said.handle_bytes(bytes, &self.beginning, occurred);
    }

    /// Nobody has it any more.
    pub(super) fn finish(&mut self) {
        let past = match &self.end {
            End::V3(HostEnd::Session(id, attach)) => Some((*id, *attach)),
            End::Over(past) => *past,
            End::Fresh | End::V2(_) | End::V3(_) => None,
        };
        self.input = BytesMut::new();
        if let End::V2(exchange) = std::mem::replace(&mut self.end, End::Over(past)) {
            exchange.lose();
        }
    }

    /// It is lost.
    pub(super) fn lose(&mut self, now: Instant, host: &mut Host) {
        let session = self.session();
        if let End::V3(end) = &mut self.end {
            host.lose(now, end);
        }
        self.finish();
        self.end = End::Over(session);
    }

    /// The session that has it, and in which attempt.
    pub(super) const fn session(&self) -> Option<(SessionId, AttachNumber)> {
        match &self.end {
            End::V3(HostEnd::Session(id, attach)) => Some((*id, *attach)),
            End::Fresh | End::V2(_) | End::V3(_) | End::Over(_) => None,
        }
    }

    fn check_input(&self) {
        let (waiting, memory) = (self.input.len(), self.input.capacity());
        match &self.end {
            End::Over(_) => assert_eq!(waiting, 0),
            // What one read brought waits until the application has room.
            End::V2(exchange) if !exchange.is_reading() => {}
            End::Fresh | End::V2(_) | End::V3(_) => assert!(waiting < MAX_WAITING),
        }
        assert!(memory <= MAX_INPUT, "{memory} bytes for one connection");
    }
}

/// What comes on a connection after its end changes nothing of the session that had it.
fn check_nothing_is_taken(
    past: Option<(SessionId, AttachNumber)>,
    now: Instant,
    host: &mut Host,
    input: &mut BytesMut,
) {
    if let Some((id, attach)) = past
        && let Some(session) = host.registry.get_mut(id)
    {
        assert_ne!(session.attached(), Some(attach));
        let before = fingerprint(session);
        session.handle_bytes(now, attach, input);
        assert!(fingerprint(session) == before, "taken after the end");
        assert!(input.is_empty());
    }
    *input = BytesMut::new();
}

/// All that a session holds, in short.
pub(super) fn fingerprint(session: &ServerSession) -> u64 {
    let mut hasher = DefaultHasher::new();
    session.hash(&mut hasher);
    hasher.finish()
}
