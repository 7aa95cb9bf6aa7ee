use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use korinet_proto::v3::GoAway;
use korinet_session::Dial;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// The system probes an idle connection after this, and drops it after three probes without an
/// answer: protocol v2 has no probe of its own.
const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent bytes may stay without an answer from the peer's system.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// Dials one of several `host:port` in turn: an attempt tries them all, beginning with the one that it
/// was last connected to. Names are looked up each time, and each of their addresses is tried.
#[derive(Debug)]
pub(crate) struct TcpDialer {
    addresses: Vec<String>,
    /// The address that is tried first.
    first: usize,
    /// Where the server said to connect next.
    elsewhere: Vec<String>,
}

impl TcpDialer {
    pub(crate) const fn new(addresses: Vec<String>) -> Self {
        Self {
            addresses,
            first: 0,
            elsewhere: Vec::new(),
        }
    }
}

impl Dial for TcpDialer {
    type Io = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        for address in std::mem::take(&mut self.elsewhere) {
            match connect(&address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => tracing::debug!(address, %error, "cannot go where the peer said"),
            }
        }
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for turn in 0..self.addresses.len() {
            let index = (self.first + turn) % self.addresses.len();
            let Some(address) = self.addresses.get(index) else {
                continue;
            };
            match connect(address).await {
                Ok(stream) => {
                    self.first = index;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn peer_addr(&self, io: &TcpStream) -> Option<SocketAddr> {
        io.peer_addr().ok()
    }

    fn handle_go_away(&mut self, go_away: &GoAway) {
        self.elsewhere.clone_from(&go_away.addresses);
    }
}

async fn connect(address: &str) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    configure(&stream)?;
    Ok(stream)
}

/// Sets what each connection needs, accepted or dialled: small messages leave at once, and a peer
/// that is gone without a word is noticed.
pub(crate) fn configure(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_TIME);
    #[cfg(not(any(target_os = "openbsd", target_os = "haiku")))]
    let keepalive = keepalive.with_interval(KEEPALIVE_INTERVAL);
    #[cfg(unix)]
    let keepalive = keepalive.with_retries(KEEPALIVE_RETRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    Ok(())
}
