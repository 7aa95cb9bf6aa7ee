use std::task::Waker;

/// Who is to be woken once the lock is free.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// Mostly it is one.
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakes {
    pub(super) fn push(&mut self, waker: Option<Waker>) {
        match waker {
            None => {}
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.others.push(waker),
        }
    }

    pub(super) fn extend(&mut self, wakers: impl IntoIterator<Item = Waker>) {
        wakers.into_iter().for_each(|waker| self.push(Some(waker)));
    }

    pub(super) fn wake(self) {
        self.first.into_iter().for_each(Waker::wake);
        self.others.into_iter().for_each(Waker::wake);
    }
}
