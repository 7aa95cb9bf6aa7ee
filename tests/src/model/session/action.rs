use korinet_wire::v3::Level;

use super::link::{Link, ServerEnd};
use super::{Config, SessionState};
use crate::model::now;

/// What can happen next. The numbers are those of a client, a session or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionAction {
    /// The client's program sends.
    ClientSends(usize),
    /// The client's program closes.
    ClientCloses(usize),
    /// The client tries again.
    ClientRetries(usize),
    /// The client waits no longer for the answer to its HELLO.
    ClientGivesUp(usize),
    /// The client's driver writes.
    ClientWrites(usize),
    /// The server's program sends.
    ServerSends(usize),
    /// The server's program is done with the oldest message that it has in its hands.
    ServerFinishes(usize),
    /// The server's program closes.
    ServerCloses(usize),
    /// The server's driver writes.
    ServerWrites(usize),
    /// The registry parts with the session.
    ServerRetires(usize),
    /// The session expires.
    ServerExpires(usize),
    /// The registry forgets what is over.
    ServerForgets,
    /// The server gets what comes next on a link.
    Up(usize),
    /// The client gets what comes next on a link.
    Down(usize),
    /// A link breaks.
    Breaks(usize, Cut),
    /// The server starts anew.
    Restarts,
    /// The server's state is kept.
    Snapshot,
    /// The server comes back as it was kept.
    RollsBack,
    /// A thief plays what it has recorded.
    Replays,
    /// A thief asks for a session.
    Guesses(usize),
    /// An impostor answers on a link, by WELCOME or by REJECT.
    Impersonates(usize, bool),
    /// The client goes on as two.
    Copies,
}

/// What is lost when a link breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// What is on its way to the server.
    Up,
    /// What is on its way to the client.
    Down,
    /// Both.
    Both,
}

impl SessionState {
    pub(super) fn actions(&self, config: &Config, actions: &mut Vec<SessionAction>) {
        if self.flaw.is_some() {
            return;
        }
        for who in 0..self.clients.len() {
            self.client_actions(config, who, actions);
        }
        for session in 0..self.server.logs.len() {
            self.server_actions(config, session, actions);
        }
        if self.left.forgets > 0 && self.server.registry.tombstones() > 0 {
            actions.push(SessionAction::ServerForgets);
        }
        for (at, link) in self.links.iter().enumerate() {
            if !link.up.is_empty() && link.server != ServerEnd::Closed {
                actions.push(SessionAction::Up(at));
            }
            if !link.down.is_empty() {
                actions.push(SessionAction::Down(at));
            }
        }
        self.fault_actions(actions);
    }

    fn client_actions(&self, config: &Config, who: usize, actions: &mut Vec<SessionAction>) {
        let client = &self.clients[who];
        if client.core.is_over() {
            return;
        }
        let has_more = client.history.len() < config.client_messages && !client.has_closed;
        if has_more && client.core.session().is_some() {
            actions.push(SessionAction::ClientSends(who));
        }
        if self.left.client_closes > 0 && !client.has_closed {
            actions.push(SessionAction::ClientCloses(who));
        }
        let is_due = client.core.poll_timeout().is_some_and(|at| at <= now());
        if is_due && !self.is_greeting(who) {
            actions.push(SessionAction::ClientRetries(who));
        }
        if is_due && self.is_greeting(who) && self.left.give_ups > 0 {
            actions.push(SessionAction::ClientGivesUp(who));
        }
        if !config.prompt && client.core.has_transmit(client.attach, true) {
            actions.push(SessionAction::ClientWrites(who));
        }
    }

    fn server_actions(&self, config: &Config, session: usize, actions: &mut Vec<SessionAction>) {
        let log = &self.server.logs[session];
        let Some(core) = self.server.get(session) else {
            return;
        };
        if core.tombstone().is_some() {
            if !config.prompt {
                actions.push(SessionAction::ServerRetires(session));
            }
            return;
        }
        if log.sent.len() < config.server_messages && !log.has_closed {
            actions.push(SessionAction::ServerSends(session));
        }
        if config.level != Level::Received && log.finished < log.delivered.len() {
            actions.push(SessionAction::ServerFinishes(session));
        }
        if self.left.server_closes > 0 && !log.has_closed {
            actions.push(SessionAction::ServerCloses(session));
        }
        if self.left.expiries > 0 && core.poll_timeout().is_some_and(|at| at <= now()) {
            actions.push(SessionAction::ServerExpires(session));
        }
        if let (false, Some(attach)) = (config.prompt, core.attached())
            && core.has_transmit(attach, true)
        {
            actions.push(SessionAction::ServerWrites(session));
        }
    }

    fn fault_actions(&self, actions: &mut Vec<SessionAction>) {
        let left = &self.left;
        let whole = |link: &Link| link.is_open && link.server != ServerEnd::Closed;
        if left.cuts > 0 {
            for (at, link) in self
                .links
                .iter()
                .enumerate()
                .filter(|(_, link)| whole(link))
            {
                actions.push(SessionAction::Breaks(at, Cut::Both));
                // What is not on its way is lost with the other direction.
                if !link.up.is_empty() && !link.down.is_empty() {
                    actions.push(SessionAction::Breaks(at, Cut::Up));
                    actions.push(SessionAction::Breaks(at, Cut::Down));
                } else if !link.up.is_empty() {
                    actions.push(SessionAction::Breaks(at, Cut::Down));
                } else if !link.down.is_empty() {
                    actions.push(SessionAction::Breaks(at, Cut::Up));
                }
            }
        }
        if left.restarts > 0 {
            actions.push(SessionAction::Restarts);
        }
        if left.rollbacks > 0 {
            actions.push(match self.snapshot {
                None => SessionAction::Snapshot,
                Some(_) => SessionAction::RollsBack,
            });
        }
        if left.replays > 0 && self.recorded.is_some() {
            actions.push(SessionAction::Replays);
        }
        if left.guesses > 0 && self.granted > 0 {
            actions.push(SessionAction::Guesses(0));
        }
        if left.impostors > 0 {
            for (at, _) in self
                .links
                .iter()
                .enumerate()
                .filter(|(_, link)| Self::has_hello(link))
            {
                actions.push(SessionAction::Impersonates(at, true));
                actions.push(SessionAction::Impersonates(at, false));
            }
        }
        if left.copies > 0 && self.clients[0].core.session().is_some() {
            actions.push(SessionAction::Copies);
        }
    }
}
