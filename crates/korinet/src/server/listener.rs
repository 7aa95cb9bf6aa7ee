use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Shared;
use super::reception::Reception;
use crate::transport::configure;

/// How long to pause when the system cannot accept, so that it is not asked in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What connections come from.
pub(super) trait Listen: Send + Sync + 'static {
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Option<SocketAddr>)>> + Send;
}

impl Listen for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Option<SocketAddr>)> {
        let (stream, peer) = Self::accept(self).await?;
        configure(&stream)?;
        Ok((stream, Some(peer)))
    }
}

#[cfg(unix)]
impl Listen for tokio::net::UnixListener {
    type Io = tokio::net::UnixStream;

    async fn accept(&self) -> io::Result<(Self::Io, Option<SocketAddr>)> {
        Ok((Self::accept(self).await?.0, None))
    }
}

/// Accepts connections until it is told that it need not be open any more, or nobody is left who could tell.
pub(super) async fn listen<L: Listen>(
    listener: L,
    shared: Arc<Shared>,
    mut open: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            _ = open.wait_for(|open| !open) => return,
            accepted = listener.accept() => accepted,
        };
        let (io, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Some(reception) = Reception::of(&shared, peer) {
            tokio::spawn(reception.run(io));
        }
    }
}
