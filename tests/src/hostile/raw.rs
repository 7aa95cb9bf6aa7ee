//! A session without a state machine: its owner says which frames go over it.

use korinet_wire::v3::{
    self as wire, Ack, Answer, Digest, Features, Frame, Intent, Kind, Positions, Resume, Seq,
    SessionId, Volatile,
};

use super::Told;
use super::hello::{Wish, hello};
use super::peer::Peer;

/// A session, and the connection that it is on.
pub(crate) struct Raw {
    pub(crate) peer: Peer,
    pub(crate) session: SessionId,
    pub(crate) key: [u8; 32],
    pub(crate) attach: u64,
    /// The number of the next message from here, and how many came from there.
    pub(crate) next: u64,
    pub(crate) received: u64,
    digest: Option<u32>,
}

impl Raw {
    /// Opens a session on this connection.
    pub(crate) async fn open(mut peer: Peer, wish: &Wish<'_>) -> Result<Self, Told> {
        peer.send(&hello(wish, &[0; 32], None)).await;
        let told = peer.frame().await;
        let frame = told.as_wire().unwrap();
        let welcome = match frame {
            Frame::Welcome(welcome) => welcome,
            Frame::Reject(reject) => return Err(Told::of_reject(&reject)),
            other => panic!("{other} instead of a welcome"),
        };
        let Answer::Opened(opened) = welcome.answer else {
            panic!("resumed instead of opened");
        };
        let key = match opened.key {
            Some(key) => *key.as_bytes(),
            None => peer.exported_key.expect("a key comes from somewhere"),
        };
        let has_checksum = welcome.features.contains(Features::CHECKSUM);
        Ok(Self {
            session: welcome.session,
            key,
            attach: wish.attach,
            next: 1,
            received: 0,
            digest: has_checksum.then_some(0),
            peer,
        })
    }

    /// Tells the application of the server what to do with this session, and waits until it does.
    pub(crate) async fn play(&mut self, role: &str) {
        let message = self.data(role.as_bytes());
        self.peer.send(&message).await;
        assert_eq!(self.message().await, b"ready");
    }

    /// The next DATA of the server.
    pub(crate) async fn data_frame(&mut self) -> korinet_proto::v3::Frame {
        loop {
            let frame = self.peer.frame().await;
            if matches!(frame.as_wire(), Ok(Frame::Data(_))) {
                return frame;
            }
        }
    }

    /// The next message of the server's application; it is acknowledged.
    pub(crate) async fn message(&mut self) -> Vec<u8> {
        let frame = self.data_frame().await;
        let Ok(Frame::Data(data)) = frame.as_wire() else {
            unreachable!("it is DATA");
        };
        self.received = data.seq.get();
        let ack = Ack {
            next: seq(self.received + 1),
            digest: data.digest,
        };
        self.peer.send(&encoded(&Frame::Ack(ack))).await;
        data.payload.to_vec()
    }

    /// Waits for the PONG with this nonce: the server has read all before its PING.
    pub(crate) async fn is_there(&mut self, nonce: u64) -> Told {
        let ping = encoded(&Frame::Ping(wire::Nonce(nonce)));
        self.peer.send(&ping).await;
        loop {
            let frame = self.peer.frame().await;
            match frame.as_wire().unwrap() {
                Frame::Pong(wire::Nonce(found)) if found == nonce => return Told::GoesOn,
                Frame::Close(close) => return Told::of_close(&close),
                _ => {}
            }
        }
    }

    /// The next DATA, as it has to be.
    pub(crate) fn data(&mut self, payload: &[u8]) -> Vec<u8> {
        self.data_as(Kind::RAW, payload)
    }

    /// The same, of this kind.
    pub(crate) fn data_as(&mut self, kind: Kind, payload: &[u8]) -> Vec<u8> {
        let number = self.next;
        self.next += 1;
        let mut data = wire::Data {
            seq: seq(number),
            kind,
            payload,
            re: None,
            digest: None,
        };
        if let Some(digest) = &mut self.digest {
            data.digest = Some(Digest::ZERO);
            *digest = crc32c::crc32c_append(*digest, data.head().as_bytes());
            *digest = crc32c::crc32c_append(*digest, payload);
            data.digest = Some(Digest::from_bytes(digest.to_be_bytes()));
        }
        encoded(&data.into())
    }

    /// Preface and HELLO that resume this session with the next attach number, bound to that connection.
    pub(crate) fn resume(&mut self, peer: &Peer, token: Option<&str>) -> Vec<u8> {
        self.attach += 1;
        hello(&self.wish(token), &self.key, peer.binding.as_ref())
    }

    /// What resumes it, with the present attach number.
    pub(crate) fn wish<'a>(&self, token: Option<&'a str>) -> Wish<'a> {
        Wish {
            attach: self.attach,
            intent: Intent::Resume(Resume {
                session: self.session,
                positions: self.positions(),
            }),
            token,
            ..Wish::open()
        }
    }

    fn positions(&self) -> Positions {
        Positions {
            next: seq(self.received + 1),
            oldest: seq(self.next),
            end: seq(self.next),
            digest: None,
        }
    }
}

/// DATA with this number, which nothing else is asked of.
pub(crate) fn data(number: u64, payload: &[u8]) -> Vec<u8> {
    encoded(
        &wire::Data {
            seq: seq(number),
            kind: Kind::RAW,
            payload,
            re: None,
            digest: None,
        }
        .into(),
    )
}

pub(crate) fn volatile(payload: &[u8]) -> Vec<u8> {
    encoded(&Frame::Volatile(Volatile { raw: true, payload }))
}

pub(crate) fn ack(next: u64) -> Vec<u8> {
    let next = seq(next);
    encoded(&Frame::Ack(Ack { next, digest: None }))
}

pub(crate) fn seq(number: u64) -> Seq {
    Seq::new(number).expect("it is not zero")
}

pub(crate) fn encoded(frame: &Frame<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes).expect("it is a frame");
    bytes
}
