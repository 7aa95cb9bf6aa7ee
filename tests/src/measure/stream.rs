//! Many messages in one direction, all acknowledged, all delivered.

use std::time::Instant;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{bare, pair, per_second};

/// Messages of `len` bytes a second over bare TCP, written by 64 KiB.
pub async fn bare_tcp(count: usize, len: usize) -> f64 {
    let (mut here, mut there) = bare::connection().await;
    let total = count * len;
    let start = Instant::now();
    let writing = tokio::spawn(async move {
        let bytes = vec![7; len.max(64 * 1024)];
        let mut left = total;
        while left > 0 {
            let part = left.min(bytes.len());
            here.write_all(&bytes[..part]).await.expect("it is read");
            left -= part;
        }
    });
    let mut buffer = vec![0; 64 * 1024];
    let mut left = total;
    while left > 0 {
        left -= there.read(&mut buffer).await.expect("it is written");
    }
    writing.await.expect("it does not panic");
    per_second(count, start.elapsed())
}

/// Messages of `len` bytes a second in a session.
pub async fn session(count: usize, len: usize) -> f64 {
    let (client, mut server) = pair().await;
    let start = Instant::now();
    let sending = tokio::spawn(async move {
        let message = Bytes::from(vec![7; len]);
        let sender = client.sender();
        for _ in 0..count {
            let sent = sender.enqueue_raw(message.clone()).await;
            let _receipt = sent.expect("the session goes on");
        }
        client.close().await.expect("the session goes on");
    });
    for _ in 0..count {
        server.recv().await.expect("it goes on").expect("one more");
    }
    sending.await.expect("it does not panic");
    per_second(count, start.elapsed())
}
