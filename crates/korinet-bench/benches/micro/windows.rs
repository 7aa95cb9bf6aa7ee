//! A thousand messages through the state machines of one side.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use divan::Bencher;
use divan::counter::ItemsCount;
use korinet_proto::v3::{
    Agreed, Batch, Connection, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_wire::v3::{Kind, Level, Limits};

use crate::SIZES;

const MESSAGES: usize = 1000;

const LIMITS: Limits = Limits {
    messages: 16_384,
    bytes: 4 << 20,
    message: 1 << 20,
};

struct Side {
    windows: Windows,
    connection: Connection,
}

impl Side {
    fn new(checksum: bool) -> Self {
        let mut windows = Windows {
            send: SendWindow::new(LIMITS, checksum),
            receive: ReceiveWindow::new(LIMITS, Level::Received, checksum),
        };
        let agreed = Agreed {
            keep_alive: Duration::ZERO,
            max_message: LIMITS.message,
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
        };
        let connection = Connection::new(Instant::now(), &agreed, &mut windows);
        Self {
            windows,
            connection,
        }
    }

    /// Messages are given numbers, encoded and written.
    fn send(&mut self, payload: &[u8]) -> Transmit {
        for _ in 0..MESSAGES {
            let payload = Payload::Copied(black_box(payload));
            self.windows.send.push(Kind::RAW, None, payload).unwrap();
        }
        let mut out = Transmit::new();
        self.connection
            .poll_transmit(Instant::now(), &mut self.windows, &mut out);
        out
    }

    /// All of them are acknowledged.
    fn settle(&mut self) {
        let end = self.windows.send.end();
        let digest = self.windows.send.digest_at(end);
        self.windows.send.handle_ack(end, digest).unwrap();
    }

    fn handle(&mut self, input: &mut BytesMut) {
        self.connection
            .handle_bytes(Instant::now(), &mut self.windows, input);
    }
}

fn send_with(bencher: Bencher<'_, '_>, size: usize, checksum: bool) {
    let payload = vec![7; size];
    let mut side = Side::new(checksum);
    bencher.counter(ItemsCount::new(MESSAGES)).bench_local(|| {
        black_box(side.send(&payload));
        side.settle();
    });
}

#[divan::bench(args = SIZES)]
fn send(bencher: Bencher<'_, '_>, size: usize) {
    send_with(bencher, size, true);
}

#[divan::bench(args = SIZES)]
fn send_without_checksum(bencher: Bencher<'_, '_>, size: usize) {
    send_with(bencher, size, false);
}

/// A side that has received nothing yet, and what it is about to.
fn about_to_receive(size: usize) -> (Side, BytesMut) {
    let sent = Side::new(true).send(&vec![7; size]);
    (Side::new(true), BytesMut::from(sent.into_bytes()))
}

/// Received, and looked at where they are.
#[divan::bench(args = SIZES)]
fn receive_batch(bencher: Bencher<'_, '_>, size: usize) {
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| about_to_receive(size))
        .bench_local_values(|(mut side, mut input)| {
            side.handle(&mut input);
            let mut batch = Batch::default();
            side.windows
                .receive
                .recv_many(&mut batch, MESSAGES, u64::MAX);
            let bytes: usize = batch.iter().map(|message| message.payload.len()).sum();
            assert_eq!(bytes, MESSAGES * size);
            (side, batch)
        });
}

/// Received, and taken out one after the other.
#[divan::bench(args = SIZES)]
fn receive_each(bencher: Bencher<'_, '_>, size: usize) {
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(|| about_to_receive(size))
        .bench_local_values(|(mut side, mut input)| {
            side.handle(&mut input);
            let mut count = 0;
            while let Some(message) = side.windows.receive.recv() {
                black_box(&message.payload);
                count += 1;
            }
            assert_eq!(count, MESSAGES);
            side
        });
}
