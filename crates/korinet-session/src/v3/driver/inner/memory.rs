//! What a server's session has of the memory of its server.

use korinet_wire::v3::Code;

use super::{Core, Inner};
use crate::budget::Account;
use crate::clock::now;
use crate::{ConnectionError, Limit};

impl Inner {
    /// Counts the memory that the session has. To be called when messages have come or gone.
    pub(in crate::v3::driver) fn charge(&mut self) {
        if self.account.is_none() || self.ending.is_some() {
            return;
        }
        let held = self.held();
        if let Some(account) = &mut self.account {
            account.charge(held);
        }
    }

    /// Whether there is memory for what was read; otherwise the client is disconnected, and what was read is not to be
    /// looked at.
    pub(in crate::v3::driver) fn admits_input(&mut self, len: usize) -> bool {
        let Some(account) = &self.account else {
            return true;
        };
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        if account.allows(self.held().saturating_add(len)) {
            return true;
        }
        let max = account.budget().max();
        self.handle_memory_used_up(max);
        false
    }

    fn handle_memory_used_up(&mut self, max: u64) {
        let limit = Limit::Memory;
        let reason = ConnectionError::LimitReached { limit, max };
        self.detach(now(), Code::OVERLOADED, &reason.to_string(), reason);
    }

    /// Whether there is memory for a client to come back to its session.
    pub(in crate::v3::driver) fn is_admitted(&self) -> bool {
        let account = self.account.as_ref();
        account.is_none_or(|account| account.budget().admits(self.held()))
    }

    /// Whether there is memory for a message of this size. One is always allowed.
    pub(in crate::v3::driver) fn has_memory_for(&self, len: usize) -> bool {
        let Some(account) = &self.account else {
            return true;
        };
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        self.core.in_flight().0 == 0 || account.allows(self.held().saturating_add(len))
    }

    /// Whether there is memory for so many messages of this size in all.
    pub(in crate::v3::driver) fn has_memory_for_many(&self, count: usize, len: usize) -> bool {
        let Some(account) = &self.account else {
            return true;
        };
        let len = len.saturating_add(count.saturating_mul(Core::PER_MESSAGE));
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        account.allows(self.held().saturating_add(len))
    }

    /// What the session holds, in bytes.
    fn held(&self) -> u64 {
        let input = u64::try_from(self.input_size).unwrap_or(u64::MAX);
        let calls = self.calls.as_ref().map_or(0, |calls| calls.held());
        let flight = self.flight.as_ref().map_or(0, |flight| flight.held());
        self.core
            .held()
            .saturating_add(calls + input + flight + Account::OF_SESSION)
    }
}
