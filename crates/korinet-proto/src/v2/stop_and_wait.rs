use bytes::BytesMut;
use korinet_wire::v2::MessageId;

use super::encoded::write_acknowledgement;
use super::{EncodedFrame, Frame, MessageIds};

/// The acknowledgements of protocol v2 on one connection, without a socket.
///
/// ```text
///             send               poll_transmit              an acknowledgement comes
///   idle ------------> queued --------------------> awaiting ----------------------> idle
/// ```
///
/// One message of ours is under way at a time, in any of these states any number of the peer's may
/// arrive: a message that comes while an acknowledgement is awaited is told from it by its content
/// and kept. An acknowledgement that nobody awaits is a message like any other.
///
/// The rules are V2-8 to V2-12 of the wire crate's `PROTOCOL.md`.
///
/// What outlives the connection is the unacknowledged message: it is given to
/// [`new`](Self::new) and taken back by [`into_unacknowledged`](Self::into_unacknowledged), so that
/// the next connection sends the same bytes, and so the same id, again.
///
/// Inputs are [`handle_frame`](Self::handle_frame); commands are [`send`](Self::send) and
/// [`accept`](Self::accept); the output is [`poll_transmit`](Self::poll_transmit), whose answer can
/// change after each of the others. Any order of calls is correct. There is no timer.
#[derive(Debug)]
pub struct StopAndWait {
    ids: MessageIds,
    sending: Sending,
    /// Messages that were accepted and not yet acknowledged.
    owed: u32,
}

#[derive(Debug)]
enum Sending {
    Idle,
    Queued(EncodedFrame),
    Awaiting(EncodedFrame),
}

/// What a received frame was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// The peer has taken the message with this id.
    Acknowledgement(MessageId),
    /// A message for the application; once it is taken, [`accept`](StopAndWait::accept) it.
    Message(Frame),
}

/// Another message is under way; it is handed back to be sent later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another message is not acknowledged yet")]
pub struct Busy(pub EncodedFrame);

impl StopAndWait {
    /// The start of a connection.
    ///
    /// `ids` name the acknowledgements. `unacknowledged` is the message that an earlier connection
    /// of the same session left; it is sent first.
    #[must_use]
    pub fn new(ids: MessageIds, unacknowledged: Option<EncodedFrame>) -> Self {
        Self {
            ids,
            sending: unacknowledged.map_or(Sending::Idle, Sending::Queued),
            owed: 0,
        }
    }

