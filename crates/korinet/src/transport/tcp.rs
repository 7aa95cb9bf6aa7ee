use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use korinet_proto::v3::GoAway;
use korinet_session::Dial;
use korinet_session::v3::Channel;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The system probes an idle connection after this, and drops it after three probes without an
/// answer: protocol v2 has no probe of its own.
const KEEPALIVE_TIME: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// How long sent bytes may stay without an answer from the peer's system.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const USER_TIMEOUT: Duration = Duration::from_secs(30);

/// What goes over a TCP connection before a session does.
pub(crate) trait Secure: Send + Sync + 'static {
    /// The connection with it.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Secures a connection to `host`.
    fn secure(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// What the connection gives to the session.
    fn channel(&self, io: &Self::Io) -> Channel;

    fn tcp(io: &Self::Io) -> &TcpStream;
}

/// Nothing.
#[derive(Debug)]
pub(crate) struct Plaintext;

impl Secure for Plaintext {
    type Io = TcpStream;

    async fn secure(&self, stream: TcpStream, _: &str) -> io::Result<TcpStream> {
        Ok(stream)
    }

    fn channel(&self, _: &TcpStream) -> Channel {
        Channel::Plain
    }

    fn tcp(io: &TcpStream) -> &TcpStream {
        io
    }
}

/// Dials one of several `host:port` in turn: an attempt tries them all, beginning with the one that it
/// was last connected to. Names are looked up each time, and each of their addresses is tried.
#[derive(Debug)]
pub(crate) struct TcpDialer<S> {
    security: S,
    addresses: Vec<String>,
    /// The address that is tried first.
    first: usize,
    /// Where the server said to connect next.
    elsewhere: Vec<String>,
}

impl<S: Secure> TcpDialer<S> {
    pub(crate) const fn new(security: S, addresses: Vec<String>) -> Self {
        Self {
            security,
            addresses,
            first: 0,
            elsewhere: Vec::new(),
        }
    }

    async fn connect(&self, address: &str) -> io::Result<S::Io> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| named(address, error))?;
        configure(&stream)?;
        // It has one, as it could be connected to.
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        self.security.secure(stream, host).await
    }
}

/// What is no address at all is better told by what would be one.
fn named(address: &str, error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::InvalidInput {
        return error;
    }
    let text =
        format!("address is {address:?}, expected HOST:PORT, as in localhost:1235 or [::1]:1235");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl<S: Secure> Dial for TcpDialer<S> {
    type Io = S::Io;

    async fn dial(&mut self) -> io::Result<S::Io> {
        for address in std::mem::take(&mut self.elsewhere) {
            match self.connect(&address).await {
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
            match self.connect(address).await {
                Ok(stream) => {
                    self.first = index;
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn channel(&self, io: &S::Io) -> Channel {
        self.security.channel(io)
    }

    fn peer_addr(&self, io: &S::Io) -> Option<SocketAddr> {
        S::tcp(io).peer_addr().ok()
    }

    fn handle_go_away(&mut self, go_away: &GoAway) {
        self.elsewhere.clone_from(&go_away.addresses);
    }
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
