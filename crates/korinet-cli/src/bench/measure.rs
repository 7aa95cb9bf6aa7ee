//! One round of a size.

use std::time::{Duration, Instant};

use bytes::Bytes;
use korinet::{SendError, Sender};

use crate::failure::Failure;

/// The clock is read once for so many bytes of a stream, and at least for so many messages: reading it takes a tenth of
/// what a small message takes.
const BYTES_BETWEEN: usize = 64 * 1024;
const MOST_BETWEEN: usize = 64;

/// The least messages of a round, however long they take.
const LEAST: usize = 10;

/// A stream: how many messages were acknowledged, and in what time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream {
    pub(super) messages: usize,
    pub(super) took: Duration,
}

/// Sends a message after the acknowledgement of the one before it; the times of all, the shortest first.
pub(super) async fn round_trips(
    sender: &Sender,
    len: usize,
    duration: Duration,
) -> Result<Vec<Duration>, Failure> {
    let message = bytes(len);
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < LEAST || start.elapsed() < duration {
        let before = Instant::now();
        sender.send_raw(message.clone()).await.map_err(failed)?;
        times.push(before.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// Sends one message after the other, and waits for the acknowledgement of the last.
pub(super) async fn stream(
    sender: &Sender,
    len: usize,
    duration: Duration,
) -> Result<Stream, Failure> {
    let message = bytes(len);
    let between = (BYTES_BETWEEN / len.max(1)).clamp(1, MOST_BETWEEN);
    let start = Instant::now();
    let mut messages = 0;
    while messages < LEAST || start.elapsed() < duration {
        for _ in 0..between {
            sender.feed_raw(message.clone()).await.map_err(failed)?;
        }
        messages += between;
    }
    sender.send_raw(message).await.map_err(failed)?;
    Ok(Stream {
        messages: messages + 1,
        took: start.elapsed(),
    })
}

fn bytes(len: usize) -> Bytes {
    vec![0x5a; len].into()
}

fn failed(error: SendError) -> Failure {
    Failure::from_error(&error)
}