    /// Says what a frame from the peer is.
    ///
    /// A message is not acknowledged by this: only what was [accepted](Self::accept) is.
    #[must_use = "a message that is not kept is lost"]
    pub fn handle_frame(&mut self, frame: Frame) -> Received {
        match &self.sending {
            Sending::Awaiting(sent) if frame.as_wire().is_acknowledgement() => {
                let id = sent.id();
                self.sending = Sending::Idle;
                Received::Acknowledgement(id)
            }
            Sending::Idle | Sending::Queued(_) | Sending::Awaiting(_) => Received::Message(frame),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// [`Busy`] while another one is not acknowledged.
    pub fn send(&mut self, frame: EncodedFrame) -> Result<(), Busy> {
        match self.sending {
            Sending::Idle => {
                self.sending = Sending::Queued(frame);
                Ok(())
            }
            Sending::Queued(_) | Sending::Awaiting(_) => Err(Busy(frame)),
        }
    }

    /// One received message is taken: its acknowledgement is owed from now on.
    ///
    /// Acknowledgements name no message, so with several taken in any order each is owed one.
    pub const fn accept(&mut self) {
        self.owed = self.owed.saturating_add(1);
    }

    /// Appends to `out` all that is to be written now; whether there was anything.
    ///
    /// Acknowledgements go first: a peer of the Python package that waits for one takes the next
    /// message for it, whatever that is.
    pub fn poll_transmit(&mut self, out: &mut BytesMut) -> bool {
        let before = out.len();
        for _ in 0..std::mem::take(&mut self.owed) {
            write_acknowledgement(self.ids.draw(), out);
        }
        self.sending = match std::mem::replace(&mut self.sending, Sending::Idle) {
            Sending::Queued(frame) => {
                out.extend_from_slice(frame.bytes());
                Sending::Awaiting(frame)
            }
            unchanged @ (Sending::Idle | Sending::Awaiting(_)) => unchanged,
        };
        out.len() > before
    }

    /// Whether a message is queued or not yet acknowledged, so that [`send`](Self::send) is refused.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        !matches!(self.sending, Sending::Idle)
    }

    /// Ends the connection: the message that is not acknowledged, if there is one.
    #[must_use = "the next connection has to send it again"]
    pub fn into_unacknowledged(self) -> Option<EncodedFrame> {
        match self.sending {
            Sending::Idle => None,
            Sending::Queued(frame) | Sending::Awaiting(frame) => Some(frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use korinet_wire::v2::{ACKNOWLEDGEMENT, Limits};

    use super::*;

    struct Peer {
        core: StopAndWait,
        ids: MessageIds,
    }

    impl Peer {
        fn new(seed: u8, unacknowledged: Option<EncodedFrame>) -> Self {
            let mut ids = MessageIds::from_seed([seed; 32]);
            let core = StopAndWait::new(ids.fork(), unacknowledged);
            Self { core, ids }
        }

        fn message(&mut self, data: &[u8]) -> EncodedFrame {
            EncodedFrame::from_cbor(self.ids.draw(), data, &Limits::default()).unwrap()
        }

        /// All frames that it has to write now.
        fn write(&mut self) -> Vec<Frame> {
            let mut bytes = BytesMut::new();
            let any = self.core.poll_transmit(&mut bytes);
            assert_eq!(any, !bytes.is_empty());
            std::iter::from_fn(|| Frame::decode(&mut bytes, &Limits::default()).unwrap()).collect()
        }
    }

    #[track_caller]
    fn only(mut frames: Vec<Frame>) -> Frame {
        assert_eq!(frames.len(), 1);
        frames.remove(0)
    }

    // V2-8, V2-9, V2-10
    #[test]
    fn a_message_is_under_way_until_its_acknowledgement() {
        let (mut a, mut b) = (Peer::new(1, None), Peer::new(2, None));
        let first = a.message(b"\xa1\x61n\x01");
        a.core.send(first.clone()).unwrap();
        let second = a.message(b"\xa1\x61n\x02");
        assert_eq!(a.core.send(second.clone()), Err(Busy(second.clone())));

        let frame = only(a.write());
        assert!(a.write().is_empty(), "written once");
        let Received::Message(taken) = b.core.handle_frame(frame) else {
            panic!("taken for an acknowledgement");
        };
        assert_eq!(taken.id(), first.id().as_id());
        assert!(
            b.write().is_empty(),
            "not acknowledged before it is accepted"
        );
        b.core.accept();
        let ack = only(b.write());
        assert_eq!(&ack.data()[..], ACKNOWLEDGEMENT);
        assert_eq!(
            a.core.handle_frame(ack),
            Received::Acknowledgement(first.id())
        );
        assert!(!a.core.is_busy());
        a.core.send(second).unwrap();
    }

    // V2-12
    #[test]
    fn messages_that_cross_are_both_kept() {
        let (mut a, mut b) = (Peer::new(1, None), Peer::new(2, None));
        let (from_a, from_b) = (a.message(b"\xa0"), b.message(b"\xa1\x01\x02"));
        a.core.send(from_a.clone()).unwrap();
        b.core.send(from_b.clone()).unwrap();
        let (to_b, to_a) = (only(a.write()), only(b.write()));
        assert!(matches!(a.core.handle_frame(to_a), Received::Message(_)));
        assert!(matches!(b.core.handle_frame(to_b), Received::Message(_)));
        a.core.accept();
        b.core.accept();
        let (to_b, to_a) = (only(a.write()), only(b.write()));
        assert_eq!(
            a.core.handle_frame(to_a),
            Received::Acknowledgement(from_a.id())
        );
        assert_eq!(
            b.core.handle_frame(to_b),
            Received::Acknowledgement(from_b.id())
        );
    }

    // V2-12
    #[test]
    fn an_acknowledgement_goes_out_before_a_message() {
        let (mut a, mut b) = (Peer::new(1, None), Peer::new(2, None));
        let from_b = b.message(b"\xa0");
        b.core.send(from_b).unwrap();
        let Received::Message(_) = a.core.handle_frame(only(b.write())) else {
            panic!("no message");
        };
        let from_a = a.message(b"\xa0");
        a.core.send(from_a.clone()).unwrap();
        a.core.accept();
        let frames = a.write();
        assert!(frames[0].as_wire().is_acknowledgement());
        assert_eq!(frames[1].id(), from_a.id().as_id());
    }

    // V2-11
    #[test]
    fn what_nobody_awaits_is_a_message() {
        let (mut a, mut b) = (Peer::new(1, None), Peer::new(2, None));
        let looks_like_one = b.message(ACKNOWLEDGEMENT);
        b.core.send(looks_like_one).unwrap();
        let frame = only(b.write());
        assert_eq!(
            a.core.handle_frame(frame.clone()),
            Received::Message(frame.clone())
        );
        // Not before the message is on its way, either.
        let queued = a.message(b"\xa0");
        a.core.send(queued).unwrap();
        assert_eq!(a.core.handle_frame(frame.clone()), Received::Message(frame));
    }

    // V2-13
    #[test]
    fn the_unacknowledged_message_moves_on_with_its_id() {
        let mut a = Peer::new(1, None);
        let message = a.message(b"\xa0");
        a.core.send(message.clone()).unwrap();
        let first = only(a.write());
        a.core.accept();
        let left = a.core.into_unacknowledged();
        assert_eq!(left, Some(message));
        let mut next = Peer::new(3, left);
        assert!(next.core.is_busy());
        assert_eq!(
            only(next.write()),
            first,
            "and no acknowledgement of the old connection"
        );
        assert!(Peer::new(4, None).core.into_unacknowledged().is_none());
    }
}
