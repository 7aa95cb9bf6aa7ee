use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use korinet_proto::v3::{GoAway, Payload, ReceiveWindow};
use korinet_session::v3::{Delivery, Ending, ServerSession};
use korinet_wire::v3::{Code, FRAME_OVERHEAD, Kind, Seq, SessionId};

use super::LIMITS;
use super::healthy::Healthy;
use super::occurred::{Occurred, What};
use super::peers::Peers;
use crate::fuzz::script::Script;
use crate::host::Host;

/// What the queue of a session holds at the most of payloads, as documented: two windows, each of which may
/// be one message instead.
const MAX_QUEUED: usize = 2 * {
    let (window, message) = (LIMITS.bytes, LIMITS.message + FRAME_OVERHEAD);
    if window > message { window } else { message }
} as usize;

/// The application of all sessions but the healthy one.
#[derive(Default)]
pub(super) struct Application {
    /// The last message of each session that was delivered.
    delivered: BTreeMap<SessionId, Seq>,
    /// The frames of volatile payloads that were sent since everything was written.
    pub(super) volatile: u64,
}

impl Application {
    /// Reads some of a session's messages, or all, and is done with some of them.
    pub(super) fn read(
        &mut self,
        host: &mut Host,
        peers: &Peers,
        script: &mut Script<'_>,
        occurred: &mut Occurred,
    ) {
        let Some(session) = pick(host, script) else {
            return;
        };
        let most = match script.below(4) {
            0 => 1,
            _ => usize::MAX,
        };
        let is_done = script.below(4) > 0;
        let mut last = None;
        let mut queued = 0;
        for _ in 0..most {
            let Some(delivery) = session.recv() else {
                break;
            };
            queued += delivery.message.payload.len();
            self.take(&delivery, peers, occurred);
            last = Some(delivery.message.seq);
            if is_done {
                session.finish(delivery.message.seq);
            }
        }
        assert!(queued <= MAX_QUEUED, "{queued} bytes were queued");
        if let Some(last) = last {
            // Also what was not read yet, and what never came.
            let ahead = u64::from(script.below(4));
            session.finish(last.checked_add(ahead).unwrap_or(last));
        }
        let volatile = std::iter::from_fn(|| session.recv_volatile()).count();
        assert!(volatile <= ReceiveWindow::MAX_VOLATILE);
        if volatile > 0 {
            occurred.note(What::Volatile);
        }
    }

    /// Reads what a session has left that is over.
    pub(super) fn read_rest(
        &mut self,
        session: &mut ServerSession,
        peers: &Peers,
        occurred: &mut Occurred,
    ) {
        while let Some(delivery) = session.recv() {
            self.take(&delivery, peers, occurred);
        }
    }

    /// Whatever anybody did: in order, without a gap, and once.
    fn take(&mut self, delivery: &Delivery, peers: &Peers, occurred: &mut Occurred) {
        peers.check_delivered(delivery);
        let seq = delivery.message.seq;
        let before = self.delivered.insert(delivery.session, seq);
        let expected = before.map_or(Some(Seq::FIRST), Seq::next);
        assert_eq!(Some(seq), expected, "in session {:?}", delivery.session);
        occurred.note(What::Delivered);
    }

    pub(super) fn send(&mut self, host: &mut Host, script: &mut Script<'_>) {
        let Some(session) = pick(host, script) else {
            return;
        };
        let is_volatile = script.below(4) == 0;
        let payload = script.bytes(66);
        if !is_volatile {
            let _ = session.send(Kind::RAW, None, Payload::Copied(payload));
        } else if session.send_volatile(true, payload) == Ok(true) {
            self.volatile += u64::from(FRAME_OVERHEAD) + payload.len() as u64;
        }
    }

    /// Ends a session, or its connection.
    pub(super) fn end(&self, now: Instant, host: &mut Host, script: &mut Script<'_>) {
        let Some(session) = pick(host, script) else {
            return;
        };
        match script.below(8) {
            0..=2 => session.close(now, Code::DONE, "bye"),
            3 | 4 => session.detach(now, Code::DRAINING, "later"),
            5 => session.abort(now, Ending::Local),
            6 => session.shut_down(now, "no more"),
            _ => session.go_away(GoAway {
                code: Code::DRAINING,
                text: "soon".to_owned(),
                deadline: Duration::ZERO,
                retry_after: None,
                addresses: Vec::new(),
            }),
        }
    }
}

/// One of the sessions that are not the healthy one.
fn pick<'a>(host: &'a mut Host, script: &mut Script<'_>) -> Option<&'a mut ServerSession> {
    let others = host.registry.len() - 1;
    let index = usize::from(script.below(8)).checked_rem(others)?;
    let sessions = host.registry.iter_mut();
    let mut others = sessions.filter(|(id, _)| *id != Healthy::SESSION);
    others.nth(index).map(|(_, session)| session)
}
