use tokio::sync::watch;

use crate::State;

/// Where a session stands, for whoever watches it. What they have in common is made for the first one who asks: most
/// sessions of a server are never watched, and it is larger than all that is to be told.
#[derive(Debug)]
pub(super) enum Standing {
    Unwatched(State),
    Watched(watch::Sender<State>),
}

impl Standing {
    pub(super) fn set(&mut self, state: State) {
        match self {
            Self::Unwatched(unwatched) => *unwatched = state,
            Self::Watched(watched) => {
                watched.send_replace(state);
            }
        }
    }

    /// Where it stands now, and as it changes.
    pub(super) fn watch(&mut self) -> watch::Receiver<State> {
        match self {
            Self::Unwatched(state) => {
                let state = std::mem::replace(state, State::Connecting);
                let (watched, watch) = watch::channel(state);
                *self = Self::Watched(watched);
                watch
            }
            Self::Watched(watched) => watched.subscribe(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_watches_sees_what_was_before_and_what_comes() {
        let mut standing = Standing::Unwatched(State::Connecting);
        standing.set(State::Attached);
        let first = standing.watch();
        assert_eq!(*first.borrow(), State::Attached);
        standing.set(State::Closed { error: None });
        let second = standing.watch();
        for watch in [first, second] {
            assert_eq!(*watch.borrow(), State::Closed { error: None });
        }
    }
}
