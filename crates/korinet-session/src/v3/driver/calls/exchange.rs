use std::collections::VecDeque;

use korinet_wire::v3::{Role, decode_credit};

use crate::v3::Delivery;

/// What may come of a stream before its receiver has said anything (V3-49).
const INITIAL_CREDIT: u64 = 64 << 10;

/// What an item counts beside its payload (V3-49).
const ITEM_OVERHEAD: u64 = 64;

/// One call, as one of its sides sees it: what the peer has sent of it and the application not taken, and how much may
/// still be sent in each direction.
#[derive(Debug)]
pub(super) struct Exchange {
    inbox: VecDeque<Delivery>,
    inbox_bytes: u64,
    /// The peer has answered, or ended its stream.
    is_peer_done: bool,
    /// The peer wants no more of the stream of this side, or, on the side that answers, no answer.
    is_stopped: bool,
    /// All that came of the stream, and what of it the application has taken; as credit counts.
    received: u64,
    taken: u64,
    /// What the peer was allowed to send in all.
    granted: u64,
    /// What waits for the application at most, once it reads.
    window: u64,
    is_credit_owed: bool,
    sent: u64,
    /// What the peer has allowed to send in all.
    allowed: u64,
}

/// What an input has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: it came too late.
    None,
    /// There is something to read.
    Readable,
    /// There is room for more of the stream.
    Writable,
    /// Whoever reads or writes has to know.
    Both,
    /// The peer broke the rules of streams.
    Broken,
}

impl Exchange {
    pub(super) const fn new(window: u64) -> Self {
        Self {
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            is_peer_done: false,
            is_stopped: false,
            received: 0,
            taken: 0,
            granted: INITIAL_CREDIT,
            window,
            is_credit_owed: false,
            sent: 0,
            allowed: INITIAL_CREDIT,
        }
    }

    /// A message came that names the call.
    pub(super) fn handle(&mut self, delivery: Delivery) -> Effect {
        match delivery.message.kind.role {
            Role::Item if self.is_peer_done => Effect::None,
            Role::Item if self.received >= self.granted => Effect::Broken,
            Role::Item => {
                self.received = self.received.saturating_add(cost(&delivery));
                self.push(delivery);
                Effect::Readable
            }
            Role::End | Role::Response | Role::Error if self.is_peer_done => Effect::None,
            Role::End | Role::Response | Role::Error => {
                self.is_peer_done = true;
                // Whoever waits to send more of a stream to a request that is answered waits in vain.
                self.is_stopped |= !delivery.message.kind.own;
                self.push(delivery);
                Effect::Both
            }
            Role::Cancel => {
                self.is_stopped = true;
                Effect::Both
            }
            Role::Credit => match decode_credit(&delivery.message.payload) {
                Ok(credit) => {
                    self.allowed = self.allowed.max(credit);
                    Effect::Writable
                }
                Err(_) => Effect::Broken,
            },
            Role::Message | Role::Request => Effect::None,
        }
    }

    fn push(&mut self, delivery: Delivery) {
        self.inbox_bytes += cost(&delivery);
        self.inbox.push_back(delivery);
    }

    /// The next message of the call for the application.
    pub(super) fn recv(&mut self) -> Option<Delivery> {
        let delivery = self.inbox.pop_front()?;
        self.inbox_bytes -= cost(&delivery);
        if delivery.message.kind.role == Role::Item {
            self.taken = self.taken.saturating_add(cost(&delivery));
            // Of small steps the peer need not hear.
            let credit = self.taken.saturating_add(self.window);
            let step = credit.saturating_sub(self.granted);
            self.is_credit_owed |= !self.is_peer_done && step >= self.window / 2;
        }
        Some(delivery)
    }

    /// Whether the peer has to be told of more room.
    pub(super) const fn is_credit_owed(&self) -> bool {
        self.is_credit_owed
    }

    /// How much the peer may send in all; it counts as told.
    pub(super) fn grant(&mut self) -> u64 {
        self.is_credit_owed = false;
        self.granted = self.granted.max(self.taken.saturating_add(self.window));
        self.granted
    }

    /// Whether an item of the stream of this side may be sent now; one that is larger than the room for it may.
    pub(super) const fn may_send(&self) -> bool {
        self.sent < self.allowed
    }

