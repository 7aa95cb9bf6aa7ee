use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{GoAway, Message, Payload, ReceiveWindow, Transmit, Volatile};
use korinet_wire::v3::{
    AttachNumber, Code, Features, InstanceId, Kind, Level, Open, Role, Seq, SessionId,
};

use super::batch::Batch;
use super::channel::SessionKey;
use super::conversation::{Conversation, Ended, Outcome};
use super::deadline::later;
use super::queue::Queue;
use super::secret_bytes::SecretBytes;
use super::{Action, Delivery, Ending, Event, InDoubt, SendError, ServerConfig, Ticket, Tombstone};
use crate::{ConnectionError, SessionError};

mod attach;
mod comings;

use comings::Comings;

/// What a server draws for a new session; all of it at random.
#[derive(Debug, Clone, Hash)]
pub struct Grant {
    /// The session's name.
    pub session: SessionId,
    /// Its key, where the connection is not secured; a secured one has its own.
    pub key: SessionKey,
    /// The process; the same for all its sessions.
    pub instance: InstanceId,
}

/// The server's side of a session of protocol v3, without a socket.
///
/// ```text
///                    handle_greeting                           expiry
///   open -> attached <-------------- detached ------------------------> over
///              | ^                      ^
///              | +-- take-over          |
///              +------------------------+
///       handle_disconnected, a timeout, an error of the peer
/// ```
///
/// From each of them the session can be closed. The groups of its methods are those of
/// [`ClientSession`](super::ClientSession); an attach number names the connection. A
/// [`Registry`](super::Registry) knows which session a HELLO is for.
#[derive(Debug, Clone)]
pub struct ServerSession {
    id: SessionId,
    instance: InstanceId,
    key: SessionKey,
    /// Whether its connections are secured: all are, or none (V3-45).
    is_secured: bool,
    opened: Open,
    features: Features,
    config: Arc<ServerConfig>,
    /// What was granted.
    expiry: Duration,
    /// The highest that was accepted.
    attach: AttachNumber,
    /// Once the client has come back.
    comings: Option<Box<Comings>>,
    conversation: Option<Conversation>,
    /// Without a connection.
    expires_at: Option<Instant>,
    /// Preface and WELCOME, until they are written.
    welcome: Option<Box<SecretBytes>>,
    over: Option<Box<Over>>,
    /// What is left to be read when the session is over.
    inbox: Queue<Delivery>,
    actions: Queue<Action>,
    events: Queue<Event>,
}

/// What is known of a session when it is over.
#[derive(Debug, Clone)]
struct Over {
    tombstone: Tombstone,
    accepted: u64,
    acknowledged: u64,
    duplicates: u64,
}

impl ServerSession {
    /// Bytes came on this connection. What is handled is taken out of `input`; a part of a frame waits
    /// there for more.
    pub fn handle_bytes(&mut self, now: Instant, attach: AttachNumber, input: &mut BytesMut) {
        match &mut self.conversation {
            Some(conversation) if !input.is_empty() => {
                conversation.handle_bytes(now, attach, input);
                self.handle_conversation(now);
            }
            _ => input.clear(),
        }
    }

    /// The connection is gone, without the peer having said so by a frame.
    pub fn handle_disconnected(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        reason: ConnectionError,
    ) {
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        if conversation.attached() != Some(attach) {
            return;
        }
        let is_end_written = conversation.is_end_written();
        conversation.detach();
        self.detached(now, reason, is_end_written);
    }

    fn detached(&mut self, now: Instant, reason: ConnectionError, is_end_written: bool) {
        if is_end_written {
            // The client either has the CLOSE or asks again and is told (V3-39).
            return self.end(now, Ending::Local, Code::SESSION_ENDED);
        }
        self.welcome = None;
        self.expires_at = Some(later(now, self.expiry));
        self.events.push_back(Event::Detached {
            reason,
            wait: self.expiry,
        });
    }

