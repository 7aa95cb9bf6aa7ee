use super::{Config, LinkAction, LinkState};
use crate::model::drained::Drained;
use crate::model::fingerprint;
use crate::model::flaw::{Flaw, catching};

/// Far more rounds than any run needs that gets anywhere.
const MOST: usize = 200;

/// Finds out whether a run that meets no more faults comes to its end: everything is delivered, and
/// the programs send, read and finish all they have. It is asked when the faults are used up.
pub(super) fn checked(mut state: LinkState, config: &Config, drained: &Drained) -> LinkState {
    if state.flaw.is_none() && state.is_free_of_faults() {
        let mut run = state.clone();
        state.flaw = match catching(|| drain(&mut run, config, drained)) {
            Ok(outcome) => outcome.err(),
            Err(_) => Some(Flaw::Panicked),
        };
    }
    state
}

fn drain(state: &mut LinkState, config: &Config, drained: &Drained) -> Result<(), Flaw> {
    let mut passed = Vec::new();
    let mut actions = Vec::new();
    for _ in 0..MOST {
        let fingerprint = fingerprint(state);
        if state.is_complete(config) || drained.is_known(fingerprint) {
            drained.add(passed);
            return Ok(());
        }
        passed.push(fingerprint);
        state.actions(config, &mut actions);
        let mut has_changed = false;
        for action in actions.drain(..).filter(is_good) {
            // A full window takes nothing, for now.
            has_changed = state.apply(config, action)?;
            if has_changed {
                break;
            }
        }
        if !has_changed {
            return Err(Flaw::Stuck);
        }
    }
    Err(Flaw::Stuck)
}

const fn is_good(action: &LinkAction) -> bool {
    match action {
        LinkAction::Cut | LinkAction::Damage(_) | LinkAction::Forge(_) | LinkAction::Repeat(_) => {
            false
        }
        // A reader works from the first message on.
        LinkAction::Finish(_, index) => *index == 0,
        LinkAction::Send(_)
        | LinkAction::Recv(_)
        | LinkAction::Write(_)
        | LinkAction::Deliver(_)
        | LinkAction::Resume => true,
    }
}

impl LinkState {
    const fn is_free_of_faults(&self) -> bool {
        self.cuts == 0 && self.faults_left() == 0
    }
}
