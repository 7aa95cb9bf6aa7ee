use std::time::Duration;

use korinet_proto::v3::Transmit;
use korinet_session::SessionError;
use korinet_session::v3::{Action, Ending, Event};
use korinet_wire::v2;
use korinet_wire::v3::Level;

use super::healthy::Healthy;
use super::link::End;
use super::{LIMITS, MAX_SESSIONS, MAX_TOMBSTONES, Occurred, What, World, forgery};
use crate::fuzz::LIMITS as LIMITS_OF_V2;
use crate::fuzz::script::Script;

/// The most that a session tells its application after one input: a connection comes, another goes, the peer will
/// leave, the session is over; and once more for the time that passes.
const MAX_EVENTS: usize = 6;

/// Beside messages and volatile payloads: WELCOME, and one each of ACK, PING, PONG, GOAWAY and CLOSE.
const MAX_CONTROL: u64 = 1024;

impl World {
    /// Bytes of protocol v2 come, or the application of such a connection does something.
    pub(super) fn speak_v2(&mut self, script: &mut Script<'_>) {
        let found = self
            .links
            .iter()
            .rposition(|link| matches!(link.end, End::V2(_)));
        let link = found.unwrap_or_else(|| self.accept(0));
        match script.below(8) {
            0..=2 => self.feed_v2(link, b"\xa1\x03\x04", script),
            3 => self.feed_v2(link, v2::ACKNOWLEDGEMENT, script),
            how => {
                if let End::V2(exchange) = &mut self.links[link].end {
                    match how {
                        4 => exchange.send(),
                        5 => exchange.write(),
                        _ => exchange.accept(&mut self.occurred),
                    }
                }
            }
        }
    }

    fn feed_v2(&mut self, link: usize, data: &[u8], script: &mut Script<'_>) {
        let frame = v2::Frame {
            id: v2::Id::Text("a message"),
            data,
        };
        let mut bytes = Vec::new();
        frame.encode(&LIMITS_OF_V2, &mut bytes).unwrap();
        forgery::change(&mut bytes, script.below(8) == 1, script);
        self.feed(link, &bytes, script.below(5));
    }

    pub(super) fn lose(&mut self, script: &mut Script<'_>) {
        let link = self.some_link(script);
        self.links[link].lose(self.now, &mut self.host);
    }

    /// Time passes; what was due is not due any more then.
    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        let now = self.now;
        self.healthy.pass(now, &mut self.host, &mut self.occurred);
        for (_, session) in self.host.registry.iter_mut() {
            session.handle_timeout(now);
            assert!(session.poll_timeout().is_none_or(|at| at > now));
        }
        self.host.registry.handle_timeout(now);
        assert!(self.host.registry.poll_timeout().is_none_or(|at| at > now));
        for link in &mut self.links {
            link.handle_timeout(now, &self.host, &mut self.occurred);
        }
    }

    /// Every connection writes all that it has to write.
    pub(super) fn write(&mut self) {
        for link in &mut self.links {
            if let End::V2(exchange) = &mut link.end {
                exchange.write();
            }
            let Some((id, attach)) = link.session() else {
                continue;
            };
            let Some(session) = self.host.registry.get_mut(id) else {
                continue;
            };
            let wants = session.has_transmit(attach, true);
            let (_, messages) = session.in_flight();
            let mut out = Transmit::new();
            let any = session.poll_transmit(self.now, attach, &mut out);
            assert_eq!(any, wants, "what was announced was not written");
            let bytes = out.into_bytes();
            let most = messages + self.application.volatile + MAX_CONTROL;
            assert!(bytes.len() as u64 <= most, "{} bytes", bytes.len());
            link.answer(&bytes, &mut self.occurred);
            let client = (&link.principal, link.offer.as_ref());
            self.peers
                .handle_bytes(self.now, link.serial, client, &bytes);
        }
        self.application.volatile = 0;
    }

    /// Does what the sessions ask for, and takes those out that are over.
    pub(super) fn act(&mut self) {
        let mut over = Vec::new();
        for (id, session) in self.host.registry.iter_mut() {
            while let Some(action) = session.poll_action() {
                let Action::Finish(attach, last) = action else {
                    unreachable!("a server does not dial");
                };
                if id == Healthy::SESSION {
                    assert!(!self.healthy.is_attached_as(attach), "it was ended");
                    continue;
                }
                let mut links = self.links.iter_mut();
                let Some(link) = links.find(|link| link.session() == Some((id, attach))) else {
                    continue;
                };
                link.answer(&last, &mut self.occurred);
                let client = (&link.principal, link.offer.as_ref());
                self.peers
                    .handle_bytes(self.now, link.serial, client, &last);
                link.finish();
            }
            let events = std::iter::from_fn(|| session.poll_event());
            let count = events.map(|event| note(&event, &mut self.occurred)).count();
            assert!(count <= MAX_EVENTS, "{count} events");
            if let Some(tombstone) = session.tombstone() {
                over.push((id, tombstone.clone()));
            }
        }
        for (id, tombstone) in over {
            let session = self.host.registry.retire(self.now, id, tombstone);
            self.application
                .read_rest(&mut session.unwrap(), &self.peers, &mut self.occurred);
        }
    }

    pub(super) fn check(&mut self) {
        assert!(self.host.registry.len() <= MAX_SESSIONS);
        assert!(self.host.registry.tombstones() <= MAX_TOMBSTONES);
        for (id, session) in self.host.registry.iter_mut() {
            let level = self.peers.get(id).map(|peer| peer.level);
            // As documented of the receive window: two windows, and one above the lowest level.
            let windows = match level {
                None | Some(Level::Received) => 2,
                Some(Level::Processed | Level::Durable) => 1,
            };
            let most = windows * LIMITS.messages as usize;
            assert!(session.unread() <= most, "{} are unread", session.unread());
            let (messages, bytes) = session.in_flight();
            let is_in_window = messages <= LIMITS.messages as usize
                && (messages <= 1 || bytes <= u64::from(LIMITS.bytes));
            // Who has changed its HELLO on the way may have asked for another window.
            assert!(
                is_in_window || level.is_none(),
                "{messages} of {bytes} bytes"
            );
        }
    }
}

fn note(event: &Event, occurred: &mut Occurred) {
    if let Event::Closed { why, .. } = event {
        occurred.note(match why {
            Ending::Error(SessionError::Expired { .. }) => What::Expired,
            _ => What::Ended,
        });
    }
}
