//! What stands between a client and its server, to lose what is under way.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Failure;

/// Carries connections to a server, in this process.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    connected_at: Mutex<Instant>,
    /// Whether what comes from the server is lost.
    is_losing: AtomicBool,
    /// Bytes.
    lost: watch::Sender<usize>,
    cuts: watch::Sender<u64>,
}

impl Relay {
    pub(crate) async fn before(server: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            connected_at: Mutex::new(Instant::now()),
            is_losing: AtomicBool::new(false),
            lost: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
        });
        let accepting = tokio::spawn(accept(listener, server, Arc::clone(&shared)));
        Ok(Self {
            port,
            shared,
            accepting,
        })
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// When the last connection came.
    pub(crate) fn connected_at(&self) -> Instant {
        *lock(&self.shared.connected_at)
    }

    /// From now on, what comes from the server is lost.
    pub fn lose(&self) {
        self.shared.lost.send_replace(0);
        self.shared.is_losing.store(true, Ordering::Relaxed);
    }

    /// Until so many bytes are lost.
    ///
    /// # Errors
    ///
    /// The relay is gone.
    pub async fn until_lost(&self, bytes: usize) -> Result<(), Failure> {
        let mut lost = self.shared.lost.subscribe();
        lost.wait_for(|lost| *lost >= bytes).await?;
        Ok(())
    }

    /// Ends the connection that there is; the next one loses nothing.
    pub fn cut(&self) {
        self.shared.is_losing.store(false, Ordering::Relaxed);
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, server: u16, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        *lock(&shared.connected_at) = Instant::now();
        // A connection that breaks is what both sides are told by it.
        tokio::spawn(carry(client, server, Arc::clone(&shared)));
    }
}

async fn carry(client: TcpStream, server: u16, shared: Arc<Shared>) -> Result<(), Failure> {
    let mut cuts = shared.cuts.subscribe();
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = cuts.changed() => Ok(()),
        ended = forward(from_client, to_server, None) => ended,
        ended = forward(from_server, to_client, Some(&shared)) => ended,
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    losing: Option<&Shared>,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let len = match from.read(&mut buffer).await? {
            0 => return Ok(()),
            len => len,
        };
        match losing {
            Some(shared) if shared.is_losing.load(Ordering::Relaxed) => {
                shared.lost.send_modify(|lost| *lost += len);
            }
            Some(_) | None => to.write_all(&buffer[..len]).await?,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
