use korinet_session::v3::{Continuity, Event, InDoubt};

use super::ClientNode;
use crate::sim::course::kind_of;
use crate::sim::ledger::Terms;
use crate::sim::link::{LinkId, Side};
use crate::sim::network::Network;

impl ClientNode {
    pub(super) fn handle_event(
        &mut self,
        network: &mut Network,
        event: Event,
    ) -> Result<(), String> {
        network.note(format_args!("client {} is told {event:?}", self.index));
        network.trace.record((self.index, &event));
        if let Some(kind) = kind_of(&event) {
            network.report.events.add(kind);
        }
        self.course
            .advance(&event)
            .map_err(|error| format!("client {}: {error}", self.index))?;
        let session = self.current;
        match &event {
            Event::Attached(continuity) if !continuity.resumed => {
                self.handle_opened(network, continuity)?;
            }
            Event::Lost {
                resent, in_doubt, ..
            } => self.hand_back(network, in_doubt, *resent)?,
            Event::Closed { in_doubt, .. } => self.hand_back(network, in_doubt, 0)?,
            _ => {}
        }
        let link = self.last_link().unwrap_or(LinkId(u32::MAX));
        self.told.push((link, session, event));
        Ok(())
    }

    fn handle_opened(
        &mut self,
        network: &mut Network,
        continuity: &Continuity,
    ) -> Result<(), String> {
        let session = continuity.session;
        let resent = &self.tickets[usize::try_from(self.settled).unwrap()..];
        self.backlog = resent.len();
        let Some((server, limits)) = network.ledger.granted(session) else {
            return Err(format!("no server has session {session}"));
        };
        let terms = Terms {
            sender: self.process,
            level: self.config.level,
            limits,
        };
        network.ledger.open(session, Side::Client, terms, resent)?;
        network
            .ledger
            .set_receiver(session, Side::Server, self.process);
        network.ledger.set_receiver(session, Side::Client, server);
        self.offset = self.settled;
        self.current = Some(session);
        Ok(())
    }

    /// What is in doubt is all that is not acknowledged; or all of that is sent again.
    fn hand_back(
        &mut self,
        network: &mut Network,
        in_doubt: &[InDoubt],
        resent: u64,
    ) -> Result<(), String> {
        let (all, told) = (self.tickets.len() as u64, in_doubt.len() as u64 + resent);
        self.settle_to(network, all.saturating_sub(told))?;
        self.current = None;
        let open = all - self.settled;
        if told != open || (resent > 0 && !in_doubt.is_empty()) {
            return Err(format!(
                "client {}: {open} messages are open, {resent} are sent again, {} in doubt",
                self.index,
                in_doubt.len()
            ));
        }
        for message in in_doubt {
            if message.ticket.0 != self.settled + 1 {
                return Err(format!("{:?} is not the next in doubt", message.ticket));
            }
            let id = self.tickets[usize::try_from(self.settled).unwrap()];
            network.ledger.handed_back(id, message)?;
            self.settled += 1;
        }
        Ok(())
    }

    /// What the session counts as acknowledged has to be it.
    pub(super) fn settle(&mut self, network: &mut Network) -> Result<(), String> {
        // Of a session that has come to its end, its last event tells.
        if self.current.is_some() && self.session.session() == self.current {
            self.settle_to(network, self.session.acknowledged().0)?;
        }
        Ok(())
    }

    fn settle_to(&mut self, network: &mut Network, acknowledged: u64) -> Result<(), String> {
        let Some(session) = self.current else {
            return Ok(());
        };
        if acknowledged != self.settled {
            let count = acknowledged.saturating_sub(self.offset);
            network
                .ledger
                .acknowledged(session, Side::Client, count)
                .map_err(|error| format!("client {}: {error}", self.index))?;
            self.settled = acknowledged;
        }
        Ok(())
    }

    pub(super) fn check_bounds(&self, network: &Network) -> Result<(), String> {
        let (messages, bytes) = self.session.in_flight();
        let limits = self
            .current
            .and_then(|session| network.ledger.limits(session, Side::Client));
        let fits = limits.is_none_or(|limits| {
            messages <= limits.messages as usize && bytes <= u64::from(limits.bytes)
        });
        if fits || messages <= self.backlog.max(1) {
            return Ok(());
        }
        Err(format!(
            "client {} has {messages} messages of {bytes} bytes unacknowledged",
            self.index
        ))
    }
}
