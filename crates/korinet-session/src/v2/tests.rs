//! Sessions over in-memory connections, on tokio's paused clock.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use korinet_proto::v2::{EncodedFrame, Frame, FrameCodec, MessageIds};
use korinet_wire::v2::{ACKNOWLEDGEMENT, Limits};
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio_util::codec::Framed;

use super::*;
use crate::{ConnectionError, Dial, SendError, SessionError, State};

mod client;
mod server;

/// A peer played by the test: frames, and nothing done by itself.
struct Peer {
    framed: Framed<DuplexStream, FrameCodec>,
    ids: MessageIds,
}

impl Peer {
    fn new(io: DuplexStream) -> Self {
        Self {
            framed: Framed::new(io, FrameCodec::default()),
            ids: MessageIds::from_seed([9; 32]),
        }
    }

    async fn read(&mut self) -> Frame {
        self.framed.next().await.expect("a frame").unwrap()
    }

    /// Reads a message; its number.
    async fn read_number(&mut self) -> (Frame, u32) {
        let frame = self.read().await;
        let number = number(&frame);
        (frame, number)
    }

    async fn read_ack(&mut self) {
        assert_eq!(self.read().await.data()[..], *ACKNOWLEDGEMENT);
    }

    async fn ack(&mut self) {
        let ack = EncodedFrame::from_cbor(self.ids.draw(), ACKNOWLEDGEMENT, &Limits::default());
        self.framed.send(ack.unwrap()).await.unwrap();
    }

    fn message(&mut self, number: u32) -> EncodedFrame {
        let message = BTreeMap::from([("n", number)]);
        EncodedFrame::new(self.ids.draw(), &message, &Limits::default()).unwrap()
    }

    async fn send(&mut self, frame: &EncodedFrame) {
        self.framed.send(frame.clone()).await.unwrap();
    }

    /// Whether nothing comes, however long one waits.
    async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(Duration::from_secs(3600), self.framed.next())
            .await
            .is_err()
    }

    async fn is_closed(&mut self) -> bool {
        self.framed.next().await.is_none()
    }
}

#[track_caller]
fn number(frame: &Frame) -> u32 {
    let message: BTreeMap<&str, u32> = minicbor::decode(frame.data()).unwrap();
    message["n"]
}

fn message(number: u32) -> BTreeMap<&'static str, u32> {
    BTreeMap::from([("n", number)])
}

async fn send(session: &Session, number: u32) -> Result<(), SendError> {
    let frame = session.encode(&message(number)).unwrap();
    session.send(frame).await
}

async fn recv(session: &mut Session) -> Delivery {
    session.recv().await.unwrap().expect("a message")
}

fn processed() -> Config {
    Config {
        acknowledge: Acknowledge::Processed,
        ..Config::default()
    }
}
