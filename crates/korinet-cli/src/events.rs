//! What happens to a session, as a person would like to read it.

use korinet::{Event, State};
use tokio::sync::watch;

use crate::output::{chain, tell};

/// The line for an event, if it is worth one.
pub(crate) fn line(event: &Event) -> Option<String> {
    match event {
        Event::Attached(to) if to.resumed => Some(match to.replayed {
            0 => "connected again".to_owned(),
            replayed => format!("connected again, {} sent again", messages(replayed)),
        }),
        Event::Detached { reason, .. } => {
            Some(format!("connection lost: {}; reconnecting", chain(reason)))
        }
        Event::Draining(go_away) => Some(format!(
            "peer is about to close the connection: {}",
            go_away.code
        )),
        Event::Lost {
            why,
            resent,
            in_doubt,
        } => {
            let handed_back = u64::try_from(in_doubt.len()).unwrap_or(u64::MAX);
            Some(match (resent, handed_back) {
                (0, 0) => format!("session lost: {why}; opening another"),
                (resent, 0) => format!(
                    "session lost: {why}; opening another, {} sent again in it, flagged",
                    messages(*resent)
                ),
                (_, back) => format!(
                    "session lost: {why}; {} may not have arrived",
                    messages(back)
                ),
            })
        }
        Event::Attached(_) | Event::Connecting(_) | Event::Closed { .. } | _ => None,
    }
}

fn messages(count: u64) -> String {
    match count {
        1 => "1 message".to_owned(),
        count => format!("{count} messages"),
    }
}

/// Of several attempts in a row that fail only the first is told.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    is_lost: bool,
}

impl Quiet {
    pub(crate) fn line(&mut self, event: &Event) -> Option<String> {
        let is_detached = matches!(event, Event::Detached { .. });
        if is_detached && self.is_lost {
            return None;
        }
        self.is_lost = is_detached || (self.is_lost && !matches!(event, Event::Attached(_)));
        line(event)
    }
}

/// Tells of each loss and of each way back in protocol v2; does not end.
pub(crate) async fn tell_states(mut states: watch::Receiver<State>) {
    let mut is_lost = false;
    loop {
        let state = states.borrow_and_update().clone();
        if let State::Detached { reason, .. } = &state
            && !is_lost
        {
            is_lost = true;
            tell(format_args!(
                "connection lost: {}; reconnecting",
                chain(reason)
            ));
        }
        if state == State::Attached && is_lost {
            is_lost = false;
            tell("connected again");
        }
        if states.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use korinet::ConnectionError;

    use super::*;

    #[test]
    fn an_outage_is_told_once() {
        let detached = Event::Detached {
            reason: ConnectionError::ClosedByPeer,
            wait: std::time::Duration::ZERO,
        };
        let mut quiet = Quiet::default();
        let first = quiet.line(&detached);
        assert_eq!(
            first.as_deref(),
            Some("connection lost: closed by the peer; reconnecting")
        );
        assert_eq!(quiet.line(&detached), None);
    }
}
