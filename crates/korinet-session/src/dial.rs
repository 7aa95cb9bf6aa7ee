use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

/// A transport that can be dialled again: what a client's session reconnects through.
pub trait Dial: Send + 'static {
    /// One connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Makes one attempt to connect.
    ///
    /// It is called for the first connection and after each loss, and should look up names anew each
    /// time. How long an attempt may take is the caller's business: the future is dropped when that
    /// is over.
    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;
}
