use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{
    Agreed, Connection, End, GoAway, Message, Payload, PushError, Transmit, Volatile, Windows,
};
use korinet_wire::v3::{AttachNumber, Code, How, Kind, Level, Seq};

use crate::ConnectionError;
use crate::v3::SendError;

/// What client and server have in common: the windows of a session, the connection that it has or
/// has not, and whether it is being closed.
#[derive(Debug, Clone, Hash)]
pub(super) struct Conversation {
    windows: Windows,
    link: Option<Link>,
    closing: Option<Box<(Code, String)>>,
    keep_alive: Duration,
    is_draining_told: bool,
}

#[derive(Debug, Clone, Hash)]
struct Link {
    attach: AttachNumber,
    connection: Connection,
}

/// How a connection came to its end, and the last bytes for it.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) attach: AttachNumber,
    pub(super) last: Bytes,
    pub(super) outcome: Outcome,
    pub(super) has_progress: bool,
    /// This side has said that the session is over.
    pub(super) is_end_written: bool,
}

#[derive(Debug)]
pub(super) enum Outcome {
    /// The peer closed the session, or answered that this side did.
    Session { code: Code, text: String },
    /// The connection alone.
    Connection(ConnectionError),
}

impl Conversation {
    pub(super) const fn new(windows: Windows) -> Self {
        Self {
            windows,
            link: None,
            closing: None,
            keep_alive: Duration::ZERO,
            is_draining_told: false,
        }
    }

    /// A connection begins; how many messages are written again on it.
    pub(super) fn attach(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        agreed: &Agreed,
        peer_next: Seq,
    ) -> u64 {
        let replayed = self.windows.send.seek(peer_next);
        if mutated!(NextReleases) {
            self.windows.send.settle(peer_next);
        }
        self.keep_alive = agreed.keep_alive;
        self.is_draining_told = false;
        let connection = Connection::new(now, agreed, &mut self.windows);
        self.link = Some(Link { attach, connection });
        self.close_when_acknowledged();
        replayed
    }

    /// The connection is lost, or taken away; whether it was good for something.
    pub(super) fn detach(&mut self) -> bool {
        let link = self.link.take();
        link.is_some_and(|link| link.connection.has_progress())
    }

    /// Closes the connection, not the session, and takes it away: the last bytes for it.
    pub(super) fn dismiss(&mut self, now: Instant, code: Code, text: &str) -> Option<Ended> {
        let link = self.link.as_mut()?;
        link.connection.close(code, text, How::Detach);
        self.poll_ended(now)
    }