    /// An item with a payload of so many bytes was sent.
    pub(super) fn handle_sent(&mut self, len: usize) {
        self.sent = self.sent.saturating_add(item_cost(len));
    }

    /// Whether the peer wants nothing more of this side.
    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Whether nothing more comes from the peer.
    pub(super) const fn is_peer_done(&self) -> bool {
        self.is_peer_done
    }

    /// What waits for the application, in bytes.
    pub(super) const fn held(&self) -> u64 {
        self.inbox_bytes
    }
}

fn cost(delivery: &Delivery) -> u64 {
    item_cost(delivery.message.payload.len())
}

fn item_cost(len: usize) -> u64 {
    u64::try_from(len)
        .unwrap_or(u64::MAX)
        .saturating_add(ITEM_OVERHEAD)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use korinet_proto::v3::Message;
    use korinet_wire::v3::{Kind, Seq, SessionId};

    use super::*;

    fn delivery(role: Role, payload: &'static [u8]) -> Delivery {
        Delivery {
            session: SessionId::from_bytes([1; 16]),
            message: Message {
                seq: Seq::FIRST,
                kind: Kind::of(role),
                re: Some(Seq::FIRST),
                payload: Bytes::from_static(payload),
            },
        }
    }

    const LARGE: &[u8] = &[0; 40_000];

    #[test]
    fn a_stream_ends_where_its_credit_does() {
        let mut exchange = Exchange::new(256 << 10);
        // The second goes over what was granted, which one may; then nothing may.
        for _ in 0..2 {
            assert_eq!(
                exchange.handle(delivery(Role::Item, LARGE)),
                Effect::Readable
            );
        }
        assert_eq!(exchange.held(), 2 * (40_000 + 64));
        assert_eq!(exchange.handle(delivery(Role::Item, b"")), Effect::Broken);
    }

    #[test]
    fn who_reads_grants_more_in_large_steps() {
        let mut exchange = Exchange::new(256 << 10);
        assert_eq!(
            exchange.handle(delivery(Role::Item, LARGE)),
            Effect::Readable
        );
        assert!(!exchange.is_credit_owed(), "nobody reads");
        assert!(exchange.recv().is_some());
        assert!(exchange.is_credit_owed());
        assert_eq!(exchange.grant(), 40_064 + (256 << 10));
        assert_eq!(
            exchange.handle(delivery(Role::Item, LARGE)),
            Effect::Readable
        );
        assert!(exchange.recv().is_some() && !exchange.is_credit_owed());
        // Of a stream that is over nothing more is granted.
        for _ in 0..3 {
            assert_eq!(
                exchange.handle(delivery(Role::Item, LARGE)),
                Effect::Readable
            );
        }
        assert_eq!(exchange.handle(delivery(Role::End, b"")), Effect::Both);
        while exchange.recv().is_some() {}
        assert!(!exchange.is_credit_owed() && exchange.held() == 0);
    }

    #[test]
    fn sending_stops_at_the_credit_of_the_peer() {
        let mut exchange = Exchange::new(1);
        exchange.handle_sent(60_000);
        assert!(exchange.may_send());
        exchange.handle_sent(10_000);
        assert!(!exchange.may_send());
        let more = delivery(Role::Credit, b"\x1a\x00\x02\x00\x00");
        assert_eq!(exchange.handle(more), Effect::Writable);
        assert!(exchange.may_send());
        // Credit never shrinks.
        assert_eq!(
            exchange.handle(delivery(Role::Credit, b"\x01")),
            Effect::Writable
        );
        assert!(exchange.may_send());
        assert_eq!(
            exchange.handle(delivery(Role::Credit, b"\x61\x31")),
            Effect::Broken
        );
    }

    #[test]
    fn after_the_answer_nothing_counts() {
        let mut exchange = Exchange::new(1);
        assert_eq!(exchange.handle(delivery(Role::Response, b"")), Effect::Both);
        assert!(exchange.is_peer_done() && exchange.is_stopped());
        for role in [Role::Item, Role::Response, Role::Error, Role::End] {
            assert_eq!(exchange.handle(delivery(role, b"")), Effect::None);
        }
        assert!(exchange.recv().is_some() && exchange.recv().is_none());
    }
}
