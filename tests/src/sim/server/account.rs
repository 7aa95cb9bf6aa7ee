use korinet_session::v3::Event;
use korinet_wire::v3::SessionId;

use super::ServerNode;
use crate::sim::course::kind_of;
use crate::sim::ledger::Terms;
use crate::sim::link::Side;
use crate::sim::network::Network;

impl ServerNode {
    pub(super) fn handle_event(
        &mut self,
        network: &mut Network,
        id: SessionId,
        event: Event,
    ) -> Result<(), String> {
        network.note(format_args!("server {id} is told {event:?}"));
        network.trace.record((id, &event));
        if let Some(kind) = kind_of(&event) {
            network.report.events.add(kind);
        }
        let desk = self.courses.get_mut(&id).ok_or("no such session")?;
        desk.course
            .advance(&event)
            .map_err(|error| format!("server {id}: {error}"))?;
        match &event {
            Event::Attached(continuity) if !continuity.resumed => {
                self.handle_opened(network, id)?;
            }
            Event::Closed { in_doubt, .. } => {
                let mut next = desk.settled + 1;
                for message in in_doubt {
                    if message.ticket.0 != next {
                        return Err(format!("{:?} is not the next in doubt", message.ticket));
                    }
                    let known = network.ledger.message(id, Side::Server, next);
                    let message_id = known.ok_or("what was never sent is in doubt")?;
                    network.ledger.handed_back(message_id, message)?;
                    next += 1;
                }
                if network.ledger.message(id, Side::Server, next).is_some() {
                    return Err(format!("message {next} of {id} is not in doubt"));
                }
            }
            _ => {}
        }
        self.told.push((id, event));
        Ok(())
    }

    /// The first time, or once more since the WELCOME was lost (V3-13).
    fn handle_opened(&self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if network.ledger.is_open(id, Side::Server) {
            return Ok(());
        }
        let desk = self.courses.get(&id).ok_or("no such session")?;
        let terms = Terms {
            sender: self.process,
            level: desk.level,
            limits: desk.limits,
        };
        let limits = self.config.settings.limits;
        network.ledger.grant(id, self.process, limits);
        network.ledger.open(id, Side::Server, terms, &[])
    }

    pub(super) fn settle(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        let (Some(session), Some(desk)) = (self.registry.get_mut(id), self.courses.get_mut(&id))
        else {
            return Ok(());
        };
        let acknowledged = session.acknowledged().0;
        if acknowledged != desk.settled {
            network
                .ledger
                .acknowledged(id, Side::Server, acknowledged)
                .map_err(|error| format!("server {id}: {error}"))?;
            desk.settled = acknowledged;
        }
        Ok(())
    }

    pub(super) fn check_bounds(&mut self, network: &Network, id: SessionId) -> Result<(), String> {
        let (Some(session), Some(limits)) = (
            self.registry.get_mut(id),
            network.ledger.limits(id, Side::Server),
        ) else {
            return Ok(());
        };
        let (messages, bytes) = session.in_flight();
        let fits = messages <= limits.messages as usize && bytes <= u64::from(limits.bytes);
        if fits || messages <= 1 {
            return Ok(());
        }
        Err(format!(
            "server {id} has {messages} messages of {bytes} bytes unacknowledged"
        ))
    }
}
