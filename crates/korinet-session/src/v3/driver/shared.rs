use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use korinet_wire::v3::AttachNumber;

use super::config::DriverConfig;
use super::core::Core;
use super::inner::Inner;
use super::wakes::Wakes;
use crate::SessionError;
use crate::budget::Account;
use crate::clock::now;

/// One session, as its handles and tasks share it.
#[derive(Debug)]
pub(super) struct Shared {
    inner: Mutex<Inner>,
    /// As in there.
    pub(super) receipt_count: Arc<AtomicUsize>,
}

impl Shared {
    /// `account` is what a server's session has of the server's memory.
    pub(super) fn new(
        core: Core,
        config: Arc<DriverConfig>,
        account: Option<Account>,
    ) -> Arc<Self> {
        let inner = Inner::new(core, config, account);
        Arc::new(Self {
            receipt_count: Arc::clone(&inner.receipt_count),
            inner: Mutex::new(inner),
        })
    }

    /// The session itself, for something that wakes nobody.
    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the session; who has to be woken for it is, when the lock is free again.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut Inner, &mut Wakes) -> R) -> R {
        let mut wakes = Wakes::default();
        let result = work(&mut self.lock(), &mut wakes);
        wakes.wake();
        result
    }
}

/// A handle of the application; the session is closed when the last one goes.
#[derive(Debug)]
pub(super) struct Handle(Arc<Shared>);

impl Handle {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.lock().handles += 1;
        Self(Arc::clone(shared))
    }

    /// One more handle, unless the last one is gone, or the session is over.
    pub(super) fn another(shared: &Arc<Shared>) -> Option<Self> {
        let mut inner = shared.lock();
        if inner.handles == 0 || inner.ending.is_some() {
            return None;
        }
        inner.handles += 1;
        Some(Self(Arc::clone(shared)))
    }

    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.with(|inner, wakes| {
            inner.handles -= 1;
            if inner.handles == 0 && inner.ending.is_none() {
                inner.handle_dropped(now(), wakes);
            }
        });
    }
}

/// Ends a session whose task is gone before it, as it is with its runtime: nobody waits for ever.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) shared: Arc<Shared>,
    /// The connection whose task it is, where each has its own.
    pub(super) attach: Option<AttachNumber>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.with(|inner, wakes| {
            let is_driver = self
                .attach
                .is_none_or(|attach| inner.core.is_current(attach));
            if inner.ending.is_none() && is_driver {
                inner.core.abort(now(), SessionError::Stopped);
                inner.settle(wakes);
            }
        });
    }
}
