use super::World;
use crate::sim::conditions::{Connect, Host};
use crate::sim::link::{Dialler, End, LinkId, Side};
use crate::sim::network::{Arrival, Due};
use crate::sim::tally::Fault;

impl World {
    pub(super) fn handle_dialled(&mut self, id: LinkId) -> Result<(), String> {
        let now = self.network.micros();
        let Some(link) = self.network.links.get_mut(&id) else {
            return Ok(());
        };
        let is_up = now >= self.server_starts_at || link.is_impostor();
        let is_refused = matches!(link.conditions.connect, Connect::Fails(_));
        if link.end(Side::Client) != End::Pending {
            return Ok(());
        }
        if is_refused || !is_up {
            link.set_end(Side::Client, End::Closed);
            link.set_end(Side::Server, End::Closed);
            let dialler = link.dialler;
            self.network.fault(Fault::ConnectFailure);
            return match dialler {
                Dialler::Client { index, attach, .. } if self.is_alive(dialler) => {
                    self.clients[index].handle_connect_failed(&mut self.network, attach)
                }
                _ => Ok(()),
            };
        }
        link.set_end(Side::Client, End::Open);
        link.set_end(Side::Server, End::Open);
        let (dialler, host) = (link.dialler, link.conditions.host);
        if host == Host::Server {
            self.server.handle_accepted(&self.network, id);
        }
        match dialler {
            Dialler::Client { index, attach, .. } if self.is_alive(dialler) => {
                self.clients[index].handle_connected(&mut self.network, id, attach)
            }
            Dialler::Client { .. } => {
                self.network.close(id, Side::Client);
                Ok(())
            }
            Dialler::Attacker => {
                self.attack(id);
                Ok(())
            }
        }
    }

    /// An attacker says what it has to say, and stays for a while.
    fn attack(&mut self, id: LinkId) {
        let attack = self.network.links[&id].attack.clone();
        if let Some((fault, bytes)) = attack {
            self.network.note(format_args!("{id} {fault:?}"));
            self.network.fault(fault);
            self.network.put(id, Side::Client, &bytes);
            let until = self.network.micros() + self.network.draw.below(30_000_000);
            self.network
                .push_due(until, Due::Told(id, Side::Client, false));
        }
    }

    fn is_alive(&self, dialler: Dialler) -> bool {
        match dialler {
            Dialler::Client { index, process, .. } => self.clients[index].process == process,
            Dialler::Attacker => true,
        }
    }

    pub(super) fn handle_delivery(&mut self, id: LinkId, writer: Side) -> Result<(), String> {
        if self.postpone(id, writer) {
            return Ok(());
        }
        let Some(arrival) = self.network.deliver(id, writer) else {
            return Ok(());
        };
        let Arrival::Bytes(bytes) = arrival else {
            return self.handle_told(id, writer.peer(), false);
        };
        self.network.trace.record((id, writer, &bytes));
        let now = self.network.micros();
        self.network.trace.record(now);
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        let (reader, dialler) = (writer.peer(), link.dialler);
        match (link.end(reader), reader) {
            (End::Closed, _) => {
                // There is nobody who knows this connection: the system says so, if it gets through.
                if !link.pipe(reader).is_silent {
                    self.network.push_due(now, Due::Told(id, writer, true));
                }
                return Ok(());
            }
            (End::Pending, _) => return Ok(()),
            (_, Side::Server) if link.is_impostor() => {
                self.impostor.handle_bytes(&mut self.network, id, &bytes);
            }
            // A driver may have read something before it heard that it is of no interest.
            (End::Open | End::Finished, Side::Server) => {
                self.server.handle_bytes(&mut self.network, id, &bytes)?;
            }
            (End::Open | End::Finished, Side::Client) => {
                if let Dialler::Client { index, attach, .. } = dialler {
                    self.clients[index].handle_bytes(&mut self.network, attach, &bytes)?;
                }
            }
        }
        self.handle_room(id, writer)
    }

    /// Whoever is paused reads later.
    fn postpone(&mut self, id: LinkId, writer: Side) -> bool {
        let Some(link) = self.network.links.get(&id) else {
            return false;
        };
        let until = match (writer, link.dialler) {
            (Side::Client, _) => self.server.paused_until,
            (Side::Server, Dialler::Client { index, .. }) => self.clients[index].paused_until,
            (Side::Server, Dialler::Attacker) => 0,
        };
        if until <= self.network.micros() {
            return false;
        }
        self.network.pipe(id, writer, |pipe| pipe.due = Some(until));
        self.network.push_due(until, Due::Delivery(id, writer));
        true
    }

    /// What was delivered makes room for more.
    pub(super) fn handle_room(&mut self, id: LinkId, writer: Side) -> Result<(), String> {
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        match (writer, link.dialler) {
            (Side::Server, _) => self.server.handle_room(&mut self.network, id),
            (Side::Client, Dialler::Client { index, .. }) if self.is_alive(link.dialler) => {
                self.clients[index].pump(&mut self.network)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn handle_told(
        &mut self,
        id: LinkId,
        side: Side,
        is_reset: bool,
    ) -> Result<(), String> {
        let Some(link) = self.network.links.get(&id) else {
            return Ok(());
        };
        let (dialler, is_impostor) = (link.dialler, link.is_impostor());
        self.network.note(format_args!(
            "{id} is over for {side:?} (reset: {is_reset})"
        ));
        let had = self.network.tell(id, side, is_reset);
        if had == End::Closed || had == End::Pending {
            return Ok(());
        }
        match (side, dialler) {
            (Side::Server, _) if is_impostor => Ok(()),
            (Side::Server, _) => self
                .server
                .handle_disconnected(&mut self.network, id, is_reset),
            (Side::Client, Dialler::Client { index, attach, .. }) if self.is_alive(dialler) => {
                self.clients[index].handle_disconnected(&mut self.network, attach, is_reset)
            }
            _ => Ok(()),
        }
    }
}
