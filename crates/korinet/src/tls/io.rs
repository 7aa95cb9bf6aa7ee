use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use korinet_session::v3::{Binding, Channel, SessionKey};
use rustls::CommonState;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use zeroize::Zeroize;

use super::error::explain;

/// What both sides derive from a connection (PROTOCOL.md, V3-44).
const SESSION_LABEL: &[u8] = b"EXPORTER-korinet-v3-session";
const BINDING_LABEL: &[u8] = b"EXPORTER-korinet-v3-binding";

/// A connection over TLS, whose errors are those of a session.
#[derive(Debug)]
pub(crate) struct TlsIo<S> {
    pub(crate) stream: Box<S>,
    /// The keys of the session that is on this connection.
    pub(crate) channel: Channel,
}

/// Either side of a connection over TLS.
pub(crate) trait Secured {
    fn state(&self) -> &CommonState;

    fn export(&self, label: &[u8], output: &mut [u8]) -> Result<(), rustls::Error>;
}

macro_rules! secured {
    ($side:ident) => {
        impl<Io> Secured for tokio_rustls::$side::TlsStream<Io> {
            fn state(&self) -> &CommonState {
                self.get_ref().1
            }

            fn export(&self, label: &[u8], output: &mut [u8]) -> Result<(), rustls::Error> {
                self.get_ref()
                    .1
                    .export_keying_material(output, label, None)?;
                Ok(())
            }
        }
    };
}

secured!(client);
secured!(server);

impl<S: Secured> TlsIo<S> {
    /// A connection whose handshake is over.
    pub(crate) fn new(stream: S) -> io::Result<Self> {
        let (mut key, mut binding) = ([0; 32], [0; 32]);
        let exported = stream
            .export(SESSION_LABEL, &mut key)
            .and_then(|()| stream.export(BINDING_LABEL, &mut binding));
        let channel = Channel::Secured {
            key: SessionKey::from_bytes(key),
            binding: Binding::from_bytes(binding),
        };
        key.zeroize();
        binding.zeroize();
        exported.map_err(|error| explain(io::Error::other(error)))?;
        Ok(Self {
            stream: Box::new(stream),
            channel,
        })
    }

    pub(crate) fn state(&self) -> &CommonState {
        self.stream.state()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TlsIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        read.map_err(explain)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TlsIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream)
            .poll_write(cx, bytes)
            .map_err(explain)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        written.map_err(explain)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx).map_err(explain)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream)
            .poll_shutdown(cx)
            .map_err(explain)
    }
}
