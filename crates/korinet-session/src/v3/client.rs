use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{Message, Payload, ReceiveWindow, Transmit, Volatile, Windows};
use korinet_wire::v3::{AttachNumber, Code, Features, Kind, Level, OpenNonce, Seq, SessionId};

use super::batch::Batch;
use super::channel::{Channel, SessionKey};
use super::conversation::{Conversation, Ended, Outcome};
use super::deadline::later;
use super::nonces::Nonces;
use super::queue::Queue;
use super::server::{inbox_bytes, pop_call, pop_message};
use super::{
    Action, ClientConfig, Credential, Delivery, Ending, Event, InDoubt, SendError, Ticket,
};
use crate::{ConnectionError, Reconnect, SessionError};

mod handshake;
mod loss;
mod refusal;

use handshake::Handshake;
use refusal::Refusal;

/// The client's side of a session of protocol v3, without a socket.
///
/// ```text
///            Dial            handle_connected           WELCOME
///  waiting --------> dialing ---------------> greeting --------> attached
///     ^                 |                        |                  |
///     +-----------------+------------------------+------------------+
///       handle_connect_failed, handle_disconnected, a timeout, an error of the peer
/// ```
///
/// From each of them the session can come to its end.
///
/// - Inputs: [`handle_connected`](Self::handle_connected),
///   [`handle_connect_failed`](Self::handle_connect_failed), [`handle_bytes`](Self::handle_bytes),
///   [`handle_disconnected`](Self::handle_disconnected), [`handle_timeout`](Self::handle_timeout).
///   Each names the attempt that it belongs to; what belongs to an earlier one changes nothing.
/// - Commands: [`send`](Self::send), [`send_volatile`](Self::send_volatile), [`recv`](Self::recv),
///   [`finish`](Self::finish), [`close`](Self::close).
/// - Outputs, to be asked for until there is nothing more, after any input or command:
///   [`poll_action`](Self::poll_action), [`poll_event`](Self::poll_event),
///   [`poll_transmit`](Self::poll_transmit), [`poll_timeout`](Self::poll_timeout).
///
/// Any order of calls is correct. Memory: the two windows, and what of a lost session is to be sent
/// again or was not read.
#[derive(Debug, Clone)]
pub struct ClientSession {
    config: ClientConfig,
    nonces: Nonces,
    /// The last attempt.
    attach: AttachNumber,
    phase: Phase,
    /// Of the session that the client has, or wants.
    nonce: OpenNonce,
    session: Option<Established>,
    /// What a lost session left, to be sent first in the next.
    backlog: Vec<Message>,
    /// What lost sessions left to be read.
    inbox: Queue<Delivery>,
    /// How many messages were accepted, and how many of them no session has to send any more.
    sent: u64,
    settled: u64,
    /// How many messages came again in lost sessions.
    past_duplicates: u64,
    /// A close that came while there was no session.
    closing: Option<(Code, String)>,
    reconnect: Reconnect,
    /// What the server asked for when it announced the end of the connection (V3-42).
    drain_wait: Option<Duration>,
    /// The credentials were refused with this code the last time.
    unauthenticated: Option<Code>,
    actions: Queue<Action>,
    events: Queue<Event>,
}

#[derive(Debug, Clone, Hash)]
enum Phase {
    Waiting { retry_at: Instant },
    Dialing { deadline: Instant },
    Greeting(Handshake),
    Attached { stable_at: Option<Instant> },
    Over,
}

/// A session that a server has granted.
#[derive(Debug, Clone, Hash)]
struct Established {
    id: SessionId,
    key: SessionKey,
    features: Features,
    conversation: Conversation,
    /// The number in the session of the message with [`Ticket`] `n` is `n - offset`.
    offset: u64,
}

