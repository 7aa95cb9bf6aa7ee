use tokio::sync::watch;

use crate::State;

/// Where a session stands, for whoever watches it. What they have in common is made for the first one who asks: most
/// sessions of a server are never watched, and it is larger than all that is to be told.
#[derive(Debug)]
pub(super) enum Standing {
    /// Nobody watches, and it is [`State::Attached`], as nearly all are.
    Attached,
    /// Nobody watches.
    Other(Box<State>),
    Watched(watch::Sender<State>),
}

impl Standing {
    pub(super) fn new(state: State) -> Self {
        if state == State::Attached {
            Self::Attached
        } else {
            Self::Other(Box::new(state))
        }
    }

    pub(super) fn set(&mut self, state: State) {
        match self {
            Self::Watched(watched) => _ = watched.send_replace(state),
            Self::Attached | Self::Other(_) => *self = Self::new(state),
        }
    }

    /// Where it stands now, and as it changes.
    pub(super) fn watch(&mut self) -> watch::Receiver<State> {
        let state = match std::mem::replace(self, Self::Attached) {
            Self::Attached => State::Attached,
            Self::Other(state) => *state,
            Self::Watched(watched) => {
                let watch = watched.subscribe();
                *self = Self::Watched(watched);
                return watch;
            }
        };
        let (watched, watch) = watch::channel(state);
        *self = Self::Watched(watched);
        watch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_watches_sees_what_was_before_and_what_comes() {
        for state in [State::Attached, State::Connecting] {
            let mut standing = Standing::new(State::Connecting);
            standing.set(state.clone());
            let first = standing.watch();
            assert_eq!(*first.borrow(), state);
            standing.set(State::Closed { error: None });
            let second = standing.watch();
            for watch in [first, second] {
                assert_eq!(*watch.borrow(), State::Closed { error: None });
            }
        }
    }
}
