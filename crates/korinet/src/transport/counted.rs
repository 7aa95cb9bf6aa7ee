use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection that was accepted, and what is to be dropped with it: by that it is counted for exactly as long as it
/// is there, whoever serves it, and not as long as its session.
#[derive(Debug)]
pub(crate) struct Counted<Io, T> {
    io: Io,
    /// What was read to find out what the connection speaks, and is to be read again.
    unread: Option<Box<BytesMut>>,
    _count: T,
}

impl<Io, T> Counted<Io, T> {
    pub(crate) fn new(io: Io, count: T) -> Self {
        Self {
            io,
            unread: None,
            _count: count,
        }
    }

    /// Has all that was read so far read again.
    #[cfg(feature = "tls")]
    pub(crate) fn put_back(&mut self, read: BytesMut) {
        self.unread = (!read.is_empty()).then(|| Box::new(read));
    }
}

impl<Io: AsyncRead + Unpin, T: Unpin> AsyncRead for Counted<Io, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(unread) = &mut self.unread else {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        };
        let len = unread.len().min(buffer.remaining());
        buffer.put_slice(&unread.split_to(len));
        if unread.is_empty() {
            self.unread = None;
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin, T: Unpin> AsyncWrite for Counted<Io, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
