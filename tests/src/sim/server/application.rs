use bytes::Bytes;
use korinet_proto::v3::{GoAway, Payload};
use korinet_session::v3::{Delivery, SendError, ServerSession};
use korinet_wire::v3::{Code, Kind, Seq, SessionId};

use super::ServerNode;
use crate::sim::link::{LinkId, Side};
use crate::sim::network::Network;
use crate::sim::tally::Fate;

impl ServerNode {
    /// The sessions that live.
    pub fn sessions(&mut self) -> Vec<SessionId> {
        self.registry.iter_mut().map(|(id, _)| id).collect()
    }

    /// The sessions that were closed and may have left something to be read.
    #[must_use]
    pub fn over(&self) -> Vec<SessionId> {
        self.over.keys().copied().collect()
    }

    /// A session that lives.
    pub fn session(&mut self, id: SessionId) -> Option<&mut ServerSession> {
        self.registry.get_mut(id)
    }

    /// How many ended sessions are remembered.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.registry.tombstones()
    }

    /// The connection that a session has.
    pub fn link_of(&mut self, id: SessionId) -> Option<LinkId> {
        let attach = self.registry.get_mut(id)?.attached()?;
        self.by_attach.get(&(id, attach)).copied()
    }

    /// The application of a session sends a message; an error, if it is not accepted.
    pub fn send(
        &mut self,
        network: &mut Network,
        id: SessionId,
        (kind, re, payload): (Kind, Option<Seq>, Bytes),
    ) -> Result<Result<(), SendError>, String> {
        let session = self.registry.get_mut(id).ok_or("no such session")?;
        let ticket = match session.send(kind, re, Payload::Copied(&payload)) {
            Ok(ticket) => ticket,
            Err(error) => {
                network.ledger.count(Fate::Refused);
                return Ok(Err(error));
            }
        };
        let message = network
            .ledger
            .accepted(id, Side::Server, (kind, re, payload))?;
        if network.ledger.message(id, Side::Server, ticket.0) != Some(message) {
            return Err(format!("{ticket:?} is not the number of the message"));
        }
        self.pump(network, id)?;
        Ok(Ok(()))
    }

    /// The application of a session reads the next message.
    pub fn recv(
        &mut self,
        network: &mut Network,
        id: SessionId,
    ) -> Result<Option<Delivery>, String> {
        let living = self.registry.get_mut(id);
        let Some(session) = living.or_else(|| self.over.get_mut(&id)) else {
            return Ok(None);
        };
        let Some(delivery) = session.recv() else {
            self.over.remove(&id);
            return Ok(None);
        };
        network.note(format_args!("server {id} reads {delivery:?}"));
        network
            .ledger
            .delivered(Side::Client, &delivery)
            .map_err(|error| format!("server {id}: {error}"))?;
        self.pump(network, id)?;
        Ok(Some(delivery))
    }

    /// The application of a session is done with a message.
    pub fn finish(&mut self, network: &mut Network, id: SessionId, seq: Seq) -> Result<(), String> {
        network.ledger.finished(id, Side::Client, seq)?;
        if let Some(session) = self.registry.get_mut(id) {
            session.finish(seq);
        }
        self.pump(network, id)
    }

    /// The application of a session closes it.
    pub fn close(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.close(network.now(), Code::DONE, "");
        }
        self.pump(network, id)
    }

    /// The server asks the client of a session to come back later.
    pub fn go_away(
        &mut self,
        network: &mut Network,
        id: SessionId,
        go_away: GoAway,
    ) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.go_away(go_away);
        }
        self.pump(network, id)
    }

    /// The server closes the connection of a session.
    pub fn detach(&mut self, network: &mut Network, id: SessionId) -> Result<(), String> {
        if let Some(session) = self.registry.get_mut(id) {
            session.detach(network.now(), Code::DRAINING, "");
        }
        self.pump(network, id)
    }
}
