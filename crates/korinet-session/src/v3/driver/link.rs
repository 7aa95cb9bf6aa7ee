use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::AttachNumber;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_write_buf;
use tracing::Span;

use super::alarm::Alarm;
use super::linger::linger;
use super::links::Parting;
use super::read::Input;
use super::shared::Shared;
use crate::ConnectionError;
use crate::clock::now;

/// From so many bytes on a connection that reads lets other tasks have their turn: what a peer sends without end keeps
/// nobody waiting for longer than it takes to handle that much, or one read that is larger.
const TURN: usize = 16 * 1024;

/// One connection of a session: the only place that reads from it and writes to it.
pub(super) struct Link<Io> {
    io: Io,
    attach: AttachNumber,
    input: Input,
    /// What is being written.
    out: Transmit,
    is_flushed: bool,
    /// Why nothing can be written any more. What was received before that is still read.
    write_error: Option<io::Error>,
    alarm: Alarm,
    /// The application was told of a message that it waited for, has not had its turn since, and has answered the
    /// one before.
    is_answer_expected: bool,
    /// Something was sent since the last input.
    is_answered: bool,
}

/// What is left to do with a connection that the session is done with. It is apart, so that a session that is only
/// there has no memory for it.
pub(super) type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Why the connection has stopped reading and writing for now.
enum Pause {
    /// There is nothing to do until something happens.
    Blocked,
    /// There is something to do, but it can wait until the other tasks had their turn.
    Yield,
}

