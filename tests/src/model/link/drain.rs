use super::{Config, LinkAction, LinkState};
use crate::model::flaw::{Flaw, catching};

/// Far more rounds than any run needs that gets anywhere.
const MOST: usize = 200;

/// Whether a run that meets no more faults comes to its end: everything is delivered, and the programs
/// send, read and finish all they have. To be asked when the faults are used up.
pub(super) fn check(state: &LinkState, config: &Config) -> Option<Flaw> {
    if !state.is_free_of_faults() {
        return None;
    }
    let mut state = state.clone();
    match catching(move || drain(&mut state, config)) {
        Ok(Ok(())) => None,
        Ok(Err(flaw)) => Some(flaw),
        Err(_) => Some(Flaw::Panicked),
    }
}

fn drain(state: &mut LinkState, config: &Config) -> Result<(), Flaw> {
    let mut actions = Vec::new();
    for _ in 0..MOST {
        if state.is_complete(config) {
            return Ok(());
        }
        state.actions(config, &mut actions);
        let mut has_changed = false;
        for action in actions.drain(..).filter(is_good) {
            // One action can be the end of what made another possible.
            if state.is_possible(&action) {
                has_changed |= state.apply(config, action)?;
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

    fn is_possible(&self, action: &LinkAction) -> bool {
        match action {
            LinkAction::Deliver(who) => !self.under_way[*who].is_empty(),
            LinkAction::Finish(who, index) => *index < self.sides[*who].unfinished.len(),
            LinkAction::Resume => self.sides.iter().all(|side| side.connection.is_none()),
            _ => true,
        }
    }
}
