use korinet_proto::v3::Transmit;
use korinet_session::v3::{Action, Continuity, Ending, Event, InDoubt};
use korinet_session::{ConnectionError, Loss, SessionError};
use korinet_wire::v3::{AttachNumber, Code};

use super::client::{Over, accuses};
use super::link::{Dialer, Link, channel};
use super::seen::{Seen, Sight};
use super::server::index_of;
use super::{Config, SessionState};
use crate::model::flaw::Flaw;
use crate::model::{frames, now};

impl SessionState {
    /// Does what a client's driver and program do, until there is nothing more to do.
    pub(super) fn settle_client(
        &mut self,
        config: &Config,
        seen: &Seen,
        who: usize,
    ) -> Result<(), Flaw> {
        while let Some(action) = self.clients[who].core.poll_action() {
            match action {
                Action::Dial(attach) => self.dial(config, who, attach),
                Action::Abandon(attach) => {
                    if let Some(link) = self.link_of(who, attach) {
                        link.close_client();
                    }
                }
                Action::Finish(attach, bytes) => {
                    if let Some(link) = self.link_of(who, attach) {
                        link.write_up(frames::split_bytes(bytes));
                        link.close_client();
                    }
                }
                _ => return Err(Flaw::Stuck),
            }
        }
        while let Some(event) = self.clients[who].core.poll_event() {
            self.handle_client_event(seen, who, event)?;
        }
        while let Some(delivery) = self.clients[who].core.recv() {
            let session = index_of(delivery.session);
            // What was on its way when a server was set back still arrives.
            let logs = self.server.logs.get(session).into_iter();
            let sent: Vec<&[u8]> = logs
                .chain(self.abandoned.get(session))
                .map(|log| &log.sent[..])
                .collect();
            self.clients[who].handle_delivery(&delivery, &sent)?;
        }
        if config.prompt {
            self.write_client(who);
        }
        self.links.retain(|link| !link.is_gone());
        Ok(())
    }

    fn dial(&mut self, config: &Config, who: usize, attach: AttachNumber) {
        let channel = channel(config.secured, self.dialed);
        self.dialed += u8::from(config.secured);
        let link = Link::new(Dialer::Client(who), attach, channel.clone());
        self.links.push(link);
        let client = &mut self.clients[who];
        client.attach = attach;
        client.core.handle_connected(now(), attach, channel, None);
        // The HELLO is written with the connection.
        self.write_client(who);
    }

    /// Writes what there is to write; whether there was anything.
    pub(super) fn write_client(&mut self, who: usize) -> bool {
        let client = &mut self.clients[who];
        let mut out = Transmit::new();
        let any = client.core.poll_transmit(now(), client.attach, &mut out);
        let (attach, written) = (client.attach, frames::split(out));
        if self.left.replays > 0
            && let Some(hello) = written.iter().find(|frame| super::hostile::resumes(frame))
        {
            self.recorded = Some(hello.clone());
        }
        if let Some(link) = self.link_of(who, attach) {
            link.write_up(written);
        }
        any
    }

    fn handle_client_event(&mut self, seen: &Seen, who: usize, event: Event) -> Result<(), Flaw> {
        match event {
            Event::Attached(continuity) => self.handle_client_attached(seen, who, &continuity),
            Event::Closed { why, in_doubt } => {
                self.handle_client_closed(seen, who, &why, &in_doubt)
            }
            Event::Lost { in_doubt, why, .. } => {
                seen.note(Sight::Lost);
                note_loss(seen, &why);
                self.clients[who].account_for(&in_doubt)
            }
            Event::Detached { reason, .. } => self.check_reason(seen, who, &reason),
            _ => Ok(()),
        }
    }

    fn handle_client_attached(
        &mut self,
        seen: &Seen,
        who: usize,
        continuity: &Continuity,
    ) -> Result<(), Flaw> {
        let client = &mut self.clients[who];
        if continuity.resumed {
            seen.note(Sight::Resumed);
        } else {
            let before = usize::try_from(client.core.acknowledged().0).unwrap();
            client.sessions.push((index_of(continuity.session), before));
            client.received.clear();
        }
        match self.link_of(who, continuity.attach) {
            Some(link) if link.is_impostor => Err(Flaw::Impostor),
            Some(_) => Ok(()),
            None => Err(Flaw::OldLink),
        }
    }

    /// A client accuses an impostor only.
    fn check_reason(&self, seen: &Seen, who: usize, reason: &ConnectionError) -> Result<(), Flaw> {
        if !accuses(reason) {
            return Ok(());
        }
        let attach = self.clients[who].attach;
        let is_impostor = self.links.iter().any(|link| {
            link.is_impostor && link.dialer == Dialer::Client(who) && link.attach == attach
        });
        if is_impostor {
            seen.note(Sight::Impersonated);
            return Ok(());
        }
        Err(Flaw::Accused)
    }

    fn handle_client_closed(
        &mut self,
        seen: &Seen,
        who: usize,
        why: &Ending,
        in_doubt: &[InDoubt],
    ) -> Result<(), Flaw> {
        let client = &mut self.clients[who];
        client.account_for(in_doubt)?;
        let over = match why {
            Ending::Local => Over::Closed,
            Ending::Peer { .. } => Over::ByPeer,
            Ending::Error(SessionError::TakenOver) => Over::TakenOver,
            Ending::Error(SessionError::Lost(why)) => {
                note_loss(seen, why);
                Over::Lost
            }
            Ending::Error(_) => Over::Other,
        };
        client.over = Some(over);
        let is_lossless = in_doubt.is_empty() && client.handed_back.is_empty();
        if over == Over::Closed {
            seen.note(Sight::ClosedHere);
            if client.attach > AttachNumber::FIRST {
                seen.note(Sight::ClosedAfterCut);
            }
            if !client.has_closed || !in_doubt.is_empty() {
                return Err(Flaw::CloseLost);
            }
        }
        if over == Over::ByPeer {
            seen.note(Sight::ClosedByPeer);
            // Only who closes, or what is lost otherwise, can leave messages in doubt.
            if !is_lossless && !self.has_server_ended() {
                return Err(Flaw::CloseLost);
            }
        }
        Ok(())
    }

    /// Whether the server has ended a session of its own accord, or forgotten one.
    fn has_server_ended(&self) -> bool {
        self.server.logs.iter().any(|log| log.has_closed)
            || self.clients.len() > 1
            || self.has_lost_state
            || self.server.logs.iter().any(|log| log.has_expired())
    }

    /// The connection of a client under this number, while the client looks at it.
    pub(super) fn link_of(&mut self, who: usize, attach: AttachNumber) -> Option<&mut Link> {
        self.links.iter_mut().rfind(|link| {
            link.dialer == Dialer::Client(who) && link.attach == attach && link.is_open
        })
    }

    /// Whether a client waits for the answer to its HELLO.
    pub(super) fn is_greeting(&self, who: usize) -> bool {
        let client = &self.clients[who];
        !client.core.is_attached()
            && self.links.iter().any(|link| {
                link.dialer == Dialer::Client(who) && link.attach == client.attach && link.is_open
            })
    }
}

fn note_loss(seen: &Seen, why: &Loss) {
    if matches!(why, Loss::Refused { code, .. } if *code == Code::SESSION_EXPIRED) {
        seen.note(Sight::ToldExpired);
    }
}