/// Why the connection's task lets go of it.
enum Step {
    Yield,
    Part(Parting),
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> Link<Io> {
    /// A connection on which the session goes on.
    pub(super) fn new(io: Io, attach: AttachNumber) -> Self {
        Self {
            io,
            attach,
            input: Input::default(),
            out: Transmit::new(),
            is_flushed: true,
            write_error: None,
            alarm: Alarm::default(),
            is_answer_expected: false,
            is_answered: false,
        }
    }

    /// The span of everything that happens on this connection; the session's name is added when it is known.
    pub(super) fn span(&self, peer: Option<SocketAddr>) -> Span {
        tracing::debug_span!(
            "connection",
            session = tracing::field::Empty,
            attach = self.attach.get(),
            peer = peer.map(tracing::field::display),
        )
    }

    /// Serves the connection until the session is done with it, or it is lost; the last bytes of one that is to be
    /// [ended](Self::end) in good order.
    ///
    /// It is borrowed, since what a future is given it has room for twice.
    pub(super) async fn run(&mut self, shared: &Shared) -> Option<Bytes> {
        let parting = loop {
            match poll_fn(|cx| self.poll(cx, shared)).await {
                Step::Part(parting) => break parting,
                // Not by a wake-up of itself, for which another thread would be woken to take the task over.
                Step::Yield => tokio::task::yield_now().await,
            }
        };
        shared.lock().links.remove(self.attach);
        match parting {
            Parting::Finish(last) => Some(last),
            Parting::Abandon => None,
        }
    }

    /// Ends the connection in good order; the session does not wait for that.
    pub(super) fn end(mut self, last: Bytes) -> Ending {
        self.out.push(last);
        Box::pin(linger(self.io, self.out))
    }

    fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<Step> {
        let mut came = 0;
        while came < TURN {
            // What is written at once for what was read is written at the same time.
            let mut read_at = None;
            let is_input_idle = match self.input.poll_read(cx, &mut self.io) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Step::Part(self.handle_eof(shared))),
                Poll::Ready(Ok(len)) => {
                    came += len;
                    self.handle_input(*read_at.insert(now()), shared);
                    false
                }
                Poll::Ready(Err(error)) => {
                    let parting = self.disconnect(shared, error.into());
                    return Poll::Ready(Step::Part(parting));
                }
                Poll::Pending => true,
            };
            if is_input_idle && let Some(error) = self.write_error.take() {
                let parting = self.disconnect(shared, error.into());
                return Poll::Ready(Step::Part(parting));
            }
            match self.write(cx, shared, read_at, is_input_idle) {
                Err(parting) => return Poll::Ready(Step::Part(parting)),
                Ok(Pause::Yield) => return Poll::Ready(Step::Yield),
                Ok(Pause::Blocked) if is_input_idle => return Poll::Pending,
                Ok(Pause::Blocked) => {}
            }
        }
        Poll::Ready(Step::Yield)
    }

    fn handle_input(&mut self, now: Instant, shared: &Shared) {
        let is_told = shared.with(|inner, wakes| {
            let is_awaited = inner.reader.is_some();
            let input = &mut self.input.bytes;
            if inner.core.is_current(self.attach) && !inner.admits_input(input.len()) {
                *input = BytesMut::new();
            }
            inner.note_input(now, self.attach, input);
            inner.core.handle_bytes(now, self.attach, input);
            if inner.core.is_current(self.attach) {
                inner.input_size = input.capacity();
                inner.charge();
            }
            inner.settle(wakes);
            is_awaited && inner.reader.is_none()
        });
        if is_told {
            self.is_answer_expected = std::mem::take(&mut self.is_answered);
        }
    }

    /// Writes until there is nothing more to write or no more room for it.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        mut read_at: Option<Instant>,
        is_input_idle: bool,
    ) -> Result<Pause, Parting> {
        loop {
            self.handle_time(cx, shared);
            if self.poll_write(cx).is_pending() {
                let mut inner = shared.lock();
                inner.sleep(cx.waker());
                let parting = inner.links.take_parting(self.attach);
                return parting.map_or(Ok(Pause::Blocked), Err);
            }
            if let Some(pause) = self.fill(cx, shared, read_at.take(), is_input_idle)? {
                return Ok(pause);
            }
        }
    }

    /// Tells the session of the time when it asked for it.
    fn handle_time(&mut self, cx: &mut Context<'_>, shared: &Shared) {
        loop {
            let deadline = shared.lock().poll_timeout();
            if self.alarm.poll(cx, deadline).is_pending() {
                return;
            }
            let now = now();
            shared.with(|inner, wakes| inner.handle_timeout(now, wakes));
        }
    }

    /// Takes from the session what is to be written; if there is nothing, has the task woken when there is.
    fn fill(
        &mut self,
        cx: &Context<'_>,
        shared: &Shared,
        read_at: Option<Instant>,
        is_input_idle: bool,
    ) -> Result<Option<Pause>, Parting> {
        let mut inner = shared.lock();
        if let Some(parting) = inner.links.take_parting(self.attach) {
            return Err(parting);
        }
        let is_urgent = inner.core.has_transmit(self.attach, false);
        if is_urgent || (is_input_idle && inner.core.has_transmit(self.attach, true)) {
            if !is_urgent && std::mem::take(&mut self.is_answer_expected) {
                // Nothing but an acknowledgement: the application's answer may go with it.
                return Ok(Some(Pause::Yield));
            }
            self.is_answer_expected = false;
            self.is_answered |= is_urgent;
            let now = read_at.unwrap_or_else(now);
            inner.core.poll_transmit(now, self.attach, &mut self.out);
            inner.note_output(now, self.attach, &self.out);
            inner.handle_written(now);
            return Ok(None);
        }
        inner.sleep(cx.waker());
        Ok(Some(Pause::Blocked))
    }

    /// Ready when everything is written, or nothing can be written any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.out.has_remaining() {
            self.is_flushed = false;
            match ready!(self.poll_write_once(cx)) {
                Ok(0) => self.fail_writing(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) => self.fail_writing(error),
            }
        }
        if !self.is_flushed {
            // A connection on which nothing is written has no memory for it.
            self.out = Transmit::new();
            match ready!(Pin::new(&mut self.io).poll_flush(cx)) {
                Ok(()) => self.is_flushed = true,
                Err(error) => self.fail_writing(error),
            }
        }
        Poll::Ready(())
    }

    fn poll_write_once(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let io = Pin::new(&mut self.io);
        if self.out.chunk().len() < self.out.remaining() {
            return poll_write_buf(io, cx, &mut self.out);
        }
        // To gather one piece costs the system more than to take it.
        let written = ready!(io.poll_write(cx, self.out.chunk()))?;
        self.out.advance(written);
        Poll::Ready(Ok(written))
    }

    fn fail_writing(&mut self, error: io::Error) {
        self.write_error = Some(error);
        self.out = Transmit::new();
        self.is_flushed = true;
    }

    fn handle_eof(&self, shared: &Shared) -> Parting {
        let reason = match self.input.bytes.len() {
            0 => ConnectionError::ClosedByPeer,
            _ => ConnectionError::Truncated {
                missing: self.missing(),
            },
        };
        self.disconnect(shared, reason)
    }

    /// How many bytes of the last frame did not come, as far as known.
    fn missing(&self) -> usize {
        match self.input.bytes.first_chunk::<4>() {
            Some(len) => {
                let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
                len.saturating_add(4).saturating_sub(self.input.bytes.len())
            }
            None => 4 - self.input.bytes.len(),
        }
    }

    /// The connection is lost, unless the session had done with it already.
    fn disconnect(&self, shared: &Shared, reason: ConnectionError) -> Parting {
        let now = now();
        shared.with(|inner, wakes| {
            if let Some(parting) = inner.links.take_parting(self.attach) {
                return parting;
            }
            inner.core.handle_disconnected(now, self.attach, reason);
            inner.settle(wakes);
            Parting::Abandon
        })
    }
}
