//! Calls: requests and what belongs to them (V3-47 to V3-51), on the side that makes them and on the one that answers.
//!
//! Their messages are numbered, acknowledged and sent again like all others, so a call does not notice when its
//! connection is replaced. They are not read by [`Receiver::recv`](super::Receiver::recv): a request goes to
//! [`Requests`], and what names a request to the [`Call`] or the [`IncomingRequest`], when it arrives; so neither
//! waits for messages that the application does not read.

mod call;
mod error;
mod exchange;
mod incoming;
mod limits;
mod line;
mod outgoing;
mod owed;
mod table;

pub use call::Call;
pub use error::CallError;
pub use incoming::{IncomingRequest, Requests};
use korinet_proto::v3::{Payload, PushError};
use korinet_wire::v3::Role;
pub use limits::CallLimits;
pub(super) use table::Calls;

use super::inner::Inner;
use super::wakes::Wakes;
use crate::v3::{Ending, SendError};
use crate::{Loss, SessionError};

impl Inner {
    /// What the session has of calls, from the first on.
    pub(super) fn calls(&mut self) -> &mut Calls {
        let limits = self.config.calls;
        self.calls
            .get_or_insert_with(|| Box::new(Calls::new(limits)))
    }

    /// Brings what came of calls to where it belongs.
    pub(super) fn route_calls(&mut self, wakes: &mut Wakes) {
        while let Some(delivery) = self.core.recv_left_call() {
            self.received += 1;
            // An answer counts that came just before the end. A request of a session that is over runs no more.
            if delivery.message.kind.role != Role::Request {
                self.calls().handle(delivery, wakes);
            }
        }
        // What was acknowledged has made room for what is owed, and that for more that may be.
        self.send_owed(wakes);
        while self.calls.as_ref().is_none_or(|calls| calls.may_handle())
            && let Some(delivery) = self.core.recv_call()
        {
            self.received += 1;
            // The answer is what tells that a request was worked on.
            self.core.finish(delivery.session, delivery.message.seq);
            self.calls().handle(delivery, wakes);
        }
        self.send_owed(wakes);
    }

    /// Whether requests wait, and it is not known whether anybody will answer them: whoever reads messages decides.
    pub(super) fn has_unanswered(&self) -> bool {
        let calls = self.calls.as_ref();
        calls.is_some_and(|calls| calls.has_unanswered())
    }

    /// The application waits for messages, and has nobody to answer requests: they are refused.
    pub(super) fn refuse_unanswered(&mut self, wakes: &mut Wakes) {
        if self.has_unanswered() {
            self.calls().refuse_unanswered(wakes);
            self.send_owed(wakes);
        }
    }

    /// Sends what the session owes for its calls, as far as there is room.
    pub(super) fn send_owed(&mut self, wakes: &mut Wakes) {
        let Some(calls) = &mut self.calls else {
            return;
        };
        let mut is_sent = false;
        while let Some(owed) = calls.owed() {
            let (kind, re, payload) = owed.message();
            match self.core.send(kind, Some(re), Payload::Copied(&payload)) {
                Err(SendError::Push(PushError::Full { .. })) => break,
                Ok(_) => is_sent = true,
                // Nobody is there any more whom it would be owed to.
                Err(SendError::Closed | SendError::NotOpen | SendError::Push(_)) => {}
            }
            calls.pop_owed();
        }
        if is_sent {
            self.wake_task(wakes);
        }
    }

    /// The session was lost, and another takes its place.
    pub(super) fn lose_calls(&mut self, why: &Loss, wakes: &mut Wakes) {
        let written = self.written;
        if let Some(calls) = &mut self.calls {
            let error = SessionError::Lost(why.clone());
            let lost = |ran| CallError::Lost {
                error: error.clone(),
                ran,
            };
            calls.handle_lost(written, lost, wakes);
        }
    }

    /// The session is over.
    pub(super) fn end_calls(&mut self, why: &Ending, wakes: &mut Wakes) {
        let written = self.written;
        if let Some(calls) = &mut self.calls {
            let error = why.as_error().filter(|_| !why.is_done());
            let ended = |ran| match &error {
                Some(error) => CallError::Lost {
                    error: error.clone(),
                    ran,
                },
                None => CallError::Ended(ran),
            };
            calls.handle_lost(written, ended, wakes);
            wakes.extend(calls.acceptors.drain());
        }
    }
}
