use std::io;

use socket2::SockRef;
use tokio::net::TcpStream;

/// A TCP connection that ends by RST, also when the process dies, until it is known to have come to its end.
#[derive(Debug)]
pub(super) struct Tcp(TcpStream);

impl Tcp {
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        // The system closes what a killed process had open, and would do so by FIN.
        stream.set_zero_linger()?;
        // What is typed does not wait for more.
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub(super) const fn stream(&mut self) -> &mut TcpStream {
        &mut self.0
    }

    /// What was written arrives, and the end after it.
    pub(super) fn end(self) -> io::Result<()> {
        SockRef::from(&self.0).set_linger(None)
    }
}
