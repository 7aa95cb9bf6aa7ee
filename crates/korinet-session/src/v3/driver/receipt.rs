use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::inner::{Inner, ReceiptId};
use super::shared::Shared;
use crate::SendError;
use crate::v3::Ticket;

/// Resolves when the peer has acknowledged what it stands for, or when it is known that this will not happen.
///
/// Dropping it changes nothing: the message goes its way.
#[derive(Debug)]
#[must_use = "the message is on its way; a receipt tells when it is acknowledged"]
pub struct Receipt {
    shared: Arc<Shared>,
    first: Ticket,
    last: Ticket,
    id: Option<ReceiptId>,
}

impl Receipt {
    /// For a message that was just accepted; the lock is still held.
    pub(super) fn new(shared: &Arc<Shared>, _: &mut Inner, ticket: Ticket) -> Self {
        shared.receipt_count.fetch_add(1, Ordering::Relaxed);
        Self {
            shared: Arc::clone(shared),
            first: ticket,
            last: ticket,
            id: None,
        }
    }

    /// The message's number among those of this side, from 1; of the last one, if there are more.
    #[must_use]
    pub const fn ticket(&self) -> Ticket {
        self.last
    }

    /// Stands for `later`, too, which was accepted after it on the same session.
    pub fn join(&mut self, later: &Self) {
        self.forget();
        self.last = self.last.max(later.last);
    }

    /// What has become of it, if that is known.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<(), SendError>> {
        self.outcome_in(&self.shared.lock())
    }

    fn outcome_in(&self, inner: &Inner) -> Option<Result<(), SendError>> {
        if let Some(error) = inner.handed_back(self.first, self.last) {
            return Some(Err(SendError::Unacknowledged(error.clone())));
        }
        (inner.core.acknowledged() >= self.last).then_some(Ok(()))
    }

    fn forget(&mut self) {
        if let Some(id) = self.id.take() {
            self.shared.lock().receipts.remove(&(self.last, id));
        }
    }
}

impl Future for Receipt {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.lock();
        if let Some(outcome) = self.outcome_in(&inner) {
            return Poll::Ready(outcome);
        }
        let id = *self.id.get_or_insert_with(|| {
            inner.last_receipt.0 += 1;
            inner.last_receipt
        });
        inner.receipts.insert((self.last, id), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.forget();
        self.shared.receipt_count.fetch_sub(1, Ordering::Relaxed);
    }
}
