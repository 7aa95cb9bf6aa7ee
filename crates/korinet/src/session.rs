use std::net::SocketAddr;

use korinet_session::v2;
use minicbor::Encode;
use tokio::sync::watch;

use crate::{Message, SendError, SessionError, State};

/// A conversation with one peer, over as many connections as it takes.
///
/// A client's session connects again when its connection is lost, and sends the message again that
/// was not acknowledged. A server's session in protocol v2 is one connection: it ends with it.
///
/// Dropping it ends the conversation at once, without waiting for anything: messages that were
/// received and not read are gone, although with [`AckLevel::Received`] they are acknowledged.
/// [`close`](Self::close) ends it in good order.
///
/// [`AckLevel::Received`]: crate::AckLevel::Received
#[derive(Debug)]
pub struct Session {
    session: v2::Session,
    peer: Option<SocketAddr>,
}

impl Session {
    pub(crate) const fn new(session: v2::Session, peer: Option<SocketAddr>) -> Self {
        Self { session, peer }
    }

    /// Sends a message; resolves when the peer has acknowledged it, which says what its
    /// [`AckLevel`](crate::AckLevel) says.
    ///
    /// While there is no connection, this waits for the next one.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    ///
    /// # Cancel safety
    ///
    /// Giving up the future before it was this message's turn means that it is not sent. After that
    /// it goes its way all the same. It is never sent twice under different ids.
    pub async fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        let frame = self.session.encode(message)?;
        Ok(self.session.send(frame).await?)
    }

    /// The next message; `None` once the conversation has ended in good order.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise, after the messages that came before that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Message>, SessionError> {
        Ok(self.session.recv().await?.map(Message::from_delivery))
    }

    /// The application is done with this message and all before it. With [`AckLevel::Processed`]
    /// they are acknowledged now; otherwise they have been, and this has no effect.
    ///
    /// [`AckLevel::Processed`]: crate::AckLevel::Processed
    pub fn done(&self, message: &Message) {
        self.session.done(message.position());
    }

    /// The peer's address; `None` on the side that dials, where it can change with each connection.
    #[must_use]
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Where the session stands with its connection, now and as it changes. A reader that is slow
    /// sees the last state, not each one.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.session.state()
    }

    /// Two halves that can live in different tasks. The conversation ends when both are dropped.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        let (sender, receiver) = self.session.split();
        (Sender(sender), Receiver(receiver))
    }

    /// Ends the conversation in good order: messages under way are acknowledged first, and so is
    /// what was received and [done](Self::done); then the connection is closed. Received messages
    /// that were not read are dropped.
    ///
    /// # Errors
    ///
    /// A message that was under way could not be brought to its acknowledgement.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future is dropping the session.
    pub async fn close(self) -> Result<(), SessionError> {
        self.session.close().await
    }
}

/// The sending half of a [`Session`]. Clones share it; their messages are sent in turn.
#[derive(Debug, Clone)]
pub struct Sender(v2::Sender);

impl Sender {
    /// As [`Session::send`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        let frame = self.0.encode(message)?;
        Ok(self.0.send(frame).await?)
    }

    /// Ends the conversation in good order, for both halves and all clones: see [`Session::close`].
    /// Messages that were received before can still be read.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// The conversation ends all the same, but nobody is told how.
    pub async fn close(self) -> Result<(), SessionError> {
        self.0.close().await
    }
}

/// The receiving half of a [`Session`].
#[derive(Debug)]
pub struct Receiver(v2::Receiver);

impl Receiver {
    /// As [`Session::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<Message>, SessionError> {
        Ok(self.0.recv().await?.map(Message::from_delivery))
    }

    /// As [`Session::done`].
    pub fn done(&self, message: &Message) {
        self.0.done(message.position());
    }
}
