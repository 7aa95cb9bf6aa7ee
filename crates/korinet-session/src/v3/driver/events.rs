use tokio::sync::mpsc;

use super::shared::Shared;
use crate::v3::Event;

/// The events of a session, in order.
///
/// They are kept until they are read: a few for each connection, and with a session that is lost the messages
/// that are handed back. Whoever does not want them any more drops this.
#[derive(Debug)]
pub struct Events {
    events: mpsc::UnboundedReceiver<Event>,
}

impl Events {
    pub(super) fn of(shared: &Shared) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let mut inner = shared.lock();
        // Nothing more happens to a session that is over.
        if inner.ending.is_none() {
            inner.observers.push(sender);
        }
        Self { events }
    }

    /// The next event; `None` when the session is over and all were read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost.
    pub async fn recv(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}
