use std::time::{Duration, Instant};

use korinet_wire::v3::{Class, Code, Seq};

use super::{ClientSession, Phase};
use crate::v3::deadline::later;
use crate::v3::{Ending, Event};
use crate::{Attempt, ConnectionError, Loss, SessionError};

/// How long after a loss a client goes on trying to connect that has nothing left to do but to say that it is done.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the server said when it refused to go on.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) retry_after: Duration,
    /// What the server has taken, if it proved to know.
    pub(super) next: Option<Seq>,
    /// Whether it is the answer to a HELLO.
    pub(super) is_answer: bool,
}

impl Refusal {
    pub(super) const fn of(code: Code, text: String) -> Self {
        Self {
            code,
            text,
            retry_after: Duration::ZERO,
            next: None,
            is_answer: false,
        }
    }
}

impl ClientSession {
    /// The server refuses to go on, by REJECT or CLOSE; the class says what to do.
    pub(super) fn handle_refusal(&mut self, now: Instant, refusal: Refusal, has_progress: bool) {
        let Refusal {
            code,
            text,
            retry_after,
            next,
            is_answer,
        } = refusal;
        let why = Loss::Refused {
            code,
            text: text.clone(),
        };
        let reason = if is_answer {
            ConnectionError::Refused { code, text }
        } else {
            ConnectionError::Closed { code, text }
        };
        match code.class() {
            Class::Done | Class::Retry => self.fail(now, reason, has_progress, Duration::ZERO),
            Class::RetryLater => self.fail(now, reason, has_progress, retry_after),
            Class::Authenticate if self.unauthenticated != Some(code) => {
                self.unauthenticated = Some(code);
                self.fail(now, reason, has_progress, Duration::ZERO);
            }
            Class::NewSession => self.lose(now, why, reason, next, is_answer),
            Class::Fatal if code == Code::TAKEN_OVER => {
                self.end(Ending::Error(SessionError::TakenOver));
            }
            Class::Authenticate | Class::Fatal => {
                self.end(Ending::Error(SessionError::Refused(reason)));
            }
        }
    }

    /// The session is lost, and the server that said so is there: it is asked for another one, without the wait that
    /// follows a failure.
    pub(super) fn ask_again(&mut self, now: Instant, reason: ConnectionError) {
        let wait = self.drain_wait.take().unwrap_or_default();
        let retry_at = later(now, wait);
        self.phase = Phase::Waiting { retry_at };
        self.events.push_back(Event::Detached { reason, wait });
    }

    /// There is no connection any more: waits before the next attempt, or gives up.
    pub(super) fn fail(
        &mut self,
        now: Instant,
        reason: ConnectionError,
        has_progress: bool,
        least: Duration,
    ) {
        if has_progress {
            self.reconnect.handle_progress();
        }
        if reason.is_of_tls() {
            // Whoever stands in the way of a session that exists, be it somebody's access point, goes away again.
            if self.session.is_none() {
                return self.end(Ending::Error(SessionError::Untrusted(reason)));
            }
        } else if !reason.is_retryable() {
            return self.end(Ending::Error(SessionError::Incompatible(reason)));
        }
        let is_closing_done = self.is_closing_done();
        if is_closing_done {
            self.reconnect.limit(FAREWELL);
        }
        match self.reconnect.handle_failure(now) {
            // Everything is acknowledged; that this side is done the server finds out by the expiry.
            Attempt::GiveUp(_) if is_closing_done => self.end(Ending::Local),
            Attempt::GiveUp(after) => self.end(Ending::Error(SessionError::GaveUp {
                after,
                last: reason,
            })),
            Attempt::After(wait) => {
                let least = self.drain_wait.take().map_or(least, |wait| wait.max(least));
                let wait = wait.max(least.min(self.config.max_retry_after));
                let retry_at = later(now, wait);
                self.phase = Phase::Waiting { retry_at };
                self.events.push_back(Event::Detached { reason, wait });
            }
        }
    }
}
