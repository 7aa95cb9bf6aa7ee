use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use korinet_session::{v2, v3};
use korinet_wire::Detection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::transport::configure;
use crate::{Protocol, Session};

/// How many new sessions of protocol v2 may wait to be accepted.
pub(super) const BACKLOG: usize = 128;

/// How long to pause when the system cannot accept, so that it is not asked in a loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A peer that says nothing for so long is one of protocol v2, which waits to be spoken to: one of v3 speaks first.
const SILENCE: Duration = Duration::from_secs(1);

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

/// Accepts connections and finds out what each of them speaks.
pub(super) struct Listener<L> {
    pub(super) listener: L,
    pub(super) protocols: Vec<Protocol>,
    pub(super) v2: v2::Server,
    pub(super) v2_sessions: mpsc::Sender<Session>,
    pub(super) v3: v3::Server,
}

impl<L: Listen> Listener<L> {
    /// Runs until it is told that it need not be open any more, or nobody is left who could tell.
    pub(super) async fn run(self, mut open: watch::Receiver<bool>) {
        let this = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                _ = open.wait_for(|open| !open) => return,
                accepted = this.listener.accept() => accepted,
            };
            match accepted {
                Ok((io, peer)) => {
                    let this = Arc::clone(&this);
                    tokio::spawn(async move { this.serve(io, peer).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn serve(&self, mut io: L::Io, peer: Option<SocketAddr>) {
        let mut read = BytesMut::new();
        let protocol = match self.protocols[..] {
            [only] => only,
            _ => match detect(&mut io, &mut read).await {
                Some(protocol) => protocol,
                None => {
                    tracing::debug!(
                        peer = peer.map(tracing::field::display),
                        "peer left at once"
                    );
                    return;
                }
            },
        };
        match protocol {
            Protocol::V2 => {
                let Ok(permit) = self.v2_sessions.reserve().await else {
                    return;
                };
                let session = self.v2.serve(io, read, peer.map(|peer| peer.ip()));
                permit.send(Session::from_v2(session, peer));
            }
            Protocol::V3 => {
                let accepted = v3::Accepted {
                    io,
                    read,
                    channel: v3::Channel::Plain,
                    principal: v3::Principal::default(),
                    peer,
                };
                self.v3.serve(accepted).await;
            }
        }
    }
}

/// What the peer speaks, by its first bytes; nothing, if there are none.
async fn detect<Io: AsyncRead + Unpin>(io: &mut Io, read: &mut BytesMut) -> Option<Protocol> {
    loop {
        match Detection::of(read) {
            Detection::V3 => return Some(Protocol::V3),
            Detection::NeedMore { .. } => {}
            // Its decoder says what is wrong with what is not of v2 either.
            Detection::V2 | Detection::Tls | Detection::Unknown(_) => return Some(Protocol::V2),
        }
        match tokio::time::timeout(SILENCE, io.read_buf(read)).await {
            Ok(Ok(0) | Err(_)) if read.is_empty() => return None,
            Ok(Ok(0) | Err(_)) | Err(_) => return Some(Protocol::V2),
            Ok(Ok(_)) => {}
        }
    }
}
