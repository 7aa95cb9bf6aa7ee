//! Two connections with their windows, and a link between them that breaks.
//!
//! Real: both [`Connection`](korinet_proto::v3::Connection)s with their
//! [`Windows`](korinet_proto::v3::Windows), and every byte between them.
//!
//! Abstract: the handshake. After a cut both sides are told at once where the other stands, as HELLO and
//! WELCOME would. Applications send, read, finish and pause as they like, which is what leaving an action for later
//! means. Each write takes all that there is to write; when that happens, is free.
//!
//! Faults: a cut, with any part of what is under way delivered before it; a message that comes again; a frame that is damaged (its
//! last payload byte or its position changes, and the checksum has to see it); a hostile peer that
//! acknowledges what was not sent.

mod config;
mod damage;
mod drain;
mod side;
mod state;

use stateright::{Model, Property};

use super::drained::Drained;
use super::flaw::{Flaw, never};

pub use config::Config;
pub use state::{LinkAction, LinkState};

/// The model in one configuration.
#[derive(Debug)]
pub struct LinkModel {
    config: Config,
    drained: Drained,
}

impl LinkModel {
    /// The model in this configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            drained: Drained::default(),
        }
    }
}

const fn flaw(state: &LinkState) -> Option<Flaw> {
    state.flaw()
}

impl Model for LinkModel {
    type State = LinkState;
    type Action = LinkAction;

    fn init_states(&self) -> Vec<LinkState> {
        vec![LinkState::new(&self.config)]
    }

    fn actions(&self, state: &LinkState, actions: &mut Vec<LinkAction>) {
        state.actions(&self.config, actions);
    }

    fn next_state(&self, state: &LinkState, action: LinkAction) -> Option<LinkState> {
        let next = state.step(&self.config, action)?;
        Some(drain::checked(next, &self.config, &self.drained))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties: Vec<Property<Self>> = never!(flaw);
        let config = &self.config;
        properties.push(Property::sometimes(
            "all is done",
            |model: &Self, state: &LinkState| state.is_complete(&model.config),
        ));
        if config.cuts > 0 {
            properties.push(Property::sometimes(
                "a message was written again after a cut",
                |_, state: &LinkState| state.has_replayed(),
            ));
        }
        if config.repeats > 0 {
            properties.push(Property::sometimes(
                "a duplicate was dropped",
                |_, state: &LinkState| state.duplicates() > 0,
            ));
        }
        if config.damaged > 0 || config.forged > 0 {
            properties.push(Property::sometimes(
                "a bad frame was noticed, and all was done after it",
                |model: &Self, state: &LinkState| {
                    state.bad_frames(&model.config) > 0 && state.is_complete(&model.config)
                },
            ));
        }
        properties.push(Property::sometimes(
            "a window was full",
            |_, state: &LinkState| state.is_any_window_full(),
        ));
        properties
    }
}
