use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};
use tokio::time::Instant;

use crate::draw::Draw;
use crate::gate::Gate;
use crate::{Chunks, Counts, Direction};

/// How much is read at once.
const READ: u32 = 64 * 1024;

/// How much is on its way at most, where it takes time.
const ON_ITS_WAY: u32 = 16 * 1024 * 1024;

/// What an arrival takes by itself, however few its bytes are.
const ARRIVAL: u32 = 128;

/// Why a direction is not carried on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The place of the cut is reached, in this direction.
    Cut(Direction),
    /// It has lasted as long as it may.
    Lasted,
    /// One of the two sides is gone.
    Broken,
}

/// One direction of a connection.
pub(crate) struct Pipe<'a, R, W> {
    pub(crate) from: R,
    pub(crate) to: W,
    pub(crate) gate: Gate,
    pub(crate) pieces: Option<Pieces>,
    pub(crate) delay: Duration,
    pub(crate) meter: Meter<'a>,
}

/// Counts what is written in a direction.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    pub(crate) direction: Direction,
    /// Of this connection.
    pub(crate) carried: &'a AtomicU64,
    /// Of all.
    pub(crate) counts: &'a watch::Sender<Counts>,
}

/// The sizes of the pieces to come.
#[derive(Debug)]
pub(crate) struct Pieces {
    chunks: Chunks,
    draw: Draw,
}

/// What has arrived and is on its way.
struct Arrival<'a> {
    at: Instant,
    what: What,
    /// Given back when this is dropped.
    _room: SemaphorePermit<'a>,
}

enum What {
    Bytes(Vec<u8>),
    End,
    Break,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Pipe<'_, R, W> {
    /// Forwards up to the end.
    pub(crate) async fn run(self) -> Result<(), Ending> {
        if self.gate.is_at_start() {
            return Err(Ending::Cut(self.meter.direction));
        }
        let room = if self.delay.is_zero() {
            READ + ARRIVAL
        } else {
            ON_ITS_WAY
        };
        let room = Semaphore::new(room as usize);
        let (arrivals, on_their_way) = mpsc::unbounded_channel();
        let mut outlet = Outlet {
            to: self.to,
            gate: self.gate,
            pieces: self.pieces,
            delay: self.delay,
            meter: self.meter,
        };
        let taken = async {
            take(self.from, &room, &arrivals).await;
            Ok(())
        };
        tokio::try_join!(taken, outlet.give(on_their_way))?;
        Ok(())
    }
}

/// Reads up to the end, as long as there is room.
async fn take<'a>(
    mut from: impl AsyncRead + Unpin,
    room: &'a Semaphore,
    arrivals: &mpsc::UnboundedSender<Arrival<'a>>,
) {
    let mut buffer = vec![0; READ as usize];
    loop {
        let what = match from.read(&mut buffer).await {
            Ok(0) => What::End,
            Ok(len) => What::Bytes(buffer[..len].to_vec()),
            Err(_) => What::Break,
        };
        let at = Instant::now();
        let (len, is_last) = match &what {
            What::Bytes(bytes) => (u32::try_from(bytes.len()).unwrap_or(READ), false),
            What::End | What::Break => (0, true),
        };
        // It is never closed.
        let Ok(permit) = room.acquire_many(len + ARRIVAL).await else {
            return;
        };
        let arrival = Arrival {
            at,
            what,
            _room: permit,
        };
        if arrivals.send(arrival).is_err() || is_last {
            return;
        }
    }
}

/// The far end of a direction.
struct Outlet<'a, W> {
    to: W,
    gate: Gate,
    pieces: Option<Pieces>,
    delay: Duration,
    meter: Meter<'a>,
}

impl<W: AsyncWrite + Unpin> Outlet<'_, W> {
    /// Writes what has been on its way for long enough.
    async fn give(
        &mut self,
        mut on_their_way: mpsc::UnboundedReceiver<Arrival<'_>>,
    ) -> Result<(), Ending> {
        while let Some(arrival) = on_their_way.recv().await {
            let left = self.delay.saturating_sub(arrival.at.elapsed());
            if !left.is_zero() {
                tokio::time::sleep(left).await;
            }
            match arrival.what {
                What::Bytes(bytes) => self.forward(&bytes).await?,
                What::End => {
                    // The other side may be gone already, which its own direction finds out.
                    let _ = self.to.shutdown().await;
                    return Ok(());
                }
                What::Break => return Err(Ending::Broken),
            }
        }
        Ok(())
    }

    async fn forward(&mut self, bytes: &[u8]) -> Result<(), Ending> {
        let passage = self.gate.pass(bytes);
        let mut left = &bytes[..passage.len];
        while !left.is_empty() {
            let len = match &mut self.pieces {
                Some(pieces) => pieces.next().min(left.len()),
                None => left.len(),
            };
            let (piece, rest) = left.split_at(len);
            self.write(piece).await?;
            if self.pieces.is_some() {
                self.meter.wrote_piece();
            }
            left = rest;
        }
        if passage.cut {
            return Err(Ending::Cut(self.meter.direction));
        }
        Ok(())
    }

    /// Counts all that is written, even if the rest cannot be.
    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), Ending> {
        while !bytes.is_empty() {
            match self.to.write(bytes).await {
                Ok(len) if len > 0 => {
                    self.meter.wrote(len);
                    bytes = &bytes[len..];
                }
                Ok(_) | Err(_) => {
                    // That the other side is gone takes as long to get here as what it sent before.
                    tokio::time::sleep(self.delay).await;
                    return Err(Ending::Broken);
                }
            }
        }
        Ok(())
    }
}

impl Meter<'_> {
    fn wrote(&self, len: usize) {
        let len = len as u64;
        self.carried.fetch_add(len, Ordering::Relaxed);
        self.counts
            .send_modify(|counts| counts.add_bytes(self.direction, len));
    }

    fn wrote_piece(&self) {
        self.counts.send_modify(|counts| counts.chunks += 1);
    }
}

impl Pieces {
    /// Each direction has sizes of its own.
    pub(crate) fn new(chunks: Chunks, seed: u64, direction: Direction) -> Self {
        let draw = match direction {
            Direction::ToServer => Draw::of(seed, 0),
            Direction::ToClient => Draw::of(seed, 1),
        };
        Self { chunks, draw }
    }

    fn next(&mut self) -> usize {
        match self.chunks {
            Chunks::Even(len) => len.get(),
            Chunks::Random(most) => self.draw.up_to(most),
        }
    }
}

#[cfg(test)]
mod tests;
