use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;
use korinet_proto::v3::{MessageRef, Volatile};
use korinet_wire::v3::{Seq, SessionId};

use super::ahead::{self, Ahead};
use super::shared::Handle;
use super::waiters::WaiterId;
use crate::SessionError;
use crate::v3::{Batch, Delivery, Ending};

/// The receiving half of a session.
#[derive(Debug)]
pub struct Receiver {
    handle: Handle,
    ahead: Ahead,
    /// What the application has been given to look at; most applications ask for one message after the other.
    lent: Option<Box<Batch>>,
    /// The last message that [`pop_as`](Self::pop_as) or [`recv_next`](Self::recv_next) gave, where the session asks when the
    /// application is done.
    unfinished: Option<(SessionId, Seq)>,
}

impl Receiver {
    pub(super) fn new(handle: Handle) -> Self {
        Self {
            handle,
            ahead: Ahead::default(),
            lent: None,
            unfinished: None,
        }
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

    /// The next message, if it was taken out of the session with another before: it is there at once.
    #[inline]
    pub fn pop(&mut self) -> Option<Delivery> {
        self.ahead.pop()
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
        if let Some(delivery) = self.pop() {
            return Poll::Ready(Ok(Some(delivery)));
        }
        let ahead = &mut self.ahead;
        self.handle.shared().with(|inner, wakes| {
            if let Some(delivery) = ahead.take(inner, wakes) {
                return Poll::Ready(Ok(Some(delivery)));
            }
            inner.refuse_unanswered(wakes);
            match &inner.ending {
                Some(ending) => Poll::Ready(end_of(ending).map(|()| None)),
                None => {
                    inner.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    }

    /// As [`pop`](Self::pop), but what `make` makes of the message and the memory that it is in; where that is nothing, the
    /// message is still the next one. The application is [done](Self::finish) with the message before.
    #[inline]
    pub fn pop_as<T>(
        &mut self,
        make: impl FnOnce(&MessageRef<'_>, &Bytes) -> Option<T>,
    ) -> Option<T> {
        self.finish_last();
        let messages = self.ahead.messages()?;
        let (first, memory) = messages.front()?;
        // It goes through all hands as it is: where it were taken out of something else, it would be copied each time.
        let made = make(&first, memory)?;
        let number = messages.session().map(|session| (session, first.seq));
        messages.drop_front();
        self.unfinished = number.filter(|_| self.ahead.is_finish_awaited());
        Some(made)
    }

    /// As [`recv`](Self::recv). The application is [done](Self::finish) with the message before, if that came this way or
    /// by [`pop_as`](Self::pop_as).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_next(&mut self) -> Result<Option<Delivery>, SessionError> {
        self.finish_last();
        let delivery = self.recv().await?;
        let number = delivery.as_ref().map(|it| (it.session, it.message.seq));
        self.unfinished = number.filter(|_| self.ahead.is_finish_awaited());
        Ok(delivery)
    }

    #[inline]
    fn finish_last(&mut self) {
        if let Some((session, seq)) = self.unfinished.take() {
            self.finish(session, seq);
        }
    }

    /// Appends the next messages to `messages`, at least one and at most `limit`, as `make` makes them; how many. Zero
    /// once the session has ended in good order, or where `limit` is.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_many<T>(
        &mut self,
        messages: &mut Vec<T>,
        limit: usize,
        make: impl Fn(Delivery) -> T,
    ) -> Result<usize, SessionError> {
        let before = messages.len();
        if limit == 0 {
            return Ok(0);
        }
        let lent = self.lend(limit).await?;
        messages.extend(std::iter::from_fn(|| lent.pop()).map(make));
        Ok(messages.len() - before)
    }

    /// The next messages, at least one and as many as are there already, but at most `limit`, to be looked at until the
    /// next call: they count as received whether they are or not. None once the session has ended in good order, or
    /// where `limit` is zero.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_batch(&mut self, limit: usize) -> Result<&Batch, SessionError> {
        Ok(self.lend(limit).await?)
    }

    async fn lend(&mut self, limit: usize) -> Result<&mut Batch, SessionError> {
        self.lent.get_or_insert_default().clear();
        if limit > 0 {
            poll_fn(|cx| self.poll_batch(cx, limit)).await?;
        }
        Ok(self.lent.get_or_insert_default())
    }

    /// Takes messages to be looked at; none where the session has ended.
    fn poll_batch(&mut self, cx: &Context<'_>, limit: usize) -> Poll<Result<(), SessionError>> {
        let lent = &mut **self.lent.get_or_insert_default();
        self.ahead.move_to(lent, limit);
        self.handle.shared().with(|inner, wakes| {
            ahead::take(inner, lent, limit, u64::MAX, wakes);
            inner.refuse_unanswered(wakes);
            match &inner.ending {
                _ if !lent.is_empty() => Poll::Ready(Ok(())),
                Some(ending) => Poll::Ready(end_of(ending)),
                None => {
                    inner.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
    }

    /// The next message, if there is one.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        let ahead = &mut self.ahead;
        ahead.pop().or_else(|| {
            let shared = self.handle.shared();
            shared.with(|inner, wakes| ahead.take(inner, wakes))
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

    /// As [`finish`](Self::finish), with all messages of the last [batch](Self::recv_batch).
    pub fn finish_batch(&self) {
        let Some(lent) = &self.lent else {
            return;
        };
        let Some(session) = lent.session() else {
            return;
        };
        self.handle.shared().with(|inner, wakes| {
            for message in lent.iter() {
                inner.core.finish(session, message.seq);
            }
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
pub(super) fn end_of(ending: &Ending) -> Result<(), SessionError> {
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
        let readers = inner.volatile_readers.get_or_insert_default();
        self.id = Some(readers.register(self.id, cx.waker()));
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(id) = self.id else {
            return;
        };
        self.receiver.handle.shared().with(|inner, wakes| {
            let Some(readers) = &mut inner.volatile_readers else {
                return;
            };
            readers.remove(id);
            // It may have been woken for a payload that it does not take, or for the first of several.
            if inner.core.has_volatile() {
                wakes.push(readers.next());
            }
        });
    }
}