    /// Time has passed: to be called at [`poll_timeout`](Self::poll_timeout), and at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.expires_at.is_some_and(|at| at <= now) {
            let error = SessionError::Expired { after: self.expiry };
            self.end(now, Ending::Error(error), Code::SESSION_EXPIRED);
        }
        if let Some(conversation) = &mut self.conversation {
            conversation.handle_timeout(now);
            self.handle_conversation(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timeout = self
            .conversation
            .as_ref()
            .and_then(Conversation::poll_timeout);
        [self.expires_at, timeout].into_iter().flatten().min()
    }

    /// Accepts a message; it is sent as soon as there is a connection.
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
        let conversation = self.conversation.as_mut().ok_or(SendError::Closed)?;
        let seq = conversation.send(kind, re, payload)?;
        Ok(Ticket(seq.get()))
    }

    /// As [`ClientSession::send_many`](super::ClientSession::send_many).
    pub fn send_many(&mut self, kind: Kind, payloads: &[&[u8]]) -> usize {
        let conversation = self.conversation.as_mut();
        conversation.map_or(0, |conversation| conversation.send_many(kind, payloads))
    }

    /// As [`ClientSession::send_volatile`](super::ClientSession::send_volatile).
    ///
    /// # Errors
    ///
    /// [`SendError::Push`] for one that is too large.
    pub fn send_volatile(&mut self, raw: bool, payload: &[u8]) -> Result<bool, SendError> {
        match &mut self.conversation {
            Some(conversation) => Ok(conversation.send_volatile(raw, payload)?),
            None => Ok(false),
        }
    }

    /// The next message for the application, of whatever kind.
    pub fn recv(&mut self) -> Option<Delivery> {
        let delivery = self.inbox.pop_front();
        delivery.or_else(|| self.recv_by(ReceiveWindow::recv))
    }

    /// As [`ClientSession::recv_message`](super::ClientSession::recv_message).
    pub fn recv_message(&mut self) -> Option<Delivery> {
        let delivery = pop_message(&mut self.inbox);
        delivery.or_else(|| self.recv_by(ReceiveWindow::recv_message))
    }

    /// As [`ClientSession::recv_call`](super::ClientSession::recv_call).
    pub fn recv_call(&mut self) -> Option<Delivery> {
        self.recv_by(ReceiveWindow::recv_call)
    }

    /// As [`ClientSession::recv_left_call`](super::ClientSession::recv_left_call).
    pub fn recv_left_call(&mut self) -> Option<Delivery> {
        pop_call(&mut self.inbox)
    }

    fn recv_by(&mut self, recv: fn(&mut ReceiveWindow) -> Option<Message>) -> Option<Delivery> {
        let conversation = self.conversation.as_mut()?;
        let message = recv(&mut conversation.windows_mut().receive)?;
        Some(Delivery {
            session: self.id,
            message,
        })
    }

    /// As [`ClientSession::level`](super::ClientSession::level).
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.conversation.as_ref().map(Conversation::level)
    }

    /// As [`ClientSession::written`](super::ClientSession::written).
    #[must_use]
    pub fn written(&self) -> Ticket {
        match &self.conversation {
            Some(conversation) => Ticket(conversation.written()),
            None => self.acknowledged(),
        }
    }

    /// Moves the next messages for the application to the end of `batch`, until there are `limit` in all, or those that
    /// were moved have this many `bytes`. Where it has messages of another session, there are none.
    pub fn recv_many(&mut self, batch: &mut Batch, limit: usize, bytes: u64) {
        let Some(conversation) = &mut self.conversation else {
            return batch.take_from(&mut self.inbox, limit);
        };
        if let Some(messages) = batch.of(self.id) {
            let receive = &mut conversation.windows_mut().receive;
            receive.recv_many(messages, limit, bytes);
        }
    }

    /// The next volatile payload for the application.
    pub fn recv_volatile(&mut self) -> Option<Volatile> {
        self.conversation.as_mut()?.recv_volatile()
    }

    /// The application is done with a message; at the level `processed` it is acknowledged then.
    pub fn finish(&mut self, seq: Seq) {
        if let Some(conversation) = &mut self.conversation {
            conversation.windows_mut().receive.finish(seq);
        }
    }

    /// Announces that this side will close the connection (V3-42).
    pub fn go_away(&mut self, go_away: GoAway) {
        if let Some(conversation) = &mut self.conversation {
            conversation.go_away(go_away);
        }
    }

    /// Closes the session when all messages are acknowledged, if the client comes back in time for
    /// that. [`Event::Closed`] tells the end.
    pub fn close(&mut self, now: Instant, code: Code, text: &str) {
        if let Some(conversation) = &mut self.conversation {
            conversation.close(code, text);
            self.handle_conversation(now);
        }
    }

    /// Closes the connection and keeps the session, for the client to come back to.
    pub fn detach(&mut self, now: Instant, code: Code, text: &str) {
        self.detach_for(now, code, text, ConnectionError::ClosedHere);
    }

    /// Ends the session at once: what is not acknowledged is in doubt, and a client that comes back is told
    /// that the session has ended.
    pub fn abort(&mut self, now: Instant, why: Ending) {
        self.end(now, why, Code::SESSION_ENDED);
    }

    /// Ends the session at once, since the server is about to stop: the client is told to come back later, to
    /// whoever is there then.
    pub fn shut_down(&mut self, now: Instant, text: &str) {
        let dismiss =
            |conversation: &mut Conversation| conversation.dismiss(now, Code::DRAINING, text);
        if let Some(ended) = self.conversation.as_mut().and_then(dismiss) {
            self.part_from(ended.attach, &ended.last);
        }
        self.end(now, Ending::Local, Code::SESSION_ENDED);
    }

    /// As [`detach`](Self::detach), for a reason of its own.
    pub(super) fn detach_for(
        &mut self,
        now: Instant,
        code: Code,
        text: &str,
        reason: ConnectionError,
    ) {
        let dismiss = |conversation: &mut Conversation| conversation.dismiss(now, code, text);
        if let Some(mut ended) = self.conversation.as_mut().and_then(dismiss) {
            if matches!(ended.outcome, Outcome::Connection(_)) {
                ended.outcome = Outcome::Connection(reason);
            }
            self.handle_ended(now, ended);
        }
    }

    fn handle_conversation(&mut self, now: Instant) {
        let Some(conversation) = &mut self.conversation else {
            return;
        };
        if let Some(go_away) = conversation.poll_draining() {
            self.events.push_back(Event::Draining(go_away));
        }
        if let Some(ended) = conversation.poll_ended(now) {
            self.handle_ended(now, ended);
        }
    }

    fn handle_ended(&mut self, now: Instant, ended: Ended) {
        self.part_from(ended.attach, &ended.last);
        match ended.outcome {
            Outcome::Session { code, text } => {
                let conversation = self.conversation.as_ref();
                let why = if conversation.is_some_and(Conversation::is_closing_done) {
                    Ending::Local
                } else {
                    Ending::Peer { code, text }
                };
                self.end(now, why, Code::SESSION_ENDED);
            }
            Outcome::Connection(reason) => self.detached(now, reason, ended.is_end_written),
        }
    }

    /// Has a connection ended with these bytes; it may not even have been welcomed.
    fn part_from(&mut self, attach: AttachNumber, last: &Bytes) {
        let mut bytes = BytesMut::from(self.welcome.take().unwrap_or_default().0);
        bytes.extend_from_slice(last);
        self.actions
            .push_back(Action::Finish(attach, bytes.freeze()));
    }

    fn end(&mut self, now: Instant, why: Ending, code: Code) {
        let Some(mut conversation) = self.conversation.take() else {
            return;
        };
        if let Some(ended) = conversation.dismiss(now, code, "") {
            self.part_from(ended.attach, &ended.last);
        }
        let windows = conversation.windows();
        let acknowledged = windows.send.oldest().get() - 1;
        let (next, digest) = windows.receive.taken();
        self.over = Some(Box::new(Over {
            tombstone: Tombstone {
                key: self.key.clone(),
                code,
                next,
                digest,
            },
            accepted: windows.send.end().get() - 1,
            acknowledged,
            duplicates: windows.receive.duplicates(),
        }));
        self.expires_at = None;
        self.welcome = None;
        let (unacknowledged, unread) = conversation.into_parts();
        let session = self.id;
        self.inbox = unread
            .into_iter()
            .map(|message| Delivery { session, message })
            .collect();
        let in_doubt = InDoubt::list(unacknowledged, Ticket(acknowledged + 1));
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

    /// As [`ClientSession::has_transmit`](super::ClientSession::has_transmit).
    #[must_use]
    pub fn has_transmit(&self, attach: AttachNumber, is_input_idle: bool) -> bool {
        (attach == self.attach && self.welcome.is_some())
            || self
                .conversation
                .as_ref()
                .is_some_and(|conversation| conversation.has_transmit(attach, is_input_idle))
    }

    /// Appends to `out` all that is to be written on this connection now; whether there was anything.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &mut Transmit,
    ) -> bool {
        let Some(conversation) = &mut self.conversation else {
            return false;
        };
        if conversation.attached() != Some(attach) {
            return false;
        }
        let welcome = self.welcome.take();
        let any = welcome.is_some();
        out.push(welcome.unwrap_or_default().0);
        conversation.poll_transmit(now, attach, out) || any
    }

    /// Every message up to this one is acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> Ticket {
        Ticket(match &self.conversation {
            Some(conversation) => conversation.windows().send.oldest().get() - 1,
            None => self.over.as_ref().map_or(0, |over| over.acknowledged),
        })
    }

    /// The last message that was accepted.
    #[must_use]
    pub fn accepted(&self) -> Ticket {
        Ticket(match &self.conversation {
            Some(conversation) => conversation.windows().send.end().get() - 1,
            None => self.over.as_ref().map_or(0, |over| over.accepted),
        })
    }

    /// How many messages the application has not read.
    #[must_use]
    pub fn unread(&self) -> usize {
        match &self.conversation {
            Some(conversation) => conversation.windows().receive.unread(),
            None => self.inbox.len(),
        }
    }

    /// How many of them stand for themselves, at the most.
    #[must_use]
    pub fn unread_messages(&self) -> usize {
        match &self.conversation {
            Some(conversation) => conversation.windows().receive.unread_messages(),
            None => self.inbox.len(),
        }
    }

    /// The bytes of all that the application has not read.
    #[must_use]
    pub fn unread_bytes(&self) -> u64 {
        match &self.conversation {
            Some(conversation) => conversation.windows().receive.unread_bytes(),
            None => inbox_bytes(&self.inbox),
        }
    }

    /// Whether there is a volatile payload for the application.
    #[must_use]
    pub fn has_volatile(&self) -> bool {
        let receive = self.conversation.as_ref().map(|it| &it.windows().receive);
        receive.is_some_and(ReceiveWindow::has_volatile)
    }

    /// How many messages came again and were dropped.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        match &self.conversation {
            Some(conversation) => conversation.windows().receive.duplicates(),
            None => self.over.as_ref().map_or(0, |over| over.duplicates),
        }
    }

    /// The highest number of an attempt that was accepted.
    #[must_use]
    pub const fn attach(&self) -> AttachNumber {
        self.attach
    }

    /// The session's name.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The connection that the session has.
    #[must_use]
    pub fn attached(&self) -> Option<AttachNumber> {
        self.conversation.as_ref()?.attached()
    }

    /// What to remember of the session, once it is over.
    #[must_use]
    pub fn tombstone(&self) -> Option<&Tombstone> {
        Some(&self.over.as_ref()?.tombstone)
    }

    /// The messages that are not acknowledged, and their frames' bytes.
    #[must_use]
    pub fn in_flight(&self) -> (usize, u64) {
        self.conversation.as_ref().map_or((0, 0), |conversation| {
            let send = &conversation.windows().send;
            (send.len(), send.bytes())
        })
    }

    /// The time between the last question of the keep-alive and its answer.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.conversation.as_ref()?.round_trip()
    }
}

/// The next message that stands for itself of those that sessions that are over left to be read.
pub(super) fn pop_message(inbox: &mut Queue<Delivery>) -> Option<Delivery> {
    let is_message = |delivery: &Delivery| delivery.message.kind.role == Role::Message;
    let at = inbox.iter().position(is_message)?;
    inbox.remove(at)
}

/// The next of the others.
pub(super) fn pop_call(inbox: &mut Queue<Delivery>) -> Option<Delivery> {
    let is_call = |delivery: &Delivery| delivery.message.kind.role != Role::Message;
    let at = inbox.iter().position(is_call)?;
    inbox.remove(at)
}

/// The bytes of what sessions that are over left to be read.
pub(super) fn inbox_bytes(inbox: &Queue<Delivery>) -> u64 {
    let lens = inbox.iter().map(|it| it.message.payload.len());
    u64::try_from(lens.sum::<usize>()).unwrap_or(u64::MAX)
}

impl Hash for ServerSession {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.id, self.attach, &self.conversation, self.expires_at).hash(state);
        (&self.welcome, self.tombstone(), &self.inbox).hash(state);
        (&self.actions, &self.events).hash(state);
    }
}
