use korinet_session::v3::{Continuity, Ending, Event};

use super::link::Side;
use super::tally::EventKind;

/// The order in which an application is told what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    side: Side,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Connecting,
    Attached,
    Detached,
    Lost,
    Closed,
}

impl Course {
    /// Nothing was told yet.
    #[must_use]
    pub const fn new(side: Side) -> Self {
        Self {
            side,
            state: State::Start,
        }
    }

    /// Checks that this may be told now.
    pub fn advance(&mut self, event: &Event) -> Result<(), String> {
        use State::{Attached, Closed, Connecting, Detached, Lost, Start};
        let is_client = self.side == Side::Client;
        let next = match (self.state, event) {
            (Start | Detached, Event::Connecting(_)) if is_client => Connecting,
            (Connecting | Lost, Event::Attached(_)) if is_client => Attached,
            (Start | Detached, Event::Attached(_)) if !is_client => Attached,
            (Attached, Event::Draining(_)) => Attached,
            (Connecting | Lost, Event::Detached { .. }) if is_client => Detached,
            (Attached, Event::Detached { .. }) => Detached,
            (Connecting | Attached, Event::Lost { .. }) if is_client => Lost,
            (Closed, _) => return Err(format!("after the end: {event:?}")),
            (_, Event::Closed { .. }) => Closed,
            (state, event) => return Err(format!("{event:?} while {state:?}")),
        };
        self.state = next;
        Ok(())
    }

    /// Whether the last word was that there is a connection.
    #[must_use]
    pub fn is_attached(&self) -> bool {
        self.state == State::Attached
    }

    /// Whether all is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Closed
    }
}

/// What kind of event is counted.
#[must_use]
pub const fn kind_of(event: &Event) -> Option<EventKind> {
    Some(match event {
        Event::Connecting(_) => EventKind::Connecting,
        Event::Attached(Continuity { resumed: true, .. }) => EventKind::Resumed,
        Event::Attached(_) => EventKind::Opened,
        Event::Detached { .. } => EventKind::Detached,
        Event::Draining(_) => EventKind::Draining,
        Event::Lost { .. } => EventKind::Lost,
        Event::Closed { why, .. } => match why {
            Ending::Local => EventKind::ClosedLocal,
            Ending::Peer { .. } => EventKind::ClosedPeer,
            Ending::Error(_) => EventKind::ClosedError,
        },
        _ => return None,
    })
}
