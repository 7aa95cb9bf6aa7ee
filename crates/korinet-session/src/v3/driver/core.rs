use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{Payload, Transmit, Volatile};
use korinet_wire::v3::{AttachNumber, Code, Kind, Level, Seq, SessionId};

use crate::v3::{
    Action, Batch, ClientSession, Delivery, Ending, Event, SendError, ServerSession, Ticket,
};
use crate::{ConnectionError, SessionError};

/// A session's state machine, of either side.
#[derive(Debug)]
pub(super) enum Core {
    Client(Box<ClientSession>),
    Server(Box<ServerSession>),
}

/// Calls the method of the same name of whichever side it is.
macro_rules! either {
    ($core:expr, $session:ident => $call:expr) => {
        match $core {
            Core::Client($session) => $call,
            Core::Server($session) => $call,
        }
    };
}

impl Core {
    /// What is charged for each message, beside its bytes.
    pub(super) const PER_MESSAGE: usize = 360;

    pub(super) fn handle_bytes(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        input: &mut BytesMut,
    ) {
        either!(self, session => session.handle_bytes(now, attach, input));
    }

    pub(super) fn handle_disconnected(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        reason: ConnectionError,
    ) {
        either!(self, session => session.handle_disconnected(now, attach, reason));
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        either!(self, session => session.handle_timeout(now));
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        either!(self, session => session.poll_timeout())
    }

    pub(super) fn has_transmit(&self, attach: AttachNumber, is_input_idle: bool) -> bool {
        either!(self, session => session.has_transmit(attach, is_input_idle))
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &mut Transmit,
    ) -> bool {
        either!(self, session => session.poll_transmit(now, attach, out))
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        either!(self, session => session.poll_action())
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        either!(self, session => session.poll_event())
    }

    pub(super) fn send(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Ticket, SendError> {
        either!(self, session => session.send(kind, re, payload))
    }

    pub(super) fn send_many(&mut self, kind: Kind, payloads: &[&[u8]]) -> usize {
        either!(self, session => session.send_many(kind, payloads))
    }

    pub(super) fn send_volatile(&mut self, raw: bool, payload: &[u8]) -> Result<bool, SendError> {
        either!(self, session => session.send_volatile(raw, payload))
    }

    pub(super) fn recv(&mut self) -> Option<Delivery> {
        either!(self, session => session.recv_message())
    }

    pub(super) fn recv_call(&mut self) -> Option<Delivery> {
        either!(self, session => session.recv_call())
    }

    pub(super) fn recv_left_call(&mut self) -> Option<Delivery> {
        either!(self, session => session.recv_left_call())
    }

    /// The number in the present session of a message that was accepted in it.
    pub(super) fn number_of(&self, ticket: Ticket) -> Option<Seq> {
        match self {
            Self::Client(session) => session.number_of(ticket),
            Self::Server(_) => Seq::new(ticket.0),
        }
    }

    pub(super) fn level(&self) -> Option<Level> {
        either!(self, session => session.level())
    }

    pub(super) fn written(&self) -> Ticket {
        either!(self, session => session.written())
    }

    pub(super) fn recv_many(&mut self, batch: &mut Batch, limit: usize, bytes: u64) {
        either!(self, session => session.recv_many(batch, limit, bytes));
    }

    pub(super) fn recv_volatile(&mut self) -> Option<Volatile> {
        either!(self, session => session.recv_volatile())
    }

    pub(super) fn finish(&mut self, of: SessionId, seq: Seq) {
        match self {
            Self::Client(session) => session.finish(of, seq),
            Self::Server(session) => session.finish(seq),
        }
    }

    pub(super) fn close(&mut self, now: Instant, code: Code, text: &str) {
        either!(self, session => session.close(now, code, text));
    }

    pub(super) fn abort(&mut self, now: Instant, error: SessionError) {
        match self {
            Self::Client(session) => session.abort(error),
            Self::Server(session) => session.abort(now, Ending::Error(error)),
        }
    }

    pub(super) fn acknowledged(&self) -> Ticket {
        either!(self, session => session.acknowledged())
    }

    pub(super) fn accepted(&self) -> Ticket {
        either!(self, session => session.accepted())
    }

    pub(super) fn is_attached(&self) -> bool {
        match self {
            Self::Client(session) => session.is_attached(),
            Self::Server(session) => session.attached().is_some(),
        }
    }

    pub(super) fn unread(&self) -> usize {
        either!(self, session => session.unread())
    }

    /// How many of them stand for themselves, at the most.
    pub(super) fn unread_messages(&self) -> usize {
        either!(self, session => session.unread_messages())
    }

    pub(super) fn has_volatile(&self) -> bool {
        either!(self, session => session.has_volatile())
    }

    /// What the session holds for its peer and its application, as it is charged: payloads, and what comes with each
    /// message.
    pub(super) fn held(&self) -> u64 {
        let (in_flight, bytes) = self.in_flight();
        let messages = in_flight + self.unread();
        let unread = either!(self, session => session.unread_bytes());
        bytes + unread + u64::try_from(messages * Self::PER_MESSAGE).unwrap_or(u64::MAX)
    }

    pub(super) fn in_flight(&self) -> (usize, u64) {
        either!(self, session => session.in_flight())
    }

    pub(super) fn duplicates(&self) -> u64 {
        either!(self, session => session.duplicates())
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        either!(self, session => session.round_trip())
    }

    /// How many attempts the present outage has seen.
    pub(super) fn attempts(&self) -> u32 {
        match self {
            Self::Client(session) => session.attempts(),
            Self::Server(_) => 0,
        }
    }

    /// The last connection, or attempt to get one.
    pub(super) fn attach(&self) -> AttachNumber {
        either!(self, session => session.attach())
    }

    /// Whether no later connection, or attempt to get one, has taken the place of this one.
    pub(super) fn is_current(&self, attach: AttachNumber) -> bool {
        self.attach() == attach
    }

    pub(super) fn id(&self) -> Option<SessionId> {
        match self {
            Self::Client(session) => session.session(),
            Self::Server(session) => Some(session.id()),
        }
    }
}
