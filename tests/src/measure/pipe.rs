//! A long way: what fills it, and what waits for each answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use korinet::{Client, Protocol, Server, Value};
use korinet_chaos::{Faults, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Bytes of payload a second that arrived, the connecting not counted.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    /// Bytes a second.
    pub bytes: f64,
    /// Messages a second.
    pub messages: f64,
}

async fn far_from(target: SocketAddr, delay: Duration) -> Proxy {
    let local: SocketAddr = "127.0.0.1:0".parse().expect("it is an address");
    let faults = Faults::new(0).delayed(delay);
    Proxy::bind(local, target, faults)
        .await
        .expect("a port is free")
}

fn rate(bytes: usize, messages: usize, time: Duration) -> Rate {
    Rate {
        bytes: super::per_second(bytes, time),
        messages: super::per_second(messages, time),
    }
}

/// Bare TCP, for `time`.
pub async fn bare_tcp(delay: Duration, time: Duration) -> Rate {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let proxy = far_from(listener.local_addr().expect("it is bound"), delay).await;
    let mut here = TcpStream::connect(proxy.addr()).await.expect("it listens");
    let (mut there, _) = listener.accept().await.expect("it is dialled");
    let writing = tokio::spawn(async move {
        let bytes = vec![7; 64 * 1024];
        while here.write_all(&bytes).await.is_ok() {}
    });
    let mut buffer = vec![0; 256 * 1024];
    let mut received = there.read(&mut buffer).await.expect("it is written");
    let start = Instant::now();
    while start.elapsed() < time {
        received += there.read(&mut buffer).await.expect("it is written");
    }
    writing.abort();
    rate(received, 0, start.elapsed())
}

/// A session of protocol v3 with this window, for `time`.
pub async fn session(delay: Duration, time: Duration, len: usize, window: usize) -> Rate {
    let server = Server::builder().window(65_536, window);
    let server = server.bind("127.0.0.1:0").await.expect("a port is free");
    let proxy = far_from(server.local_addr().expect("it is TCP"), delay).await;
    let client = Client::builder().window(65_536, window);
    let client = client
        .connect(proxy.addr().to_string())
        .await
        .expect("it listens");
    let mut accepted = server.accept().await.expect("it is open");
    let writing = tokio::spawn(async move {
        let message = Bytes::from(vec![7; len]);
        while client.sender().enqueue_raw(message.clone()).await.is_ok() {}
    });
    accepted.recv().await.expect("it goes on");
    let start = Instant::now();
    let mut messages = 0;
    while start.elapsed() < time {
        accepted.recv().await.expect("it goes on");
        messages += 1;
    }
    writing.abort();
    rate(messages * len, messages, start.elapsed())
}

/// Protocol v2, for `time`.
pub async fn stop_and_wait(delay: Duration, time: Duration) -> Rate {
    let server = Server::bind("127.0.0.1:0").await.expect("a port is free");
    let proxy = far_from(server.local_addr().expect("it is TCP"), delay).await;
    let client = Client::builder().protocol(Protocol::V2);
    let client = client
        .connect(proxy.addr().to_string())
        .await
        .expect("it listens");
    let serving = tokio::spawn(async move {
        let mut session = server.accept().await.expect("it is open");
        while let Ok(Some(_)) = session.recv().await {}
    });
    let message = Value::Map(vec![("n".into(), 1.into())]);
    let start = Instant::now();
    let mut messages = 0;
    while start.elapsed() < time {
        client.send(&message).await.expect("it goes on");
        messages += 1;
    }
    serving.abort();
    rate(
        messages * message.to_cbor().len(),
        messages,
        start.elapsed(),
    )
}
