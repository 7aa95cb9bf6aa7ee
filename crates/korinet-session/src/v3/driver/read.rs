use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// How much is read at once, in bytes.
const READ_SIZE: usize = 64 * 1024;

/// The same where frames are large: most of them come whole, and are not copied.
const LARGE_READ_SIZE: usize = 4 * READ_SIZE;

/// From this many bytes on a frame is large.
const LARGE_FRAME: usize = 8 * 1024;

thread_local! {
    /// Where reads go while nothing is waited for, so that an idle connection has no memory for them.
    static SCRATCH: Cell<BytesMut> = Cell::new(BytesMut::new());
}

/// What was read from a connection and is not handled: a part of a frame.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) bytes: BytesMut,
    /// The last part of a frame was of a large one.
    is_large: bool,
}

impl Input {
    /// Reads once; how many bytes came, zero for the end.
    pub(super) fn poll_read<Io: AsyncRead + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut Io,
    ) -> Poll<io::Result<usize>> {
        if !self.bytes.is_empty() {
            self.is_large = self.bytes.capacity() >= LARGE_FRAME;
            if self.is_large && self.bytes.len() < self.bytes.capacity() {
                // To where the rest of it is waited for.
                return poll_read_buf(Pin::new(io), cx, &mut self.bytes);
            }
        }
        let size = if self.is_large {
            LARGE_READ_SIZE
        } else {
            READ_SIZE
        };
        let mut scratch = SCRATCH.take();
        if scratch.capacity() < size {
            scratch = BytesMut::with_capacity(size);
        }
        let read = poll_read_buf(Pin::new(io), cx, &mut (&mut scratch).limit(size));
        if self.bytes.is_empty() && is_nearly_full(&scratch) {
            self.bytes = scratch;
        } else {
            self.append(&scratch);
            scratch.clear();
            SCRATCH.set(scratch);
        }
        let len = ready!(read)?;
        Poll::Ready(Ok(len))
    }

    /// Puts what was read behind the part of a frame that was there, in memory of the right size: messages
    /// keep it for as long as the application does not read them.
    fn append(&mut self, bytes: &[u8]) {
        if self.bytes.capacity() - self.bytes.len() < bytes.len() {
            let mut joined = BytesMut::with_capacity(self.bytes.len() + bytes.len());
            joined.put_slice(&self.bytes);
            self.bytes = joined;
        }
        self.bytes.put_slice(bytes);
    }
}

/// Whether messages may keep this memory as it is.
fn is_nearly_full(buffer: &BytesMut) -> bool {
    let (len, capacity) = (buffer.len(), buffer.capacity());
    len >= capacity - capacity / 8
}
