use super::client::{Client, Over};
use super::seen::Seen;
use super::{Config, SessionAction, SessionState};
use crate::model::flaw::{Flaw, catching};

/// Far more rounds than any run needs that gets anywhere.
const MOST: usize = 200;

/// Whether a run that meets no more faults comes to its end, with every client attached and all
/// messages delivered, or over for a reason. To be asked when the faults are used up.
pub(super) fn check(state: &SessionState, config: &Config) -> Option<Flaw> {
    if !state.left.is_used_up() {
        return None;
    }
    let mut state = state.clone();
    match catching(move || drain(&mut state, config)) {
        Ok(Ok(())) => None,
        Ok(Err(flaw)) => Some(flaw),
        Err(_) => Some(Flaw::Panicked),
    }
}

fn drain(state: &mut SessionState, config: &Config) -> Result<(), Flaw> {
    let seen = Seen::default();
    let mut actions = Vec::new();
    for _ in 0..MOST {
        state.actions(config, &mut actions);
        let Some(action) = next_action(state, &mut actions) else {
            return check_end(state, config);
        };
        let has_changed = state.apply(config, &seen, action.clone())?;
        super::check::check(state, config)?;
        // A window that is full gets room by other actions only.
        if !has_changed {
            actions.retain(|other| *other != action);
            for other in actions.drain(..) {
                if state.apply(config, &seen, other)? {
                    break;
                }
            }
        }
        actions.clear();
    }
    Err(Flaw::Stuck)
}

/// What is to be done first: what is on its way, before anything new is said.
fn next_action(state: &SessionState, actions: &mut Vec<SessionAction>) -> Option<SessionAction> {
    let is_new = |action: &SessionAction| {
        matches!(
            action,
            SessionAction::ClientSends(_) | SessionAction::ServerSends(_)
        )
    };
    actions.sort_by_key(is_new);
    let waiting = (0..state.clients.len()).find(|who| state.is_greeting(*who));
    actions
        .first()
        .cloned()
        .or_else(|| waiting.map(SessionAction::ClientGivesUp))
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
