use std::net::SocketAddr;
use std::sync::Arc;

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Kind, Seq, SessionId};
use tokio::sync::watch;

use super::events::Events;
use super::flight::FlightRecord;
use super::receiver::Receiver;
use super::sender::Sender;
use super::shared::{Handle, Shared};
use super::stats::Stats;
use crate::v3::{Delivery, Principal};
use crate::{SendError, SessionError, State};

/// A conversation with one peer, over as many connections as it takes.
///
/// Dropping it, or all of its halves, closes it without waiting: what was accepted for sending is still brought
/// to the peer, for as long as [`DriverConfig::linger`](super::DriverConfig::linger) says; messages that were
/// received and not read are gone, although at the level `received` they are acknowledged.
#[derive(Debug)]
pub struct Session {
    sender: Sender,
    receiver: Receiver,
}

impl Session {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            sender: Sender::new(Handle::new(shared)),
            receiver: Receiver::new(Handle::new(shared)),
        }
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send(
        &self,
        kind: Kind,
        re: Option<Seq>,
        payload: Payload<'_>,
    ) -> Result<(), SendError> {
        self.sender.send(kind, re, payload).await
    }

    /// As [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, SessionError> {
        self.receiver.recv().await
    }

    /// The sending half, to use here.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The receiving half, to use here.
    pub const fn receiver(&mut self) -> &mut Receiver {
        &mut self.receiver
    }

    /// As [`Receiver::finish`].
    pub fn finish(&self, session: SessionId, seq: Seq) {
        self.receiver.finish(session, seq);
    }

    /// As [`Receiver::volatile`].
    #[must_use]
    pub fn volatile(&self) -> super::VolatileReceiver {
        self.receiver.volatile()
    }

    /// Two halves that can live in different tasks.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Where the session stands, now and as it changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.sender.state()
    }

    /// What happens to the session from now on, in order.
    #[must_use]
    pub fn events(&self) -> Events {
        self.sender.events()
    }

    /// What the session has done so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.sender.stats()
    }

    /// As [`Sender::flight_record`].
    #[must_use]
    pub fn flight_record(&self) -> Option<FlightRecord> {
        self.sender.flight_record()
    }

    /// The session's name; a client has another one after a loss.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.sender.id()
    }

    /// The peer's address on the last connection, where the transport has one.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.sender.peer_addr()
    }

    /// As [`Sender::principal`].
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.sender.principal()
    }

    /// As [`Sender::close`]; messages that were not read are dropped.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn close(self) -> Result<(), SessionError> {
        let Self { sender, receiver } = self;
        drop(receiver);
        sender.close().await
    }
}
