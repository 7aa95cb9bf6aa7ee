use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use korinet_session::{v2, v3};
use korinet_wire::v3::{Code, SessionId};
use minicbor::{Decode, Encode};
use tokio::sync::watch;

use crate::call::{CallBuilder, CallError, Requests};
use crate::{Batch, Message, Principal, Protocol, RecvError, SendError, SessionError, State};

mod encoding;
mod group;
mod receipt;
mod receiver;
mod sender;
mod sink;

pub(crate) use encoding::{Encoded, encoded, with_encoded};
pub use group::{Group, GroupReport, Member, OnFull};
pub use receipt::Receipt;
pub use receiver::{Receiver, VolatileReceiver};
pub use sender::Sender;
pub use sink::MessageSink;

/// A conversation with one peer, over as many connections as it takes.
///
/// In protocol v3 it outlives its connections on both sides: what is not acknowledged when one breaks is sent again
/// on the next, and delivered once. In v2 a client's session connects again and repeats the one message that is under
/// way; a server's session is one connection, and ends with it.
///
/// It is a [`Stream`] of messages; for a [`Sink`](futures_sink::Sink) see [`Sender::sink`].
///
/// Dropping it, or all of its halves, ends the conversation without waiting: messages that were received and not
/// read are gone, although with [`AckLevel::Received`](crate::AckLevel::Received) they are acknowledged. In v3 what was
/// accepted for sending is still brought to the peer, if that takes no longer than
/// [`linger`](crate::ClientBuilder::linger) and the runtime goes on. [`close`](Self::close) ends it in good order.
#[derive(Debug)]
pub struct Session {
    sender: Sender,
    receiver: Receiver,
}

impl Session {
    pub(crate) fn from_v2(session: v2::Session, peer: Option<SocketAddr>) -> Self {
        let (sender, receiver) = session.split();
        Self {
            sender: Sender::from_v2(sender, peer),
            receiver: Receiver::from_v2(receiver),
        }
    }

    pub(crate) fn from_v3(session: v3::Session) -> Self {
        let (sender, receiver) = session.split();
        Self {
            sender: Sender::from_v3(sender),
            receiver: Receiver::from_v3(receiver),
        }
    }

