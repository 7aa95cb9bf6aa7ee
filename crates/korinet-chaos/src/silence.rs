use std::io;

use tokio::io::Interest;
use tokio::net::TcpStream;

/// Waits until the other end of a stream closes, or breaks it off, without reading anything.
///
/// What is not read fills the sender's buffers, and so a sender is stopped as it is on a dead link. One that
/// closes after that is not noticed: the end of its stream waits behind what it has sent.
pub(crate) async fn closed(stream: &TcpStream) {
    loop {
        let Ok(ready) = stream.ready(Interest::READABLE).await else {
            return;
        };
        if ready.is_read_closed() {
            return;
        }
        // As if all was read: the next to be told is what comes then.
        let _ = stream.try_io(Interest::READABLE, || {
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap());
        let (near, far) = tokio::join!(near, listener.accept());
        (near.unwrap(), far.unwrap().0)
    }

    #[tokio::test]
    async fn a_close_is_noticed_behind_bytes_that_nobody_reads() {
        let (stream, mut far) = pair().await;
        far.write_all(b"not read").await.unwrap();
        stream.readable().await.unwrap();
        drop(far);
        closed(&stream).await;
    }

    #[tokio::test]
    async fn so_is_a_reset() {
        let (stream, far) = pair().await;
        far.set_zero_linger().unwrap();
        drop(far);
        closed(&stream).await;
    }

    #[tokio::test]
    async fn bytes_alone_are_no_close() {
        let (stream, mut far) = pair().await;
        far.write_all(b"first").await.unwrap();
        stream.readable().await.unwrap();
        let mut closed = std::pin::pin!(closed(&stream));
        for _ in 0..10 {
            tokio::select! {
                biased;
                () = &mut closed => panic!("it is open"),
                () = tokio::task::yield_now() => {}
            }
            far.write_all(b"more").await.unwrap();
        }
    }
}
