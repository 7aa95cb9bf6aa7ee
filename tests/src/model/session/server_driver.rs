use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_session::v3::{Action, Delivery, Ending, Event, ServerSession};
use korinet_session::{ConnectionError, SessionError};
use korinet_wire::v3::{AttachNumber, Code};

use super::client::accuses;
use super::link::{Chunk, ServerEnd};
use super::seen::{Seen, Sight};
use super::server::{as_u64, id_of};
use super::{Config, SessionState};
use crate::model::flaw::Flaw;
use crate::model::{frames, now};

impl SessionState {
    /// A frame, or the end, comes to the server on a link.
    pub(super) fn deliver_up(
        &mut self,
        config: &Config,
        seen: &Seen,
        at: usize,
    ) -> Result<(), Flaw> {
        let link = &mut self.links[at];
        let (attach, server) = (link.attach, link.server);
        match (link.up.pop_front(), server) {
            (None, _) | (_, ServerEnd::Closed) => {}
            (Some(Chunk::End), ServerEnd::Accepting) => link.close_server(),
            (Some(Chunk::End), ServerEnd::Bound(session)) => {
                link.close_server();
                let reason = ConnectionError::ClosedByPeer;
                if let Some(core) = self.server.registry.get_mut(id_of(session)) {
                    core.handle_disconnected(now(), attach, reason);
                }
            }
            (Some(Chunk::Frame(frame)), ServerEnd::Accepting) => {
                self.greet(config, seen, at, &frame)?;
            }
            (Some(Chunk::Frame(frame)), ServerEnd::Bound(session)) => {
                let mut input = BytesMut::from(&frame[..]);
                if let Some(core) = self.server.registry.get_mut(id_of(session)) {
                    core.handle_bytes(now(), attach, &mut input);
                    assert!(input.is_empty(), "a whole frame was left");
                }
            }
        }
        self.settle_server(config, seen)
    }

    /// Does what the server's driver and program do, until there is nothing more to do.
    pub(super) fn settle_server(&mut self, config: &Config, seen: &Seen) -> Result<(), Flaw> {
        for session in 0..self.server.logs.len() {
            while let Some(action) = self.core_mut(session).and_then(ServerSession::poll_action) {
                if let Action::Finish(attach, bytes) = action {
                    self.finish_link(session, attach, bytes);
                }
            }
            while let Some(event) = self.core_mut(session).and_then(ServerSession::poll_event) {
                self.handle_server_event(seen, session, &event)?;
            }
            while let Some(delivery) = self.core_mut(session).and_then(ServerSession::recv) {
                self.handle_server_delivery(seen, session, &delivery)?;
            }
            if config.prompt {
                self.retire(session);
                self.write_server(session);
            }
        }
        self.links.retain(|link| !link.is_gone());
        Ok(())
    }

    fn finish_link(&mut self, session: usize, attach: AttachNumber, bytes: Bytes) {
        let link = self
            .links
            .iter_mut()
            .find(|link| link.is_bound_to(session) && link.attach == attach);
        if let Some(link) = link {
            link.write_down(frames::split_bytes(bytes));
            link.close_server();
        }
    }

    fn handle_server_event(
        &mut self,
        seen: &Seen,
        session: usize,
        event: &Event,
    ) -> Result<(), Flaw> {
        let log = &mut self.server.logs[session];
        if let Event::Closed { why, .. } = event {
            log.over = Some(match why {
                Ending::Error(SessionError::Expired { .. }) => {
                    seen.note(Sight::Expired);
                    Code::SESSION_EXPIRED
                }
                _ => Code::SESSION_ENDED,
            });
        }
        match event {
            Event::Detached { reason, .. } if accuses(reason) => Err(Flaw::Accused),
            _ => Ok(()),
        }
    }

    fn handle_server_delivery(
        &mut self,
        seen: &Seen,
        session: usize,
        delivery: &Delivery,
    ) -> Result<(), Flaw> {
        let message = &delivery.message;
        let content = message.payload[0];
        let is_flagged = message.kind.redelivered;
        let mut all = self.server.logs.iter().flat_map(|log| &log.delivered);
        // One with the flag may come before the one without it, where that was on its way in a session
        // that its client had to give up.
        let is_repeat = all.any(|other| *other == (content, false));
        if is_repeat && is_flagged {
            seen.note(Sight::Redelivered);
        }
        let log = &mut self.server.logs[session];
        let is_next = message.seq.get() == as_u64(log.delivered.len()) + 1;
        if !is_next || (is_repeat && !is_flagged) {
            return Err(Flaw::Order);
        }
        log.delivered.push((content, message.kind.redelivered));
        Ok(())
    }

    /// The registry parts with a session that is over; whether it was.
    pub(super) fn retire(&mut self, session: usize) -> bool {
        let id = id_of(session);
        let core = self.server.registry.get_mut(id);
        let tombstone = core.and_then(|core| core.tombstone().cloned());
        let Some(tombstone) = tombstone else {
            return false;
        };
        self.server.registry.retire(now(), id, tombstone);
        true
    }

    /// Writes what a session has to write; whether there was anything.
    pub(super) fn write_server(&mut self, session: usize) -> bool {
        let Some(core) = self.server.registry.get_mut(id_of(session)) else {
            return false;
        };
        let Some(attach) = core.attached() else {
            return false;
        };
        let mut out = Transmit::new();
        let any = core.poll_transmit(now(), attach, &mut out);
        let written = frames::split(out);
        let link = self
            .links
            .iter_mut()
            .rfind(|link| link.is_bound_to(session) && link.attach == attach);
        if let Some(link) = link {
            link.write_down(written);
        }
        any
    }

    pub(super) fn core_mut(&mut self, session: usize) -> Option<&mut ServerSession> {
        self.server.registry.get_mut(id_of(session))
    }
}
