//! Clients and a server that go on with a session over one connection after the other.
//!
//! Real: each [`ClientSession`](korinet_session::v3::ClientSession), the server's
//! [`Registry`](korinet_session::v3::Registry), [`Greeter`](korinet_session::v3::Greeter)s and
//! [`ServerSession`](korinet_session::v3::ServerSession)s, and every byte between them.
//!
//! Abstract: the drivers. To dial succeeds at once; what fails is the link. Applications read at once, and
//! on the client finish at once. Where a configuration is *prompt*, a driver also writes at once what there is
//! to write and retires a session at once that is over; elsewhere these are actions of their own.
//!
//! Links: any number of them at one time, each with its frames in order. When one breaks, the
//! frames of one direction or of both are lost, or none, and each end learns of it whenever it comes
//! to that. A client that does not wait any longer leaves behind a HELLO that may still arrive.
//! Frames of links that are out of date are not left to chance: in every state each side is shown one
//! on a copy, and has to be the same afterwards.
//!
//! Faults: besides broken links and impatience, a server that forgets everything or comes back as it was
//! some time ago, a thief who plays a recorded HELLO or guesses, an impostor who answers in the server's place,
//! and a client that goes on as two copies. Expiry, forgetting and closing are counted like faults.

mod action;
mod check;
mod client;
mod client_driver;
mod config;
mod drain;
mod hostile;
mod link;
mod routing;
mod scenarios;
mod seen;
mod server;
mod server_driver;
mod state;

use stateright::{Model, Property};

use super::drained::Drained;
use super::flaw::{Flaw, never};

pub use action::{Cut, SessionAction};
pub use config::{Config, Faults};
pub use seen::{Seen, Sight};
pub use state::SessionState;

/// The model in one configuration.
#[derive(Debug)]
pub struct SessionModel {
    config: Config,
    seen: Seen,
    drained: Drained,
}

impl SessionModel {
    /// The model in this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            seen: Seen::default(),
            drained: Drained::default(),
        }
    }
}

const fn flaw(state: &SessionState) -> Option<Flaw> {
    state.flaw()
}

impl Model for SessionModel {
    type State = SessionState;
    type Action = SessionAction;

    fn init_states(&self) -> Vec<SessionState> {
        vec![SessionState::new(&self.config)]
    }

    fn actions(&self, state: &SessionState, actions: &mut Vec<SessionAction>) {
        state.actions(&self.config, actions);
    }

    fn next_state(&self, state: &SessionState, action: SessionAction) -> Option<SessionState> {
        let next = state.step(&self.config, &self.seen, action)?;
        Some(drain::checked(next, &self.config, &self.drained))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<Property<Self>> = never!(flaw);
        properties.extend(seen::properties(&self.config));
        properties
    }
}
