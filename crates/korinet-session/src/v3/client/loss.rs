use std::time::{Duration, Instant};

use korinet_proto::v3::Message;
use korinet_wire::v3::{Code, Seq};

use super::{ClientSession, Ending, Event, InDoubt, Ticket};
use crate::v3::{Delivery, OnLost};
use crate::{ConnectionError, Loss, SessionError};

impl ClientSession {
    /// The server does not know the session, or the two do not fit together. `next`: it has proved
    /// to have taken all below. `is_answer`: it said so when it was asked to go on.
    pub(super) fn lose(
        &mut self,
        now: Instant,
        why: Loss,
        reason: ConnectionError,
        next: Option<Seq>,
        is_answer: bool,
    ) {
        if self.session.is_none() {
            // The nonce is used up: some connection of this client got further than it knows.
            self.nonce = self.nonces.draw();
            return self.fail(now, reason, false, Duration::ZERO);
        }
        let code = if let Loss::Refused { code, .. } = &why {
            Some(*code)
        } else {
            None
        };
        // Where the two have different histories, what the server has taken may be something else.
        let is_over = matches!(code, Some(Code::SESSION_ENDED | Code::SESSION_EXPIRED));
        if let (Some(session), Some(next), true) = (&mut self.session, next, is_over) {
            session.conversation.windows_mut().send.settle(next);
            if code == Some(Code::SESSION_ENDED) {
                // The other side has closed in good order, or has heard that this one did.
                return self.end(self.ending(Code::SESSION_ENDED, String::new()));
            }
        }
        if self.is_closing_done() {
            return self.end(Ending::Local);
        }
        let is_closing = self
            .session
            .as_ref()
            .is_some_and(|session| session.conversation.is_closing());
        // Who wants to close opens another session only to bring the last messages there.
        if self.config.on_lost == OnLost::Fail
            || (is_closing && self.config.on_lost == OnLost::Fresh)
        {
            return self.end(Ending::Error(SessionError::Lost(why)));
        }
        self.give_up_session(why);
        self.nonce = self.nonces.draw();
        if is_answer {
            // Not so where a server ends each session that it has opened.
            self.ask_again(now, reason);
        } else {
            self.fail(now, reason, false, Duration::ZERO);
        }
    }

    /// Parts with the session, but not with the wish for one.
    fn give_up_session(&mut self, why: Loss) {
        let mut messages = self.take_session();
        let resent = match self.config.on_lost {
            OnLost::Resend => {
                for message in &mut messages {
                    message.kind.redelivered = !mutated!(ResentUnflagged);
                }
                self.backlog = std::mem::take(&mut messages);
                self.backlog.len()
            }
            OnLost::Fresh | OnLost::Fail => 0,
        };
        let in_doubt = self.hand_back(messages);
        self.events.push_back(Event::Lost {
            why,
            resent: u64::try_from(resent).unwrap_or(u64::MAX),
            in_doubt,
        });
    }

    /// The messages of a lost session do not fit what the new server takes: hands them back.
    pub(super) fn return_backlog(&mut self, why: Loss) {
        let messages = std::mem::take(&mut self.backlog);
        let in_doubt = self.hand_back(messages);
        self.events.push_back(Event::Lost {
            why,
            resent: 0,
            in_doubt,
        });
    }

    /// All that is in doubt at the end.
    pub(super) fn take_in_doubt(&mut self) -> Vec<InDoubt> {
        let messages = if self.session.is_some() {
            self.take_session()
        } else {
            std::mem::take(&mut self.backlog)
        };
        self.hand_back(messages)
    }

    fn hand_back(&mut self, messages: Vec<Message>) -> Vec<InDoubt> {
        if messages.is_empty() {
            return Vec::new();
        }
        let first = Ticket(self.settled + 1);
        self.settled = self.sent;
        InDoubt::list(messages, first)
    }

    /// Takes the session apart: the messages that are not acknowledged. What can still be read goes
    /// to the inbox.
    fn take_session(&mut self) -> Vec<Message> {
        let Some(session) = self.session.take() else {
            return Vec::new();
        };
        self.settled = session.acknowledged();
        self.closing = session.conversation.closing().cloned();
        self.past_duplicates += session.conversation.windows().receive.duplicates();
        let id = session.id;
        let (unacknowledged, unread) = session.conversation.into_parts();
        let deliveries = unread.into_iter().map(|message| Delivery {
            session: id,
            message,
        });
        self.inbox.extend(deliveries);
        unacknowledged
    }
}
