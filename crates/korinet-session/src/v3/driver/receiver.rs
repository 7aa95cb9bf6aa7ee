use std::future::poll_fn;
use std::task::{Context, Poll};

use korinet_proto::v3::Volatile;
use korinet_wire::v3::{Seq, SessionId};

use super::shared::Handle;
use super::waiters::WaiterId;
use crate::SessionError;
use crate::v3::{Delivery, Ending};

/// The receiving half of a session.
#[derive(Debug)]
pub struct Receiver {
    handle: Handle,
}

impl Receiver {
    pub(super) const fn new(handle: Handle) -> Self {
        Self { handle }
    }

    /// The next message; `None` once the session has ended in good order.
    ///
    /// # Errors
    ///
    /// Why it ended otherwise, after the messages that came before that.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&mut self) -> Result<Option<Delivery>, SessionError> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// As [`recv`](Self::recv), for who polls.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<Delivery>, SessionError>> {
        self.handle.shared().with(|inner, wakes| {
            if let Some(delivery) = inner.core.recv() {
                inner.received += 1;
                inner.charge();
                inner.wake_if_owing(wakes);
                return Poll::Ready(Ok(Some(delivery)));
            }
            match &inner.ending {
                Some(ending) => Poll::Ready(end_of(ending).map(|()| None)),
                None => {
                    inner.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    }

    /// The next message, if there is one.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        self.handle.shared().with(|inner, wakes| {
            let delivery = inner.core.recv()?;
            inner.received += 1;
            inner.charge();
            inner.wake_if_owing(wakes);
            Some(delivery)
        })
    }

    /// The application is done with a message: at the level `processed` it is acknowledged, once all before it
    /// are, too. Otherwise it has no meaning.
    pub fn finish(&self, session: SessionId, seq: Seq) {
        self.handle.shared().with(|inner, wakes| {
            inner.core.finish(session, seq);
            inner.wake_if_owing(wakes);
        });
    }

    /// What receives the volatile payloads of the peer.
    #[must_use]
    pub fn volatile(&self) -> VolatileReceiver {
        VolatileReceiver {
            handle: self.handle.clone(),
        }
    }
}

/// Whether a session came to its end in good order.
fn end_of(ending: &Ending) -> Result<(), SessionError> {
    if ending.is_done() {
        return Ok(());
    }
    ending.as_error().map_or(Ok(()), Err)
}

/// Receives the volatile payloads of a session; where there are several, each payload goes to one of them.
#[derive(Debug)]
pub struct VolatileReceiver {
    handle: Handle,
}

impl VolatileReceiver {
    /// The next payload; `None` when the session is over. Of those that come faster than they are read the
    /// oldest are dropped.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no payload is lost by it.
    pub async fn recv(&mut self) -> Option<Volatile> {
        let mut waiting = Waiting {
            receiver: self,
            id: None,
        };
        poll_fn(|cx| waiting.poll(cx)).await
    }
}

struct Waiting<'a> {
    receiver: &'a VolatileReceiver,
    id: Option<WaiterId>,
}

impl Waiting<'_> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Option<Volatile>> {
        let mut inner = self.receiver.handle.shared().lock();
        if let Some(volatile) = inner.core.recv_volatile() {
            return Poll::Ready(Some(volatile));
        }
        if inner.ending.is_some() {
            return Poll::Ready(None);
        }
        self.id = Some(inner.volatile_readers.register(self.id, cx.waker()));
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else {
            return;
        };
        self.receiver.handle.shared().with(|inner, wakes| {
            inner.volatile_readers.remove(id);
            // It may have been woken for a payload that it does not take, or for the first of several.
            if inner.core.has_volatile() {
                wakes.push(inner.volatile_readers.next());
            }
        });
    }
}