    pub(super) fn handle_bytes(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        input: &mut BytesMut,
    ) {
        match &mut self.link {
            Some(link) if link.attach == attach || mutated!(OldConnectionCounts) => {
                link.connection.handle_bytes(now, &mut self.windows, input);
                self.close_when_acknowledged();
            }
            _ => input.clear(),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if let Some(link) = &mut self.link {
            link.connection.handle_timeout(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.link.as_ref()?.connection.poll_timeout()
    }

    pub(super) fn has_transmit(&self, attach: AttachNumber, is_input_idle: bool) -> bool {
        self.connection(attach)
            .is_some_and(|connection| connection.has_transmit(&self.windows, is_input_idle))
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        attach: AttachNumber,
        out: &mut Transmit,
    ) -> bool {
        match &mut self.link {
            Some(link) if link.attach == attach => {
                link.connection.poll_transmit(now, &mut self.windows, out)
            }
            _ => false,
        }
    }

    /// The connection, if it has come to its end; it is taken away.
    pub(super) fn poll_ended(&mut self, now: Instant) -> Option<Ended> {
        let link = self.link.as_mut()?;
        let outcome = match link.connection.end()? {
            End::Peer {
                code,
                text,
                how: How::End,
            } => Outcome::Session {
                code: *code,
                text: text.clone(),
            },
            End::Peer {
                code,
                text,
                how: How::Detach,
            } => Outcome::Connection(ConnectionError::Closed {
                code: *code,
                text: text.clone(),
            }),
            End::Silent => {
                let since = self.keep_alive.saturating_mul(2);
                Outcome::Connection(ConnectionError::Silent(since))
            }
            End::Violation(violation) => {
                Outcome::Connection(ConnectionError::Violation(violation.clone()))
            }
            End::Local(_) | _ => Outcome::Connection(ConnectionError::ClosedHere),
        };
        let is_end_written = link.connection.is_end_written();
        let mut out = Transmit::new();
        link.connection
            .poll_transmit(now, &mut self.windows, &mut out);
        let attach = link.attach;
        let has_progress = self.detach();
        Some(Ended {
            attach,
            last: out.into_bytes(),
            outcome,
            has_progress,
            is_end_written,
        })
    }

    /// Accepts a message.
    pub(super) fn send(
        &mut self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<Seq, SendError> {
        if self.closing.is_some() {
            return Err(SendError::Closed);
        }
        Ok(self.windows.send.push(kind, re, payload)?)
    }

    /// Accepts messages that answer and continue none, as many as it goes for; how many.
    pub(super) fn send_many(&mut self, kind: Kind, payloads: &[&[u8]]) -> usize {
        match self.closing {
            Some(_) => 0,
            None => self.windows.send.push_many(kind, payloads),
        }
    }

    /// Sends a volatile payload, or drops it; whether it is on its way.
    pub(super) fn send_volatile(&mut self, raw: bool, payload: &[u8]) -> Result<bool, PushError> {
        match &mut self.link {
            Some(link) => link.connection.send_volatile(&self.windows, raw, payload),
            None => Ok(false),
        }
    }

    /// Closes the session as soon as all is acknowledged (V3-39).
    pub(super) fn close(&mut self, code: Code, text: &str) {
        self.closing
            .get_or_insert_with(|| Box::new((code, text.to_owned())));
        self.close_when_acknowledged();
    }

    fn close_when_acknowledged(&mut self) {
        if let (Some(closing), Some(link)) = (&self.closing, &mut self.link)
            && (self.windows.send.is_empty() || mutated!(CloseBeforeAcknowledged))
        {
            let (code, text) = &**closing;
            link.connection.close(*code, text, How::End);
        }
    }

    pub(super) fn go_away(&mut self, go_away: GoAway) {
        if let Some(link) = &mut self.link {
            link.connection.go_away(go_away);
        }
    }

    /// The peer's announcement on this connection, once.
    pub(super) fn poll_draining(&mut self) -> Option<GoAway> {
        if self.is_draining_told {
            return None;
        }
        let go_away = self.link.as_ref()?.connection.peer_go_away()?;
        self.is_draining_told = true;
        Some(go_away.clone())
    }

    pub(super) const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// The wish to close.
    pub(super) fn closing(&self) -> Option<&(Code, String)> {
        self.closing.as_deref()
    }

    /// Whether this side wanted to close, and all it sent was taken.
    pub(super) fn is_closing_done(&self) -> bool {
        self.closing.is_some() && self.windows.send.is_empty()
    }

    /// Whether this side has said that the session is over.
    pub(super) fn is_end_written(&self) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.connection.is_end_written())
    }

    pub(super) fn attached(&self) -> Option<AttachNumber> {
        Some(self.link.as_ref()?.attach)
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.link.as_ref()?.connection.round_trip()
    }

    fn connection(&self, attach: AttachNumber) -> Option<&Connection> {
        let link = self.link.as_ref()?;
        (link.attach == attach).then_some(&link.connection)
    }

    pub(super) const fn windows(&self) -> &Windows {
        &self.windows
    }

    pub(super) const fn windows_mut(&mut self) -> &mut Windows {
        &mut self.windows
    }

    pub(super) fn recv_volatile(&mut self) -> Option<Volatile> {
        self.windows.receive.recv_volatile()
    }

    /// What an acknowledgement of this side says.
    pub(super) const fn level(&self) -> Level {
        self.windows.receive.level()
    }

    /// How many of this side's messages, from the first on, were written on this connection or are acknowledged.
    pub(super) const fn written(&self) -> u64 {
        self.windows.send.cursor().get() - 1
    }

    /// The session is lost: what was not acknowledged, and what is taken and not read.
    pub(super) fn into_parts(mut self) -> (Vec<Message>, VecDeque<Message>) {
        let unacknowledged = self.windows.send.drain();
        (unacknowledged, self.windows.receive.into_taken())
    }
}
