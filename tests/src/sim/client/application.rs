use bytes::Bytes;
use korinet_proto::v3::Payload;
use korinet_session::v3::{Delivery, SendError};
use korinet_wire::v3::{Code, Kind, Seq, SessionId};

use super::ClientNode;
use crate::sim::link::Side;
use crate::sim::network::Network;
use crate::sim::tally::Fate;

impl ClientNode {
    /// Its application sends a message; an error, if it is not accepted.
    pub fn send(
        &mut self,
        network: &mut Network,
        kind: Kind,
        re: Option<Seq>,
        payload: Bytes,
    ) -> Result<Result<(), SendError>, String> {
        let sent = if payload.len().is_multiple_of(2) {
            self.session.send(kind, re, Payload::Copied(&payload))
        } else {
            self.session
                .send(kind, re, Payload::Shared(payload.clone()))
        };
        let ticket = match sent {
            Ok(ticket) => ticket,
            Err(error) => {
                network.ledger.count(Fate::Refused);
                return Ok(Err(error));
            }
        };
        let Some(session) = self.current else {
            return Err(format!("{ticket:?} accepted without a session"));
        };
        let message = (kind, re, payload);
        let id = network.ledger.accepted(session, Side::Client, message)?;
        self.tickets.push(id);
        if ticket.0 != self.tickets.len() as u64 {
            return Err(format!("{ticket:?} for message {}", self.tickets.len()));
        }
        self.pump(network)?;
        Ok(Ok(()))
    }

    /// Its application reads the next message.
    pub fn recv(&mut self, network: &mut Network) -> Result<Option<Delivery>, String> {
        let Some(delivery) = self.session.recv() else {
            return Ok(None);
        };
        network.note(format_args!("client {} reads {delivery:?}", self.index));
        network
            .ledger
            .delivered(Side::Server, &delivery)
            .map_err(|error| format!("client {}: {error}", self.index))?;
        self.pump(network)?;
        Ok(Some(delivery))
    }

    /// Its application is done with a message.
    pub fn finish(
        &mut self,
        network: &mut Network,
        session: SessionId,
        seq: Seq,
    ) -> Result<(), String> {
        network.ledger.finished(session, Side::Server, seq)?;
        self.session.finish(session, seq);
        self.pump(network)
    }

    /// Its application closes the session.
    pub fn close(&mut self, network: &mut Network) -> Result<(), String> {
        self.session.close(network.now(), Code::DONE, "");
        self.pump(network)
    }
}
