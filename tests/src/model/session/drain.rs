use super::client::{Client, Over};
use super::seen::Seen;
use super::{Config, SessionAction, SessionState};
use crate::model::drained::Drained;
use crate::model::fingerprint;
use crate::model::flaw::{Flaw, catching};

/// Far more rounds than any run needs that gets anywhere.
const MOST: usize = 200;

/// Finds out whether a run that meets no more faults comes to its end, with every client attached and
/// all messages delivered, or over for a reason. It is asked when the faults are used up.
pub(super) fn checked(mut state: SessionState, config: &Config, drained: &Drained) -> SessionState {
    if state.flaw.is_none() && state.left.is_used_up() {
        let mut run = state.clone();
        state.flaw = match catching(|| drain(&mut run, config, drained)) {
            Ok(outcome) => outcome.err(),
            Err(_) => Some(Flaw::Panicked),
        };
    }
    state
}

fn drain(state: &mut SessionState, config: &Config, drained: &Drained) -> Result<(), Flaw> {
    let mut passed = Vec::new();
    let seen = Seen::default();
    let mut actions = Vec::new();
    for _ in 0..MOST {
        let fingerprint = fingerprint(state);
        if drained.is_known(fingerprint) {
            drained.add(passed);
            return Ok(());
        }
        passed.push(fingerprint);
        state.actions(config, &mut actions);
        // What is on its way arrives before anything new is said.
        actions.sort_by_key(is_new);
        let waiting = (0..state.clients.len()).find(|who| state.is_greeting(*who));
        actions.extend(waiting.map(SessionAction::ClientGivesUp));
        let mut has_changed = false;
        for action in actions.drain(..) {
            // A full window takes nothing, for now.
            has_changed = state.apply(config, &seen, action)?;
            if has_changed {
                break;
            }
        }
        if !has_changed {
            check_end(state, config)?;
            drained.add(passed);
            return Ok(());
        }
    }
    Err(Flaw::Stuck)
}

const fn is_new(action: &SessionAction) -> bool {
    matches!(
        action,
        SessionAction::ClientSends(_) | SessionAction::ServerSends(_)
    )
}

/// What has to be true when nothing more can happen.
fn check_end(state: &SessionState, config: &Config) -> Result<(), Flaw> {
    for client in &state.clients {
        match client.over {
            None => check_attached(state, config, client)?,
            Some(over) if is_explained(state, config, client, over) => {}
            Some(_) => return Err(Flaw::LockedOut),
        }
    }
    Ok(())
}

fn check_attached(state: &SessionState, config: &Config, client: &Client) -> Result<(), Flaw> {
    let session = client.session().ok_or(Flaw::LockedOut)?;
    if !client.core.is_attached() {
        return Err(Flaw::LockedOut);
    }
    let log = &state.server.logs[session];
    let is_complete = client.history.len() == config.client_messages
        && client.core.in_flight().0 == 0
        && client.received == log.sent
        && log.sent.len() == config.server_messages
        && !client.has_closed
        && !log.has_closed;
    if is_complete {
        Ok(())
    } else {
        Err(Flaw::Stuck)
    }
}

/// Whether something has happened that ends a client in this way.
fn is_explained(state: &SessionState, config: &Config, client: &Client, over: Over) -> bool {
    let others = state.clients.len() > 1;
    match over {
        Over::Closed => client.has_closed,
        Over::ByPeer => {
            let closed_by_copy = others && state.clients.iter().any(|client| client.has_closed);
            state.server.logs.iter().any(|log| log.has_closed) || closed_by_copy
        }
        Over::TakenOver => others,
        Over::Lost => config.on_lost == korinet_session::v3::OnLost::Fail || client.has_closed,
        Over::Other => false,
    }
}
