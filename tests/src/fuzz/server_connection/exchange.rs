use std::collections::VecDeque;

use bytes::BytesMut;
use korinet_proto::v2::{EncodedFrame, Frame, FrameCodec, MessageIds, Received, StopAndWait};
use korinet_wire::v2::{self as wire, Decoded, MessageId};
use tokio_util::codec::Decoder;

use super::occurred::{Occurred, What};
use crate::fuzz::LIMITS;

/// How many messages wait for the application before nothing is read any more.
const MAX_HELD: usize = 2;

/// The server's side of a connection of protocol v2: its codec and its acknowledgements.
pub(super) struct Exchange {
    codec: FrameCodec,
    core: StopAndWait,
    ids: MessageIds,
    held: VecDeque<Frame>,
    /// Taken by the application, and not acknowledged on the connection yet.
    owed: usize,
    /// The message that is not acknowledged, and whether it is written.
    sent: Option<MessageId>,
    is_written: bool,
    /// Its first bytes are those of this protocol.
    is_plausible: bool,
}

/// The peer has sent what is no frame.
#[derive(Debug)]
pub(super) struct Broken;

impl Exchange {
    pub(super) fn new(is_plausible: bool) -> Self {
        let mut ids = MessageIds::from_seed([5; 32]);
        Self {
            codec: FrameCodec::new(LIMITS),
            core: StopAndWait::new(ids.fork(), None),
            ids,
            held: VecDeque::new(),
            owed: 0,
            sent: None,
            is_written: false,
            is_plausible,
        }
    }

    /// Whether it reads; not while its application is behind.
    pub(super) fn is_reading(&self) -> bool {
        self.held.len() < MAX_HELD
    }

    pub(super) fn handle_bytes(
        &mut self,
        input: &mut BytesMut,
        occurred: &mut Occurred,
    ) -> Result<(), Broken> {
        while self.is_reading() {
            match self.codec.decode(input) {
                Ok(Some(frame)) => self.handle_frame(frame, occurred),
                Ok(None) => return Ok(()),
                Err(error) => {
                    let again = self.codec.decode(input).expect_err("it has failed");
                    assert_eq!(error.to_string(), again.to_string());
                    return Err(Broken);
                }
            }
        }
        Ok(())
    }

    fn handle_frame(&mut self, frame: Frame, occurred: &mut Occurred) {
        assert!(self.is_plausible, "{frame:?} of another protocol");
        match self.core.handle_frame(frame) {
            Received::Acknowledgement(id) => {
                assert!(std::mem::take(&mut self.is_written), "it was never sent");
                assert_eq!(Some(id), self.sent.take());
                assert!(!self.core.is_busy());
                occurred.note(What::OfV2Acknowledged);
            }
            Received::Message(frame) => self.held.push_back(frame),
        }
    }

    /// The application takes a message.
    pub(super) fn accept(&mut self, occurred: &mut Occurred) {
        if self.held.pop_front().is_some() {
            self.core.accept();
            self.owed += 1;
            occurred.note(What::OfV2Delivered);
        }
    }

    /// The application sends one, if none is under way.
    pub(super) fn send(&mut self) {
        let was_busy = self.core.is_busy();
        let frame = EncodedFrame::from_cbor(self.ids.draw(), b"\xa1\x01\x02", &LIMITS).unwrap();
        let id = frame.id();
        assert_eq!(self.core.send(frame).is_err(), was_busy);
        self.sent.get_or_insert(id);
    }

    /// What it has to write: what is owed, then at most one message.
    pub(super) fn write(&mut self) {
        let mut out = BytesMut::new();
        let any = self.core.poll_transmit(&mut out);
        assert_eq!(any, !out.is_empty());
        let mut rest = &out[..];
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let Ok(Decoded::Complete { frame, len }) = wire::decode(rest, &LIMITS) else {
                panic!("{rest:02x?} was written");
            };
            frames.push(frame);
            rest = &rest[len..];
        }
        let acknowledgements = frames.iter().take_while(|it| it.is_acknowledgement());
        assert_eq!(acknowledgements.count(), self.owed);
        if let [message] = &frames[self.owed..] {
            assert!(!std::mem::replace(&mut self.is_written, true), "twice");
            assert_eq!(Some(message.id), self.sent.as_ref().map(MessageId::as_id));
        } else {
            assert_eq!(frames.len(), self.owed);
        }
        self.owed = 0;
    }

    /// The connection is lost: what is not acknowledged is handed back.
    pub(super) fn lose(self) {
        let was_busy = self.core.is_busy();
        assert_eq!(self.core.into_unacknowledged().is_some(), was_busy);
    }
}
