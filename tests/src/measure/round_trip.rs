//! One message at a time, acknowledged.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{bare, median, pair};

const LEN: usize = 64;

/// The median time in which 64 bytes go there and back over bare TCP.
pub async fn bare_tcp(count: usize) -> Duration {
    let (mut here, mut there) = bare::connection().await;
    let echo = tokio::spawn(async move {
        let mut bytes = [0; LEN];
        while there.read_exact(&mut bytes).await.is_ok() {
            if there.write_all(&bytes).await.is_err() {
                return;
            }
        }
    });
    let mut times = Vec::with_capacity(count);
    let mut bytes = [7; LEN];
    for _ in 0..count {
        let start = Instant::now();
        here.write_all(&bytes).await.expect("the echo is there");
        here.read_exact(&mut bytes)
            .await
            .expect("the echo is there");
        times.push(start.elapsed());
    }
    drop(here);
    let _ = echo.await;
    median(times)
}

/// The median time from sending 64 bytes in a session to their acknowledgement.
pub async fn acknowledged(count: usize) -> Duration {
    let (client, mut server) = pair().await;
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = server.recv().await {} });
    let message = Bytes::from_static(&[7; LEN]);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let sent = client.send_raw(message.clone()).await;
        sent.expect("the session goes on");
        times.push(start.elapsed());
    }
    client.close().await.expect("the session goes on");
    let _ = reading.await;
    median(times)
}

/// The median time from sending 64 bytes to the arrival of the other application's answer.
pub async fn answered(count: usize) -> Duration {
    let (mut client, mut server) = pair().await;
    let echo = tokio::spawn(async move {
        while let Ok(Some(message)) = server.recv().await {
            if server
                .sender()
                .enqueue_raw(message.data().clone())
                .await
                .is_err()
            {
                return;
            }
        }
    });
    let message = Bytes::from_static(&[7; LEN]);
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        let sent = client.sender().enqueue_raw(message.clone()).await;
        let _receipt = sent.expect("the session goes on");
        client.recv().await.expect("the session goes on");
        times.push(start.elapsed());
    }
    client.close().await.expect("the session goes on");
    let _ = echo.await;
    median(times)
}
