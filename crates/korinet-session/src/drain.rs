use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads a connection to its end. Other tasks have their turn after each read: whoever sends on and on is not to have
/// the thread for itself.
pub(crate) async fn drain<Io: AsyncRead + Unpin>(io: &mut Io) -> io::Result<()> {
    let mut rest = [0; 4096];
    while io.read(&mut rest).await? > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}