    /// Sends a message; resolves when the peer has acknowledged it, which says what its
    /// [`AckLevel`](crate::AckLevel) says.
    ///
    /// While there is no connection this waits for the next one, unless
    /// [`when_detached`](crate::ClientBuilder::when_detached) says otherwise.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    ///
    /// # Cancel safety
    ///
    /// Giving up the future before the message was accepted means that it is not sent. After that it goes its way all
    /// the same, once.
    pub async fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.sender.send(message).await
    }

    /// As [`Sender::send_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn send_raw(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.sender.send_raw(bytes).await
    }

    /// As [`Sender::enqueue`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn enqueue<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        self.sender.enqueue(message).await
    }

    /// As [`Sender::feed`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn feed<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.sender.feed(message).await
    }

    /// As [`Sender::feed_many`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn feed_many<T: Encode<()>>(&self, messages: &[T]) -> Result<(), SendError> {
        self.sender.feed_many(messages).await
    }

    /// As [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn flush(&self) -> Result<(), SendError> {
        self.sender.flush().await
    }

    /// As [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        self.sender.try_send(message)
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
        self.receiver.recv().await
    }

    /// The next message as a `T`; `None` once the conversation has ended in good order. It takes less than
    /// [`recv`](Self::recv) and [`Message::decode`], which are for messages of more than one type, for types that borrow
    /// from the message, and to know more of it than what it holds.
    ///
    /// With [`AckLevel::Processed`](crate::AckLevel::Processed) the application says that it is done with the message by
    /// asking for the next one by this. To say it otherwise, there are [`recv`](Self::recv) and [`done`](Self::done).
    ///
    /// ```no_run
    /// # async fn add(session: &mut korinet::Session) -> Result<(), korinet::RecvError> {
    /// let mut sum = 0;
    /// while let Some(number) = session.recv_as::<u64>().await? {
    ///     sum += number;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv). [`RecvError::Decode`], with the message, where that is no `T`; the session goes on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_as<T: for<'b> Decode<'b, ()>>(&mut self) -> Result<Option<T>, RecvError> {
        self.receiver.recv_as().await
    }

    /// Appends the next messages to `messages`: at least one, and as many as are there already, but at most `limit`;
    /// how many. Zero once the conversation has ended in good order, or where `limit` is.
    ///
    /// It is the fastest way to receive many messages that are kept; for others there is
    /// [`recv_batch`](Self::recv_batch).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_many(
        &mut self,
        messages: &mut Vec<Message>,
        limit: usize,
    ) -> Result<usize, SessionError> {
        self.receiver.recv_many(messages, limit).await
    }

    /// As [`Receiver::recv_batch`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn recv_batch(&mut self, limit: usize) -> Result<Option<Batch<'_>>, SessionError> {
        self.receiver.recv_batch(limit).await
    }

    /// As [`Sender::request`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn request<T, R>(&self, request: &T) -> Result<R, CallError>
    where
        T: Encode<()> + ?Sized,
        R: for<'b> Decode<'b, ()>,
    {
        self.sender.request(request).await
    }

    /// As [`Sender::call`].
    pub fn call<'a, T: Encode<()> + ?Sized>(&'a self, request: &'a T) -> CallBuilder<'a, T> {
        self.sender.call(request)
    }

    /// As [`Sender::requests`].
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.sender.requests()
    }

    /// As [`Receiver::try_recv`].
    pub fn try_recv(&mut self) -> Option<Message> {
        self.receiver.try_recv()
    }

    /// As [`Receiver::done`].
    pub fn done(&self, message: &Message) {
        self.receiver.done(message);
    }

    /// As [`Receiver::done_batch`].
    pub fn done_batch(&self) {
        self.receiver.done_batch();
    }

    /// As [`Receiver::volatile`].
    #[must_use]
    pub fn volatile(&self) -> VolatileReceiver {
        self.receiver.volatile()
    }

    /// The sending half, to use here or to clone.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The version of the protocol that the peer speaks.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.sender.protocol()
    }

    /// The peer's address on the last connection, where the transport has one; in protocol v2, `None` on the side
    /// that dials.
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.sender.peer_addr()
    }

    /// Who the client is, as the server's [authenticator](crate::ServerBuilder::authenticate) or the client's
    /// certificate says: the same on all connections of the session. `None` where nothing is known of it, on the side
    /// that dials, and in protocol v2.
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.sender.principal()
    }

    /// The session's name in protocol v3, the same on both sides; a client has another one after its session was
    /// lost.
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.sender.id()
    }

    /// Where the session stands with its connection, now and as it changes. A reader that is slow
    /// sees the last state, not each one.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<State> {
        self.sender.state()
    }

    /// As [`Sender::events`].
    #[must_use]
    pub fn events(&self) -> Option<v3::Events> {
        self.sender.events()
    }

    /// As [`Sender::stats`].
    #[must_use]
    pub fn stats(&self) -> Option<v3::Stats> {
        self.sender.stats()
    }

    /// As [`Sender::flight_record`].
    #[must_use]
    pub fn flight_record(&self) -> Option<v3::FlightRecord> {
        self.sender.flight_record()
    }

    /// Two halves that can live in different tasks. The conversation ends when both are dropped.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Ends the conversation in good order: every message that was accepted is acknowledged first; then the session is
    /// closed. Received messages that were not read are dropped.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise: a message that was under way could not be brought to its acknowledgement, or the peer
    /// ended it first.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future is dropping the session.
    pub async fn close(self) -> Result<(), SessionError> {
        let Self { sender, receiver } = self;
        drop(receiver);
        sender.close().await
    }

    /// As [`Sender::close_with`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn close_with(self, code: Code, text: &str) -> Result<(), SessionError> {
        let Self { sender, receiver } = self;
        drop(receiver);
        sender.close_with(code, text).await
    }
}

impl Stream for Session {
    type Item = Result<Message, SessionError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }
}
