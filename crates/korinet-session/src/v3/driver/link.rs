use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::AttachNumber;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::{poll_read_buf, poll_write_buf};

use super::alarm::Alarm;
use super::inner::Parting;
use super::linger::linger;
use super::shared::Shared;
use crate::ConnectionError;
use crate::clock::now;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// From this much free room on, a read goes to where the rest of a frame is waited for.
const DIRECT_ROOM: usize = 8 * 1024;

/// How often a connection reads and writes before it lets other tasks have their turn.
const TURNS: usize = 32;

thread_local! {
    /// Where reads go while nothing is waited for, so that an idle connection has no memory for them.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// One connection of a session: the only place that reads from it and writes to it.
pub(super) struct Link<Io> {
    io: Io,
    attach: AttachNumber,
    /// A part of a frame.
    input: BytesMut,
    /// What is being written.
    out: Transmit,
    is_flushed: bool,
    /// Why nothing can be written any more. What was received before that is still read.
    write_error: Option<io::Error>,
    alarm: Alarm,
    /// The application was told of a message, and has not had its turn since.
    is_answer_expected: bool,
}

/// Whether there is more to do at once.
enum Turn {
    Again,
    Blocked,
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> Link<Io> {
    /// A connection on which the session goes on; `input` was read from it and not handled.
    pub(super) fn new(io: Io, attach: AttachNumber, input: BytesMut) -> Self {
        Self {
            io,
            attach,
            input,
            out: Transmit::new(),
            is_flushed: true,
            write_error: None,
            alarm: Alarm::default(),
            is_answer_expected: false,
        }
    }

    /// Serves the connection until the session is done with it, or it is lost. What is left to do then ends it in
    /// good order; the session does not wait for that.
    pub(super) async fn run(mut self, shared: &Shared) -> impl Future<Output = ()> + use<Io> {
        let parting = poll_fn(|cx| self.poll(cx, shared)).await;
        shared.lock().unlink(self.attach);
        let ending = match parting {
            Parting::Finish(last) => {
                self.out.push(last);
                Some(linger(self.io, self.out))
            }
            Parting::Abandon => None,
        };
        async move {
            if let Some(ending) = ending {
                ending.await;
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<Parting> {
        for _ in 0..TURNS {
            let is_input_idle = match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(self.handle_eof(shared)),
                Poll::Ready(Ok(_)) => {
                    self.handle_input(shared);
                    false
                }
                Poll::Ready(Err(error)) => {
                    return Poll::Ready(self.disconnect(shared, error.into()));
                }
                Poll::Pending => true,
            };
            if is_input_idle && let Some(error) = self.write_error.take() {
                return Poll::Ready(self.disconnect(shared, error.into()));
            }
            match self.write(cx, shared, is_input_idle) {
                Err(parting) => return Poll::Ready(parting),
                Ok(Turn::Blocked) if is_input_idle => return Poll::Pending,
                Ok(Turn::Again | Turn::Blocked) => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads once; how many bytes came, zero for the end.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = self.input.capacity() - self.input.len();
        if room >= DIRECT_ROOM && !self.input.is_empty() {
            return poll_read_buf(Pin::new(&mut self.io), cx, &mut self.input);
        }
        let mut scratch = SCRATCH.take();
        scratch.resize(READ_SIZE, 0);
        let mut buffer = ReadBuf::new(&mut scratch);
        let read = Pin::new(&mut self.io).poll_read(cx, &mut buffer);
        let filled = buffer.filled();
        if !filled.is_empty() {
            self.append(filled);
        }
        let len = filled.len();
        SCRATCH.set(scratch);
        ready!(read)?;
        Poll::Ready(Ok(len))
    }

    /// Puts what was read behind the part of a frame that was there, in memory of the right size: messages
    /// keep it for as long as the application does not read them.
    fn append(&mut self, bytes: &[u8]) {
        if self.input.capacity() - self.input.len() < bytes.len() {
            let mut joined = BytesMut::with_capacity(self.input.len() + bytes.len());
            joined.put_slice(&self.input);
            self.input = joined;
        }
        self.input.put_slice(bytes);
    }

    fn handle_input(&mut self, shared: &Shared) {
        let now = now();
        self.is_answer_expected |= shared.with(|inner, wakes| {
            let is_awaited = inner.reader.is_some();
            inner.core.handle_bytes(now, self.attach, &mut self.input);
            inner.settle(wakes);
            is_awaited && inner.reader.is_none()
        });
    }

    /// Writes until there is nothing more to write or no more room for it.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        shared: &Shared,
        is_input_idle: bool,
    ) -> Result<Turn, Parting> {
        loop {
            if let Poll::Ready(turn) = self.poll_time(cx, shared) {
                return turn;
            }
            if self.poll_write(cx).is_pending() {
                shared.lock().sleep(cx.waker());
                return self.parting(shared).map_or(Ok(Turn::Blocked), Err);
            }
            if !self.fill(cx, shared, is_input_idle)? {
                return Ok(Turn::Blocked);
            }
        }
    }

    /// Tells the session of the time when it asked for it.
    fn poll_time(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Poll<Result<Turn, Parting>> {
        let deadline = shared.lock().poll_timeout();
        ready!(self.alarm.poll(cx, deadline));
        let now = now();
        shared.with(|inner, wakes| inner.handle_timeout(now, wakes));
        match self.parting(shared) {
            Some(parting) => Poll::Ready(Err(parting)),
            None => Poll::Ready(Ok(Turn::Again)),
        }
    }

    /// Takes from the session what is to be written; if there is nothing, has the task woken when there is.
    fn fill(
        &mut self,
        cx: &Context<'_>,
        shared: &Shared,
        is_input_idle: bool,
    ) -> Result<bool, Parting> {
        let mut inner = shared.lock();
        if let Some(parting) = inner.take_parting(self.attach) {
            return Err(parting);
        }
        let is_urgent = inner.core.has_transmit(self.attach, false);
        if is_urgent || (is_input_idle && inner.core.has_transmit(self.attach, true)) {
            if !is_urgent && std::mem::take(&mut self.is_answer_expected) {
                // Nothing but an acknowledgement: the application's answer may go with it.
                cx.waker().wake_by_ref();
                return Ok(false);
            }
            self.is_answer_expected = false;
            let now = now();
            inner.core.poll_transmit(now, self.attach, &mut self.out);
            inner.handle_written(now);
            return Ok(true);
        }
        inner.sleep(cx.waker());
        Ok(false)
    }

    /// Ready when everything is written, or nothing can be written any more.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.out.has_remaining() {
            self.is_flushed = false;
            match ready!(poll_write_buf(Pin::new(&mut self.io), cx, &mut self.out)) {
                Ok(0) => self.fail_writing(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) => self.fail_writing(error),
            }
        }
        if !self.is_flushed {
            match ready!(Pin::new(&mut self.io).poll_flush(cx)) {
                Ok(()) => self.is_flushed = true,
                Err(error) => self.fail_writing(error),
            }
        }
        Poll::Ready(())
    }

    fn fail_writing(&mut self, error: io::Error) {
        self.write_error = Some(error);
        self.out = Transmit::new();
        self.is_flushed = true;
    }

    fn parting(&self, shared: &Shared) -> Option<Parting> {
        shared.lock().take_parting(self.attach)
    }

    fn handle_eof(&self, shared: &Shared) -> Parting {
        let reason = match self.input.len() {
            0 => ConnectionError::ClosedByPeer,
            _ => ConnectionError::Truncated {
                missing: self.missing(),
            },
        };
        self.disconnect(shared, reason)
    }

    /// How many bytes of the last frame did not come, as far as known.
    fn missing(&self) -> usize {
        match self.input.first_chunk::<4>() {
            Some(len) => {
                let len = usize::try_from(u32::from_be_bytes(*len)).unwrap_or(usize::MAX);
                len.saturating_add(4).saturating_sub(self.input.len())
            }
            None => 4 - self.input.len(),
        }
    }

    /// The connection is lost, unless the session had done with it already.
    fn disconnect(&self, shared: &Shared, reason: ConnectionError) -> Parting {
        let now = now();
        shared.with(|inner, wakes| {
            if let Some(parting) = inner.take_parting(self.attach) {
                return parting;
            }
            inner.core.handle_disconnected(now, self.attach, reason);
            inner.settle(wakes);
            Parting::Abandon
        })
    }
}
