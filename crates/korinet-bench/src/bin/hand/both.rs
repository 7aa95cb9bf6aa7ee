//! Both directions at once need a reader and a writer on each side: one task that did both would wait in a flush for a
//! reader that waits in a flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use korinet_bench::{Failure, Flow};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::{DATA, GATHERED, Link, ack, data};

/// What the reader tells the writer.
#[derive(Debug, Default)]
struct Shared {
    received: AtomicU64,
    acknowledged: AtomicU64,
    changed: Notify,
}

pub(crate) async fn exchange(link: Link, flow: Flow) -> Result<(), Failure> {
    let parts = link.frames.into_parts();
    let (read, write) = parts.io.into_split();
    let mut reader = FramedRead::new(read, parts.codec.clone());
    *reader.read_buffer_mut() = parts.read_buf;
    let mut writer = FramedWrite::new(write, parts.codec);
    writer.set_backpressure_boundary(GATHERED);
    let shared = Arc::<Shared>::default();
    let window = u64::try_from(link.window)?;
    let writing = tokio::spawn(send(writer, Arc::clone(&shared), window, link.size));
    receive(reader, &shared, flow).await?;
    writing.abort();
    Ok(())
}

async fn send<W: AsyncWrite + Unpin>(
    mut writer: FramedWrite<W, tokio_util::codec::LengthDelimitedCodec>,
    shared: Arc<Shared>,
    window: u64,
    size: usize,
) -> Result<(), Failure> {
    let data = data(size);
    let (mut sent, mut owed_from) = (0, 1);
    loop {
        let received = shared.received.load(Ordering::Acquire);
        let acknowledged = shared.acknowledged.load(Ordering::Acquire);
        for number in owed_from..=received {
            writer.feed(ack(number)).await?;
        }
        owed_from = received + 1;
        while sent - acknowledged < window {
            writer.feed(data.clone()).await?;
            sent += 1;
        }
        SinkExt::<Bytes>::flush(&mut writer).await?;
        shared.changed.notified().await;
    }
}

async fn receive<R: AsyncRead + Unpin>(
    mut reader: FramedRead<R, tokio_util::codec::LengthDelimitedCodec>,
    shared: &Shared,
    mut flow: Flow,
) -> Result<(), Failure> {
    let (mut received, mut acknowledged) = (0, 0);
    loop {
        let mut next = reader.next().await;
        loop {
            let Some(frame) = next else {
                return Ok(());
            };
            if frame?.first() == Some(&DATA) {
                received += 1;
                flow.tally.add(1);
            } else {
                acknowledged += 1;
            }
            match reader.next().now_or_never() {
                Some(one_more) => next = one_more,
                None => break,
            }
        }
        shared.received.store(received, Ordering::Release);
        shared.acknowledged.store(acknowledged, Ordering::Release);
        shared.changed.notify_one();
    }
}
