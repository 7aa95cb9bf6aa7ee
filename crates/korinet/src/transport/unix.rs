use std::io;
use std::path::PathBuf;

use korinet_session::Dial;
use tokio::net::UnixStream;

/// Dials a Unix socket.
#[derive(Debug)]
pub(crate) struct UnixDialer {
    pub(crate) path: PathBuf,
}

impl Dial for UnixDialer {
    type Io = UnixStream;

    async fn dial(&mut self) -> io::Result<UnixStream> {
        UnixStream::connect(&self.path).await
    }
}
