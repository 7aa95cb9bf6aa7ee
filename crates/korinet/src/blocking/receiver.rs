use std::time::Duration;

use minicbor::Decode;

use super::worker::Worker;
use crate::{Message, RecvError, SessionError};

/// The receiving half of a [`Session`](super::Session), without async.
#[derive(Debug)]
pub struct Receiver {
    receiver: crate::Receiver,
    worker: Worker,
}

/// Why there is no message within a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecvTimeoutError {
    /// None came; the session goes on.
    #[error("no message came within {0:?}")]
    Timeout(Duration),
    /// The session ended, and not in good order.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Receiver {
    pub(super) const fn new(receiver: crate::Receiver, worker: Worker) -> Self {
        Self { receiver, worker }
    }

    /// Waits for the next message; `None` once the conversation has ended in good order.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise, after the messages that came before that.
    pub fn recv(&mut self) -> Result<Option<Message>, SessionError> {
        self.worker.wait(self.receiver.recv())
    }

    /// As [`crate::Session::recv_as`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_as<T: for<'b> Decode<'b, ()>>(&mut self) -> Result<Option<T>, RecvError> {
        self.worker.wait(self.receiver.recv_as())
    }

    /// As [`recv`](Self::recv), but waits no longer than that.
    ///
    /// # Errors
    ///
    /// As there; and [`RecvTimeoutError::Timeout`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Message>, RecvTimeoutError> {
        let received = self.worker.wait(async {
            let receiving = self.receiver.recv();
            tokio::time::timeout(timeout, receiving).await
        });
        match received {
            Ok(received) => Ok(received?),
            Err(_) => Err(RecvTimeoutError::Timeout(timeout)),
        }
    }

    /// As [`crate::Receiver::recv_many`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_many(
        &mut self,
        messages: &mut Vec<Message>,
        limit: usize,
    ) -> Result<usize, SessionError> {
        self.worker.wait(self.receiver.recv_many(messages, limit))
    }

    /// The next message, if there is one already.
    pub fn try_recv(&mut self) -> Option<Message> {
        self.receiver.try_recv()
    }

    /// The messages as they come, until the conversation has ended; an error is the last.
    pub const fn iter(&mut self) -> Iter<'_> {
        Iter {
            receiver: self,
            is_over: false,
        }
    }

    /// As [`crate::Receiver::done`].
    pub fn done(&self, message: &Message) {
        self.receiver.done(message);
    }

    /// As [`crate::Receiver::volatile`].
    #[must_use]
    pub fn volatile(&self) -> VolatileReceiver {
        VolatileReceiver {
            receiver: self.receiver.volatile(),
            worker: self.worker.clone(),
        }
    }
}

/// The messages of a session: made by [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    receiver: &'a mut Receiver,
    is_over: bool,
}

impl Iterator for Iter<'_> {
    type Item = Result<Message, SessionError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.receiver.recv().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<'a> IntoIterator for &'a mut Receiver {
    type Item = Result<Message, SessionError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Receives the volatile messages of a session: as [`crate::VolatileReceiver`].
#[derive(Debug)]
pub struct VolatileReceiver {
    receiver: crate::VolatileReceiver,
    worker: Worker,
}

impl VolatileReceiver {
    /// Waits for the next message; `None` when the session is over, or in protocol v2, which has none.
    pub fn recv(&mut self) -> Option<Message> {
        self.worker.wait(self.receiver.recv())
    }
}
