//! What one side sends, made as it is asked for: no channel and no task stand between it and the transport.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::task::AtomicWaker;

use crate::service::Frame;

#[derive(Debug, Default)]
struct Shared {
    /// Messages that are to be sent in all.
    wanted: AtomicU64,
    /// Messages that are to be acknowledged in all.
    received: AtomicU64,
    waker: AtomicWaker,
}

/// Says what is to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing(Arc<Shared>);

impl Outgoing {
    /// So many messages more.
    pub(crate) fn send(&self, messages: u64) {
        self.0.wanted.fetch_add(messages, Ordering::Release);
        self.0.waker.wake();
    }

    /// One acknowledgement more.
    pub(crate) fn acknowledge(&self) {
        self.0.received.fetch_add(1, Ordering::Release);
        self.0.waker.wake();
    }
}

/// The frames, acknowledgements first.
#[derive(Debug)]
pub(crate) struct Outbound {
    shared: Arc<Shared>,
    message: Bytes,
    sent: u64,
    acknowledged: u64,
}

impl Outbound {
    pub(crate) fn new(size: usize) -> (Outgoing, Self) {
        let shared = Arc::<Shared>::default();
        let outbound = Self {
            shared: Arc::clone(&shared),
            message: Bytes::from(vec![7; size]),
            sent: 0,
            acknowledged: 0,
        };
        (Outgoing(shared), outbound)
    }

    fn take(&mut self) -> Option<Frame> {
        if self.acknowledged < self.shared.received.load(Ordering::Acquire) {
            self.acknowledged += 1;
            return Some(Frame::acknowledgement(self.acknowledged));
        }
        if self.sent < self.shared.wanted.load(Ordering::Acquire) {
            self.sent += 1;
            return Some(Frame::message(self.message.clone()));
        }
        None
    }
}

impl Stream for Outbound {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        if let Some(frame) = self.take() {
            return Poll::Ready(Some(frame));
        }
        self.shared.waker.register(cx.waker());
        // It may have become ready meanwhile.
        match self.take() {
            Some(frame) => Poll::Ready(Some(frame)),
            None => Poll::Pending,
        }
    }
}
