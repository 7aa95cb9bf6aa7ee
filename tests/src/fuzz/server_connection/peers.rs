use std::collections::BTreeMap;
use std::time::Instant;

use bytes::BytesMut;
use korinet_proto::v3::{
    Agreed, Connection, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_session::v3::{Delivery, Principal};
use korinet_wire::v3::{
    Answer, AttachNumber, Features, Frame, Kind, Level, PREFACE, Positions, SessionId, Welcome,
};

use super::LIMITS;
use super::hello::{Offer, Return};
use super::said::first;

/// The other ends of the sessions: they keep to the protocol, whatever else is written in their place.
#[derive(Default)]
pub(super) struct Peers(BTreeMap<SessionId, Peer>);

pub(super) struct Peer {
    pub(super) principal: Principal,
    pub(super) level: Level,
    nonce: u8,
    session: SessionId,
    key: [u8; 32],
    features: Features,
    attach: AttachNumber,
    windows: Windows,
    /// What it sent, from the first message on.
    sent: Vec<Vec<u8>>,
    /// The connection that it has, and the serial number of the link.
    connection: Option<(u32, Connection)>,
}

impl Peers {
    pub(super) fn get(&self, session: SessionId) -> Option<&Peer> {
        self.0.get(&session)
    }

    /// The sessions that were opened with this nonce by this principal; all but one are over.
    pub(super) fn opened<'a>(
        &'a self,
        principal: &'a Principal,
        nonce: u8,
    ) -> impl Iterator<Item = SessionId> {
        let peers = self.0.values();
        peers
            .filter(move |peer| peer.principal == *principal && peer.nonce == nonce)
            .map(|peer| peer.session)
    }

    /// A message was delivered: where there is a checksum, it is what was sent, whatever became of it on its way.
    pub(super) fn check_delivered(&self, delivery: &Delivery) {
        let Some(peer) = self.0.get(&delivery.session) else {
            return;
        };
        if peer.features.contains(Features::CHECKSUM) {
            let index = usize::try_from(delivery.message.seq.get() - 1).unwrap();
            assert_eq!(peer.sent[index][..], delivery.message.payload[..]);
        }
    }

    /// One of them, whose session may be over.
    pub(super) fn pick(&mut self, number: u8) -> Option<&mut Peer> {
        let index = usize::from(number).checked_rem(self.0.len())?;
        self.0.values_mut().nth(index)
    }

    /// The server has written this on a link.
    pub(super) fn handle_bytes(
        &mut self,
        now: Instant,
        serial: u32,
        client: (&Principal, Option<&Offer>),
        bytes: &[u8],
    ) {
        let mut rest = bytes;
        if let Some(answer) = bytes.strip_prefix(&PREFACE) {
            let (frame, len) = first(answer);
            rest = &answer[len..];
            if let Frame::Welcome(welcome) = frame {
                self.handle_welcome(now, serial, client, &welcome);
            }
        }
        for peer in self.0.values_mut() {
            peer.handle_bytes(now, serial, rest);
        }
    }

    fn handle_welcome(
        &mut self,
        now: Instant,
        serial: u32,
        (principal, offer): (&Principal, Option<&Offer>),
        welcome: &Welcome<'_>,
    ) {
        match welcome.answer {
            Answer::Opened(opened) => {
                let Some((key, offer)) = opened.key.zip(offer) else {
                    return;
                };
                let checksum = welcome.features.contains(Features::CHECKSUM);
                let peer = Peer {
                    principal: principal.clone(),
                    level: opened.level,
                    nonce: offer.nonce,
                    session: welcome.session,
                    key: *key.as_bytes(),
                    features: welcome.features,
                    attach: offer.attach,
                    windows: Windows {
                        send: SendWindow::new(opened.limits, checksum),
                        receive: ReceiveWindow::new(offer.limits, opened.level, checksum),
                    },
                    sent: Vec::new(),
                    connection: None,
                };
                self.0.insert(welcome.session, peer);
            }
            Answer::Resumed(positions) => {
                if let Some(peer) = self.0.get_mut(&welcome.session) {
                    peer.windows.send.seek(positions.next);
                }
            }
        }
        if let Some(peer) = self.0.get_mut(&welcome.session) {
            let agreed = Agreed {
                keep_alive: welcome.keep_alive,
                max_message: LIMITS.message,
                max_control_frames: Connection::MAX_CONTROL_FRAMES,
            };
            let connection = Connection::new(now, &agreed, &mut peer.windows);
            peer.connection = Some((serial, connection));
        }
    }
}

impl Peer {
    fn handle_bytes(&mut self, now: Instant, serial: u32, bytes: &[u8]) {
        let Some((link, connection)) = &mut self.connection else {
            return;
        };
        if *link != serial {
            return;
        }
        connection.handle_bytes(now, &mut self.windows, &mut BytesMut::from(bytes));
        while let Some(message) = self.windows.receive.recv() {
            self.windows.receive.finish(message.seq);
        }
        while self.windows.receive.recv_volatile().is_some() {}
    }

    /// It says what it has to say, with a new message if there is room; on which link.
    pub(super) fn speak(&mut self, now: Instant, payload: Option<&[u8]>) -> Option<(u32, Vec<u8>)> {
        if let Some(payload) = payload {
            let message = Payload::Copied(payload);
            if self.windows.send.push(Kind::RAW, None, message).is_ok() {
                self.sent.push(payload.to_vec());
            }
        }
        let (serial, connection) = self.connection.as_mut()?;
        connection.handle_timeout(now);
        let mut out = Transmit::new();
        connection.poll_transmit(now, &mut self.windows, &mut out);
        let spoken = (*serial, out.into_bytes().to_vec());
        if connection.end().is_some() {
            self.connection = None;
        }
        Some(spoken)
    }

    /// It comes back, with the next attempt or again with the last.
    pub(super) fn come_back(&mut self, is_stale: bool) -> Return {
        if !is_stale {
            self.attach = self.attach.next().unwrap();
        }
        let (next, digest) = self.windows.receive.next();
        Return {
            session: self.session,
            key: self.key,
            attach: self.attach,
            features: self.features,
            positions: Positions {
                next,
                oldest: self.windows.send.oldest(),
                end: self.windows.send.end(),
                digest,
            },
        }
    }
}
