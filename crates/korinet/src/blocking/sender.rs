use bytes::Bytes;
use korinet_wire::v3::Code;
use minicbor::{Decode, Encode};

use super::worker::Worker;
use super::{CallBuilder, Requests};
use crate::call::CallError;
use crate::{SendError, SessionError, State};

/// The sending half of a [`Session`](super::Session), without async. Clones share it, each in a thread of its own if
/// need be; messages go in the order in which they were accepted.
#[derive(Debug, Clone)]
pub struct Sender {
    sender: crate::Sender,
    worker: Worker,
}

/// Tells when the peer has acknowledged a message. Dropping it changes nothing: the message goes its way.
#[derive(Debug)]
#[must_use = "the message is on its way; a receipt tells when it is acknowledged"]
pub struct Receipt {
    receipt: crate::Receipt,
    worker: Worker,
}

impl Receipt {
    /// Waits until the message is acknowledged, or it is known that this will not happen.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn wait(self) -> Result<(), SendError> {
        self.worker.wait(self.receipt)
    }
}

impl Sender {
    pub(super) const fn new(sender: crate::Sender, worker: Worker) -> Self {
        Self { sender, worker }
    }

    /// Sends a message, and waits until it is acknowledged: as [`Session::send`](crate::Session::send).
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.worker.wait(self.sender.send(message))
    }

    /// As [`crate::Sender::send_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_raw(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.worker.wait(self.sender.send_raw(bytes))
    }

    /// Has a message sent, and waits no longer than until it is accepted: as [`crate::Sender::enqueue`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn enqueue<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        let receipt = self.worker.wait(self.sender.enqueue(message))?;
        Ok(self.receipt(receipt))
    }

    /// As [`crate::Sender::enqueue_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn enqueue_raw(&self, bytes: impl Into<Bytes>) -> Result<Receipt, SendError> {
        let receipt = self.worker.wait(self.sender.enqueue_raw(bytes))?;
        Ok(self.receipt(receipt))
    }

    /// As [`crate::Sender::feed`]: the fastest way to send many messages.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn feed<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<(), SendError> {
        self.worker.wait(self.sender.feed(message))
    }

    /// As [`crate::Sender::feed_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn feed_raw(&self, bytes: impl AsRef<[u8]> + Into<Bytes>) -> Result<(), SendError> {
        self.worker.wait(self.sender.feed_raw(bytes))
    }

    /// Waits until all messages that this session has accepted so far are acknowledged: as [`crate::Sender::flush`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn flush(&self) -> Result<(), SendError> {
        self.worker.wait(self.sender.flush())
    }

    /// As [`enqueue`](Self::enqueue), but does not wait.
    ///
    /// # Errors
    ///
    /// As there; and [`SendError::Full`] where it would have to wait.
    pub fn try_send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<Receipt, SendError> {
        Ok(self.receipt(self.sender.try_send(message)?))
    }

    /// As [`crate::Sender::send_volatile`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_volatile<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<bool, SendError> {
        self.sender.send_volatile(message)
    }

    /// As [`crate::Sender::send_volatile_raw`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_volatile_raw(&self, bytes: &[u8]) -> Result<bool, SendError> {
        self.sender.send_volatile_raw(bytes)
    }

    /// Asks the peer, and waits for its answer: as [`crate::Sender::request`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn request<T, R>(&self, request: &T) -> Result<R, CallError>
    where
        T: Encode<()> + ?Sized,
        R: for<'b> Decode<'b, ()>,
    {
        self.call(request).answer()
    }

    /// A request to the peer that is about to be made.
    pub fn call<'a, T: Encode<()> + ?Sized>(&'a self, request: &'a T) -> CallBuilder<'a, T> {
        CallBuilder::new(self.sender.call(request), self.worker.clone())
    }

    /// The requests of the peer, to be answered from now on: as [`crate::Sender::requests`].
    #[must_use]
    pub fn requests(&self) -> Requests {
        Requests::new(self.sender.requests(), self.worker.clone())
    }

    /// Where the session stands with its connection now.
    #[must_use]
    pub fn state(&self) -> State {
        self.sender.state().borrow().clone()
    }

    /// The same half for what does not wait: [statistics](crate::Sender::stats), names, [groups](crate::Group).
    #[must_use]
    pub const fn as_async(&self) -> &crate::Sender {
        &self.sender
    }

    /// Ends the conversation in good order, for both halves and all clones: as [`crate::Sender::close`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close(self) -> Result<(), SessionError> {
        self.worker.wait(self.sender.close())
    }

    /// As [`crate::Sender::close_with`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn close_with(self, code: Code, text: &str) -> Result<(), SessionError> {
        self.worker.wait(self.sender.close_with(code, text))
    }

    fn receipt(&self, receipt: crate::Receipt) -> Receipt {
        Receipt {
            receipt,
            worker: self.worker.clone(),
        }
    }
}
