//! One task on each side, which does nothing else: the best that this way of writing it gives.

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use korinet_bench::{Failure, Flow};

use crate::{Link, ack};

/// Fills the window, flushes, and takes all acknowledgements that there are.
pub(crate) async fn send(mut link: Link) -> Result<(), Failure> {
    let data = link.data();
    let mut under_way = 0;
    loop {
        while under_way < link.window {
            link.frames.feed(data.clone()).await?;
            under_way += 1;
        }
        SinkExt::<Bytes>::flush(&mut link.frames).await?;
        let mut next = link.frames.next().await;
        while let Some(frame) = next {
            frame?;
            under_way -= 1;
            match link.frames.next().now_or_never() {
                Some(one_more) => next = one_more,
                None => break,
            }
        }
    }
}

/// Acknowledges all messages that there are, and flushes.
pub(crate) async fn receive(mut link: Link, mut flow: Flow) -> Result<(), Failure> {
    let mut number = 0;
    loop {
        let mut next = link.frames.next().await;
        loop {
            let Some(frame) = next else {
                return Ok(());
            };
            frame?;
            number += 1;
            flow.tally.add(1);
            link.frames.feed(ack(number)).await?;
            match link.frames.next().now_or_never() {
                Some(one_more) => next = one_more,
                None => break,
            }
        }
        SinkExt::<Bytes>::flush(&mut link.frames).await?;
    }
}
