use std::collections::VecDeque;
use std::task::Waker;

/// Those who wait for something of which there is not enough for all, first come, first served.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queue: VecDeque<(WaiterId, Waker)>,
    last: u64,
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WaiterId(u64);

impl Waiters {
    pub(super) const fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            last: 0,
        }
    }

    /// Has `waker` woken when it is its turn; `id` is who it was when it waited before, if it did.
    pub(super) fn register(&mut self, id: Option<WaiterId>, waker: &Waker) -> WaiterId {
        let id = self.renew(id, waker);
        id.unwrap_or_else(|id| {
            self.queue.push_back((id, waker.clone()));
            id
        })
    }

    /// As [`register`](Self::register), but before all others: it was its turn, and there was not enough.
    pub(super) fn register_first(&mut self, id: Option<WaiterId>, waker: &Waker) -> WaiterId {
        let id = self.renew(id, waker);
        id.unwrap_or_else(|id| {
            self.queue.push_front((id, waker.clone()));
            id
        })
    }

    /// Who waits still keeps its place; otherwise, who is to be put into the queue.
    fn renew(&mut self, id: Option<WaiterId>, waker: &Waker) -> Result<WaiterId, WaiterId> {
        let Some(id) = id else {
            self.last += 1;
            return Err(WaiterId(self.last));
        };
        match self.queue.iter_mut().find(|(waiter, _)| *waiter == id) {
            Some((_, old)) => {
                old.clone_from(waker);
                Ok(id)
            }
            None => Err(id),
        }
    }

    /// Whether nobody is before this one: it was woken, is the first, or comes while nobody waits.
    pub(super) fn is_turn_of(&self, id: Option<WaiterId>) -> bool {
        match (id, self.queue.front()) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(id), Some((first, _))) => {
                id == *first || self.queue.iter().all(|(waiter, _)| *waiter != id)
            }
        }
    }

    /// No longer waits; whether it still did. Who did not was woken, and may owe its turn to the next.
    pub(super) fn remove(&mut self, id: WaiterId) -> bool {
        let before = self.queue.len();
        self.queue.retain(|(waiter, _)| *waiter != id);
        self.queue.len() < before
    }

    /// The one whose turn it is; it no longer waits.
    pub(super) fn next(&mut self) -> Option<Waker> {
        Some(self.queue.pop_front()?.1)
    }

    /// All of them.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waker> {
        self.queue.drain(..).map(|(_, waker)| waker)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_come_in_order_and_once() {
        let mut waiters = Waiters::default();
        let first = waiters.register(None, Waker::noop());
        let second = waiters.register(None, Waker::noop());
        assert_eq!(waiters.register(Some(first), Waker::noop()), first);
        assert!(waiters.next().is_some());
        assert!(!waiters.remove(first), "it was woken");
        assert!(waiters.remove(second));
        assert!(waiters.next().is_none() && waiters.is_empty());
        let third = waiters.register(None, Waker::noop());
        assert!(!waiters.is_turn_of(None) && waiters.is_turn_of(Some(first)));
        assert_eq!(waiters.register_first(Some(first), Waker::noop()), first);
        assert!(waiters.is_turn_of(Some(first)) && !waiters.is_turn_of(Some(third)));
        assert_eq!(waiters.drain().count(), 2);
    }
}