impl ClientSession {
    /// A client that wants a session. `seed` has to be different for each, and not to be guessed;
    /// `config` has the seed of the waits.
    #[must_use]
    pub fn new(now: Instant, config: ClientConfig, seed: [u8; 32]) -> Self {
        let mut nonces = Nonces::new(seed);
        let nonce = nonces.draw();
        let reconnect = Reconnect::new(config.backoff.clone(), config.give_up);
        let mut client = Self {
            config,
            nonces,
            attach: AttachNumber::FIRST,
            phase: Phase::Waiting { retry_at: now },
            nonce,
            session: None,
            backlog: Vec::new(),
            inbox: Queue::default(),
            sent: 0,
            settled: 0,
            past_duplicates: 0,
            closing: None,
            reconnect,
            drain_wait: None,
            unauthenticated: None,
            actions: Queue::default(),
            events: Queue::default(),
        };
        client.dial(now, AttachNumber::FIRST);
        client
    }

    fn dial(&mut self, now: Instant, attach: AttachNumber) {
        self.attach = attach;
        let deadline = later(now, self.config.connect_timeout);
        self.phase = Phase::Dialing { deadline };
        self.events.push_back(Event::Connecting(attach));
        self.actions.push_back(Action::Dial(attach));
    }

    /// The attempt has succeeded: there is a connection, with these credentials to show.
    pub fn handle_connected(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        channel: Channel,
        credential: Option<&Credential>,
    ) {
        if attach == self.attach && matches!(self.phase, Phase::Dialing { .. }) {
            self.greet(now, channel, credential);
        } else {
            self.actions.push_back(Action::Abandon(attach));
        }
    }

    /// The attempt has failed.
    pub fn handle_connect_failed(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        reason: ConnectionError,
    ) {
        if attach == self.attach && matches!(self.phase, Phase::Dialing { .. }) {
            self.fail(now, reason, false, Duration::ZERO);
        }
    }

    /// Bytes came. What is handled is taken out of `input`; a part of a frame waits there for more.
    pub fn handle_bytes(&mut self, now: Instant, attach: AttachNumber, input: &mut BytesMut) {
        if attach != self.attach {
            input.clear();
            return;
        }
        if matches!(self.phase, Phase::Greeting(_)) {
            self.handle_greeting(now, input);
        }
        if matches!(self.phase, Phase::Attached { .. }) {
            if let Some(session) = &mut self.session
                && !input.is_empty()
            {
                session.conversation.handle_bytes(now, attach, input);
            }
            self.handle_conversation(now);
        }
    }

    /// The connection is gone, without the peer having said so by a frame.
    pub fn handle_disconnected(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        reason: ConnectionError,
    ) {
        if attach != self.attach {
            return;
        }
        match self.phase {
            // A server that this client has a session with is known to speak the protocol.
            Phase::Greeting(_)
                if self.session.is_none() && reason == ConnectionError::ClosedByPeer =>
            {
                self.fail(
                    now,
                    ConnectionError::ClosedUnwelcomed,
                    false,
                    Duration::ZERO,
                );
            }
            Phase::Greeting(_) => self.fail(now, reason, false, Duration::ZERO),
            Phase::Attached { .. } => {
                let detach = |session: &mut Established| session.conversation.detach();
                let has_progress = self.session.as_mut().is_some_and(detach);
                self.fail(now, reason, has_progress, Duration::ZERO);
            }
            Phase::Waiting { .. } | Phase::Dialing { .. } | Phase::Over => {}
        }
    }

