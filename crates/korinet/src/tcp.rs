use std::io;
use std::time::Duration;

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

/// Dials `host:port`: the name is looked up each time, and its addresses are tried in turn.
#[derive(Debug)]
pub(crate) struct TcpDialer {
    pub(crate) addr: String,
}

impl Dial for TcpDialer {
    type Io = TcpStream;

    async fn dial(&mut self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.addr.as_str()).await?;
        configure(&stream)?;
        Ok(stream)
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
