use std::time::Duration;

use korinet_proto::v3::Transmit;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::drain::drain;

/// How long a connection that this side ends waits for the peer to end it, too (V3-41).
const LINGER: Duration = Duration::from_secs(5);

/// Writes what is left, ends this direction, and reads the other to its end (V3-41): closed with bytes
/// unread the connection would be reset, and a reset can destroy what the peer has not read yet.
pub(super) async fn linger<Io: AsyncRead + AsyncWrite + Unpin>(mut io: Io, mut last: Transmit) {
    let read_to_end = async {
        io.write_all_buf(&mut last).await?;
        io.shutdown().await?;
        drain(&mut io).await
    };
    // Whatever goes wrong now, there is nobody left to tell.
    let _ = tokio::time::timeout(LINGER, read_to_end).await;
}