    /// Time has passed: to be called at [`poll_timeout`](Self::poll_timeout), and at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.phase {
            Phase::Waiting { retry_at } if *retry_at <= now => match self.attach.next() {
                Some(attach) => self.dial(now, attach),
                None => self.end(Ending::Error(SessionError::Exhausted)),
            },
            Phase::Dialing { deadline } if *deadline <= now => {
                let reason = ConnectionError::ConnectTimeout(self.config.connect_timeout);
                self.actions.push_back(Action::Abandon(self.attach));
                self.fail(now, reason, false, Duration::ZERO);
            }
            Phase::Greeting(handshake) if handshake.deadline() <= now => {
                let timeout = self.config.settings.handshake_timeout;
                self.actions.push_back(Action::Abandon(self.attach));
                let reason = ConnectionError::HandshakeTimeout(timeout);
                self.fail(now, reason, false, Duration::ZERO);
            }
            Phase::Attached { stable_at } => {
                if stable_at.is_some_and(|at| at <= now) {
                    *stable_at = None;
                    self.reconnect.handle_progress();
                }
                if let Some(session) = &mut self.session {
                    session.conversation.handle_timeout(now);
                }
                self.handle_conversation(now);
            }
            Phase::Waiting { .. } | Phase::Dialing { .. } | Phase::Greeting(_) | Phase::Over => {}
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { retry_at } => Some(*retry_at),
            Phase::Dialing { deadline } => Some(*deadline),
            Phase::Greeting(handshake) => Some(handshake.deadline()),
            Phase::Attached { stable_at } => {
                let session = self.session.as_ref();
                let timeout = session.and_then(|session| session.conversation.poll_timeout());
                [*stable_at, timeout].into_iter().flatten().min()
            }
            Phase::Over => None,
        }
    }

    /// Accepts a message. It is sent as soon as there is a connection, and is this side's to answer
    /// for until [`acknowledged`](Self::acknowledged) covers it.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Ticket, SendError> {
        if self.closing.is_some() || matches!(self.phase, Phase::Over) {
            return Err(SendError::Closed);
        }
        let session = self.session.as_mut().ok_or(SendError::NotOpen)?;
        session.conversation.send(kind, re, payload)?;
        self.sent += 1;
        Ok(Ticket(self.sent))
    }

    /// Has messages sent that answer and continue none, in order, as many as are accepted; how many. What is in the way of
    /// the next one, [`send`](Self::send) says.
    pub fn send_many(&mut self, kind: Kind, payloads: &[&[u8]]) -> usize {
        if self.closing.is_some() || matches!(self.phase, Phase::Over) {
            return 0;
        }
        let session = self.session.as_mut();
        let count = session.map_or(0, |session| session.conversation.send_many(kind, payloads));
        self.sent += u64::try_from(count).unwrap_or(u64::MAX);
        count
    }

    /// Sends a payload that is not acknowledged and does not come again; false if it was dropped
    /// at once, as it is without a connection.
    ///
    /// # Errors
    ///
    /// [`SendError::Push`] for one that is too large.
    pub fn send_volatile(&mut self, raw: bool, payload: &[u8]) -> Result<bool, SendError> {
        match &mut self.session {
            Some(session) => Ok(session.conversation.send_volatile(raw, payload)?),
            None => Ok(false),
        }
    }

    /// The next message for the application, of whatever kind.
    pub fn recv(&mut self) -> Option<Delivery> {
        let delivery = self.inbox.pop_front();
        delivery.or_else(|| self.session.as_mut()?.recv(ReceiveWindow::recv))
    }

    /// The next message that stands for itself. Who asks by this asks for calls by [`recv_call`](Self::recv_call).
    pub fn recv_message(&mut self) -> Option<Delivery> {
        let delivery = pop_message(&mut self.inbox);
        delivery.or_else(|| self.session.as_mut()?.recv(ReceiveWindow::recv_message))
    }

    /// The next message of the present session that is a request or names one.
    pub fn recv_call(&mut self) -> Option<Delivery> {
        self.session.as_mut()?.recv(ReceiveWindow::recv_call)
    }

    /// The next of the same that a session that is over left to be read.
    pub fn recv_left_call(&mut self) -> Option<Delivery> {
        pop_call(&mut self.inbox)
    }

    /// The number in the present session of a message that was accepted in it.
    #[must_use]
    pub fn number_of(&self, ticket: Ticket) -> Option<Seq> {
        Seq::new(ticket.0.checked_sub(self.session.as_ref()?.offset)?)
    }

    /// What an acknowledgement of this side says, where there is a session.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        Some(self.session.as_ref()?.conversation.level())
    }

    /// The last message that was written on the present connection, and that is not in a later place than one that
    /// was not.
    #[must_use]
    pub fn written(&self) -> Ticket {
        Ticket(match &self.session {
            Some(session) => session.offset + session.conversation.written(),
            None => self.settled,
        })
    }

    /// Moves the next messages for the application to the end of `batch`, until there are `limit` in all, or those that
    /// were moved have this many `bytes`. Where it has messages of another session, there are none.
    pub fn recv_many(&mut self, batch: &mut Batch, limit: usize, bytes: u64) {
        batch.take_from(&mut self.inbox, limit);
        if !self.inbox.is_empty() {
            return;
        }
        if let Some(session) = &mut self.session
            && let Some(messages) = batch.of(session.id)
        {
            let receive = &mut session.conversation.windows_mut().receive;
            receive.recv_many(messages, limit, bytes);
        }
    }

    /// The next volatile payload for the application.
    pub fn recv_volatile(&mut self) -> Option<Volatile> {
        self.session.as_mut()?.conversation.recv_volatile()
    }

    /// The application is done with a message; at the level `processed` it is acknowledged then. One
    /// of a session that is lost changes nothing.
    pub fn finish(&mut self, session: SessionId, seq: Seq) {
        if let Some(current) = &mut self.session
            && current.id == session
        {
            current.conversation.windows_mut().receive.finish(seq);
        }
    }

    /// Closes the session when all messages are acknowledged; over more connections if need be.
    /// Where they are, and the server cannot be reached to hear of it, that is tried for 5 s.
    /// [`Event::Closed`] tells the end.
    pub fn close(&mut self, now: Instant, code: Code, text: &str) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        match &mut self.session {
            Some(session) => {
                session.conversation.close(code, text);
                self.handle_conversation(now);
            }
            None if self.backlog.is_empty() => {
                self.actions.push_back(Action::Abandon(self.attach));
                self.end(Ending::Local);
            }
            None => self.closing = Some((code, text.to_owned())),
        }
    }

    /// Ends the session at once: the connection is dropped, the server keeps the session until it
    /// expires, and what is not acknowledged is in doubt.
    pub fn abort(&mut self, error: SessionError) {
        if !matches!(self.phase, Phase::Over) {
            self.actions.push_back(Action::Abandon(self.attach));
            self.end(Ending::Error(error));
        }
    }

    /// Reacts to what the conversation has come to.
    fn handle_conversation(&mut self, now: Instant) {
        let Some(session) = &mut self.session else {
            return;
        };
        if let Some(go_away) = session.conversation.poll_draining() {
            self.drain_wait = go_away.retry_after;
            self.events.push_back(Event::Draining(go_away));
        }
        if let Some(ended) = session.conversation.poll_ended(now) {
            self.handle_ended(now, ended);
        }
    }

    fn handle_ended(&mut self, now: Instant, ended: Ended) {
        self.actions
            .push_back(Action::Finish(ended.attach, ended.last));
        match ended.outcome {
            Outcome::Session { code, text } => self.end(self.ending(code, text)),
            Outcome::Connection(ConnectionError::Closed { code, text }) => {
                self.handle_refusal(now, Refusal::of(code, text), ended.has_progress);
            }
            Outcome::Connection(reason) => {
                self.fail(now, reason, ended.has_progress, Duration::ZERO);
            }
        }
    }

    /// How the session ended that the peer says is over.
    fn ending(&self, code: Code, text: String) -> Ending {
        if self.is_closing_done() {
            Ending::Local
        } else {
            Ending::Peer { code, text }
        }
    }

    /// Whether this side wanted to close, and all it sent was taken.
    fn is_closing_done(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.conversation.is_closing_done())
    }

    fn end(&mut self, why: Ending) {
        self.phase = Phase::Over;
        let in_doubt = self.take_in_doubt();
        self.events.push_back(Event::Closed { why, in_doubt });
    }

    /// The next thing for the driver to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether there is something to write on this connection that cannot wait until no more input is
    /// ready; or, where `is_input_idle`, anything at all.
    #[must_use]
    pub fn has_transmit(&self, attach: AttachNumber, is_input_idle: bool) -> bool {
        match (&self.phase, &self.session) {
            (Phase::Greeting(handshake), _) => attach == self.attach && handshake.has_transmit(),
            (_, Some(session)) => session.conversation.has_transmit(attach, is_input_idle),
            (_, None) => false,
        }
    }

    /// Appends to `out` all that is to be written on this connection now; whether there was anything.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &mut Transmit,
    ) -> bool {
        match (&mut self.phase, &mut self.session) {
            (Phase::Greeting(handshake), _) => {
                attach == self.attach && handshake.poll_transmit(out)
            }
            (_, Some(session)) => session.conversation.poll_transmit(now, attach, out),
            (_, None) => false,
        }
    }

    /// Every message up to this one is acknowledged, or was handed back by an event.
    #[must_use]
    pub fn acknowledged(&self) -> Ticket {
        Ticket(match &self.session {
            Some(session) => session.acknowledged(),
            None => self.settled,
        })
    }

    /// The session that the client has now.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        Some(self.session.as_ref()?.id)
    }

    /// Whether there is a connection and the session goes on over it.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        matches!(self.phase, Phase::Attached { .. })
    }

    /// The number of the last attempt.
    #[must_use]
    pub const fn attach(&self) -> AttachNumber {
        self.attach
    }

    /// How many attempts the present outage has seen.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.reconnect.attempts()
    }

    /// The last message that was accepted.
    #[must_use]
    pub const fn accepted(&self) -> Ticket {
        Ticket(self.sent)
    }

    /// How many messages the application has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        let windows = self.windows();
        self.inbox.len() + windows.map_or(0, |windows| windows.receive.unread())
    }

    /// How many of them stand for themselves, at the most.
    #[must_use]
    pub fn unread_messages(&self) -> usize {
        let windows = self.windows();
        self.inbox.len() + windows.map_or(0, |windows| windows.receive.unread_messages())
    }

    /// The bytes of all that the application has not read.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        let session = self.session.as_ref();
        let windows = session.map(|it| it.conversation.windows());
        inbox_bytes(&self.inbox) + windows.map_or(0, |windows| windows.receive.unread_bytes())
    }

    /// Whether there is a volatile payload for the application.
    #[must_use]
    pub fn has_volatile(&self) -> bool {
        self.windows()
            .is_some_and(|windows| windows.receive.has_volatile())
    }

    /// How many messages came again and were dropped.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        let windows = self.windows();
        self.past_duplicates + windows.map_or(0, |windows| windows.receive.duplicates())
    }

    fn windows(&self) -> Option<&Windows> {
        Some(self.session.as_ref()?.conversation.windows())
    }

    /// Whether the session is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// The messages that are not acknowledged, and their frames' bytes.
    #[must_use]
    pub fn in_flight(&self) -> (usize, u64) {
        let send = |session: &Established| {
            let send = &session.conversation.windows().send;
            (send.len(), send.bytes())
        };
        self.session.as_ref().map_or((0, 0), send)
    }

    /// The time between the last question of the keep-alive and its answer.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.session.as_ref()?.conversation.round_trip()
    }
}

impl Established {
    fn recv(&mut self, recv: fn(&mut ReceiveWindow) -> Option<Message>) -> Option<Delivery> {
        let message = recv(&mut self.conversation.windows_mut().receive)?;
        Some(Delivery {
            session: self.id,
            message,
        })
    }

    /// The last ticket that is acknowledged.
    fn acknowledged(&self) -> u64 {
        self.offset + (self.conversation.windows().send.oldest().get() - 1)
    }
}

/// What draws at random does not count, so that a model checker sees two clients that differ in
/// nothing else as one.
impl Hash for ClientSession {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.attach, &self.phase, self.nonce, &self.session).hash(state);
        (&self.backlog, &self.inbox, self.sent, self.settled).hash(state);
        (&self.closing, self.drain_wait, self.unauthenticated).hash(state);
        (&self.actions, &self.events).hash(state);
    }
}
