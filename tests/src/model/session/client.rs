use korinet_proto::v3::Payload;
use korinet_session::ConnectionError;
use korinet_session::v3::{ClientSession, Delivery, InDoubt};
use korinet_wire::v3::{AttachNumber, Kind};

use super::Config;
use super::server::index_of;
use crate::model::flaw::Flaw;
use crate::model::now;

/// A client with its program.
#[derive(Debug, Clone, Hash)]
pub(super) struct Client {
    pub(super) core: ClientSession,
    /// The attempt that the driver was told of last.
    pub(super) attach: AttachNumber,
    /// What the program has sent, by ticket.
    pub(super) history: Vec<u8>,
    /// The sessions that it has had, and how many tickets came before each.
    pub(super) sessions: Vec<(usize, usize)>,
    /// What the program has read in the session that it has.
    pub(super) received: Vec<u8>,
    /// The tickets that were handed back.
    pub(super) handed_back: Vec<u64>,
    pub(super) has_closed: bool,
    /// How it ended.
    pub(super) over: Option<Over>,
}

/// How a client came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Over {
    Closed,
    ByPeer,
    TakenOver,
    Lost,
    Other,
}

impl Client {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            core: ClientSession::new(now(), config.client(), [1; 32]),
            attach: AttachNumber::FIRST,
            history: Vec::new(),
            sessions: Vec::new(),
            received: Vec::new(),
            handed_back: Vec::new(),
            has_closed: false,
            over: None,
        }
    }

    /// The program sends a message that only this client sends; whether it was accepted.
    pub(super) fn send(&mut self, who: usize) -> bool {
        let content = u8::try_from(self.history.len() + 1 + who * 0x40).unwrap();
        let payload = [content];
        let sent = self.core.send(Kind::RAW, None, Payload::Copied(&payload));
        if let Ok(ticket) = sent {
            self.history.push(content);
            assert_eq!(usize::try_from(ticket.0), Ok(self.history.len()));
        }
        sent.is_ok()
    }

    /// The messages of a session, as this client numbers them there; `None` if it never had it.
    pub(super) fn history_in(&self, session: usize) -> Option<&[u8]> {
        let at = self.sessions.iter().rposition(|(id, _)| *id == session)?;
        self.history.get(self.sessions[at].1..)
    }

    pub(super) fn has_had(&self, session: usize) -> bool {
        self.sessions.iter().any(|(id, _)| *id == session)
    }

    /// How many messages the program has read in a session.
    pub(super) fn received_in(&self, session: usize) -> usize {
        match self.sessions.last() {
            Some((last, _)) if *last == session => self.received.len(),
            // What was read there before another session does not matter any more.
            _ => usize::MAX,
        }
    }

    /// The session that it has now.
    pub(super) fn session(&self) -> Option<usize> {
        self.core.session().map(index_of)
    }

    /// The program reads a message; it is one of those that were `sent`, in one life of the server.
    pub(super) fn handle_delivery(
        &mut self,
        delivery: &Delivery,
        sent: &[&[u8]],
    ) -> Result<(), Flaw> {
        let index = self.received.len();
        let content = delivery.message.payload[0];
        let is_next = delivery.message.seq.get() == u64::try_from(index + 1).unwrap();
        if !is_next || !sent.iter().any(|sent| sent.get(index) == Some(&content)) {
            return Err(Flaw::Order);
        }
        self.received.push(content);
        self.core.finish(delivery.session, delivery.message.seq);
        Ok(())
    }

    /// What is in doubt is what was sent last, in order.
    pub(super) fn account_for(&mut self, in_doubt: &[InDoubt]) -> Result<(), Flaw> {
        let first = self.history.len() - in_doubt.len();
        for (message, index) in in_doubt.iter().zip(first..) {
            let is_ticket = usize::try_from(message.ticket.0) == Ok(index + 1);
            if !is_ticket || message.payload[..] != [self.history[index]] {
                return Err(Flaw::Account);
            }
            self.handed_back.push(message.ticket.0);
        }
        Ok(())
    }
}

/// Whether a connection ended since the peer did what it must not.
pub(super) const fn accuses(reason: &ConnectionError) -> bool {
    matches!(
        reason,
        ConnectionError::Violation(_)
            | ConnectionError::Decode(_)
            | ConnectionError::Preface(_)
            | ConnectionError::NotProven
            | ConnectionError::Unasked(_)
    )
}
