use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use korinet_session::v3;
use korinet_wire::v3::{Code, SessionId};
use minicbor::{Decode, Encode};

use super::worker::Worker;
use super::{
    CallBuilder, Iter, Receipt, Receiver, RecvTimeoutError, Requests, Sender, VolatileReceiver,
};
use crate::call::CallError;
use crate::{Message, Principal, Protocol, RecvError, SendError, SessionError, State};

/// A conversation with one peer, over as many connections as it takes: [`crate::Session`] without async.
///
/// Dropping it, or all of its halves, ends the conversation without waiting, as there. What was accepted for sending is
/// still brought to the peer by the thread that does the work, unless the process ends before that.
#[derive(Debug)]
pub struct Session {
    sender: Sender,
    receiver: Receiver,
}

impl Session {
    pub(super) fn new(session: crate::Session, worker: Worker) -> Self {
        let (sender, receiver) = session.split();
        Self {
            sender: Sender::new(sender, worker.clone()),
            receiver: Receiver::new(receiver, worker),
        }
    }

    /// As [`Sender::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.sender.send(message)
    }

    /// As [`Sender::send_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_raw(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.sender.send_raw(bytes)
    }

    /// As [`Sender::enqueue`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn enqueue<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        self.sender.enqueue(message)
    }

    /// As [`Sender::feed`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn feed<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.sender.feed(message)
    }

    /// As [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush(&self) -> Result<(), SendError> {
        self.sender.flush()
    }

    /// As [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn try_send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        self.sender.try_send(message)
    }

    /// As [`Sender::request`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn request<T, R>(&self, request: &T) -> Result<R, CallError>
    where
        T: Encode<()> + ?Sized,
        R: for<'b> Decode<'b, ()>,
    {
        self.sender.request(request)
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

    /// As [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv(&mut self) -> Result<Option<Message>, SessionError> {
        self.receiver.recv()
    }

    /// As [`crate::Session::recv_as`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_as<T: for<'b> Decode<'b, ()>>(&mut self) -> Result<Option<T>, RecvError> {
        self.receiver.recv_as()
    }

    /// As [`Receiver::recv_timeout`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message>, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }

    /// As [`Receiver::recv_many`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_many(
        &mut self,
        messages: &mut Vec<Message>,
        limit: usize,
    ) -> Result<usize, SessionError> {
        self.receiver.recv_many(messages, limit)
    }

    /// As [`Receiver::try_recv`].
    pub fn try_recv(&mut self) -> Option<Message> {
        self.receiver.try_recv()
    }

    /// As [`Receiver::iter`].
    pub const fn iter(&mut self) -> Iter<'_> {
        self.receiver.iter()
    }

    /// As [`Receiver::done`].
    pub fn done(&self, message: &Message) {
        self.receiver.done(message);
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

    /// As [`Sender::state`].
    #[must_use]
    pub fn state(&self) -> State {
        self.sender.state()
    }

    /// As [`crate::Session::protocol`].
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.sender.as_async().protocol()
    }

    /// As [`crate::Session::peer_addr`].
    #[must_use]
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.sender.as_async().peer_addr()
    }

    /// As [`crate::Session::principal`].
    #[must_use]
    pub fn principal(&self) -> Option<Principal> {
        self.sender.as_async().principal()
    }

    /// As [`crate::Session::id`].
    #[must_use]
    pub fn id(&self) -> Option<SessionId> {
        self.sender.as_async().id()
    }

    /// As [`crate::Sender::stats`].
    #[must_use]
    pub fn stats(&self) -> Option<v3::Stats> {
        self.sender.as_async().stats()
    }

    /// As [`crate::Sender::flight_record`].
    #[must_use]
    pub fn flight_record(&self) -> Option<v3::FlightRecord> {
        self.sender.as_async().flight_record()
    }

    /// Two halves that can live in different threads. The conversation ends when both are dropped.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// Ends the conversation in good order, and waits for it: as [`crate::Session::close`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close(self) -> Result<(), SessionError> {
        let Self { sender, receiver } = self;
        drop(receiver);
        sender.close()
    }

    /// As [`close`](Self::close), and tells the peer why: as [`crate::Session::close_with`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close_with(self, code: Code, text: &str) -> Result<(), SessionError> {
        let Self { sender, receiver } = self;
        drop(receiver);
        sender.close_with(code, text)
    }
}

impl<'a> IntoIterator for &'a mut Session {
    type Item = Result<Message, SessionError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
