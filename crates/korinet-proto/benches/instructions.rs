//! Work of a fixed amount, for `cargo xtask instructions` to count the instructions of.
//!
//! It is given the name of a case and a number of messages. What one message takes is the difference of two runs, so
//! that what a run takes whatever it does is left out; and since the system's share is not counted, the figures are
//! nearly the same on any machine and under any load.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program that is run by hand"
)]

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use korinet_proto::v3::{
    Agreed, Connection, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_wire::v3::{self as wire, Data, Digest, Kind, Level, Limits, PREFIX_LEN, Seq};

const LIMITS: Limits = Limits {
    messages: 16_384,
    bytes: 4 << 20,
    message: 1 << 20,
};

/// How many messages the state machines are given before they are asked for what there is to write.
const BATCH: u64 = 512;

const SIZE: usize = 64;

type Case = fn(u64);

const CASES: [(&str, Case); 4] = [
    ("encode", encode),
    ("decode", decode),
    ("send", send),
    ("receive", receive),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, count, ..] = &arguments[..] else {
        // As a test of the package it has nothing to do.
        return ExitCode::SUCCESS;
    };
    let case = CASES.iter().find(|(case, _)| case == name);
    match (case, count.parse()) {
        (Some((_, run)), Ok(count)) => {
            run(count);
            ExitCode::SUCCESS
        }
        _ => {
            let names = CASES.map(|(case, _)| case).join(", ");
            eprintln!("error: expected one of {names}, and a number of messages");
            ExitCode::FAILURE
        }
    }
}

fn frame(payload: &[u8], seq: u64) -> Data<'_> {
    Data {
        seq: Seq::new(seq).unwrap(),
        kind: Kind::RAW,
        payload,
        re: None,
        digest: Some(Digest::ZERO),
    }
}

/// A DATA frame to bytes.
fn encode(count: u64) {
    let payload = [7; SIZE];
    let mut room = [0; 2 * SIZE];
    for seq in 1..=count {
        let data = frame(black_box(&payload), 70_000 + seq);
        black_box(data.placed().write(black_box(&mut room)));
    }
}

/// The body of a DATA frame to its fields.
fn decode(count: u64) {
    let mut bytes = Vec::new();
    wire::Frame::Data(frame(&[7; SIZE], 70_000))
        .encode(&mut bytes)
        .unwrap();
    for _ in 0..count {
        black_box(Data::plain(black_box(&bytes[PREFIX_LEN..])));
    }
}

struct Side {
    windows: Windows,
    connection: Connection,
}

fn side() -> Side {
    let mut windows = Windows {
        send: SendWindow::new(LIMITS, true),
        receive: ReceiveWindow::new(LIMITS, Level::Received, true),
    };
    let agreed = Agreed {
        keep_alive: Duration::ZERO,
        max_message: LIMITS.message,
        max_control_frames: Connection::MAX_CONTROL_FRAMES,
    };
    let connection = Connection::new(Instant::now(), &agreed, &mut windows);
    Side {
        windows,
        connection,
    }
}

/// A batch of messages: given a number, encoded, written, acknowledged.
fn send_batch(side: &mut Side, out: &mut Transmit) {
    let payload = [7; SIZE];
    for _ in 0..BATCH {
        let payload = Payload::Copied(black_box(&payload));
        side.windows.send.push(Kind::RAW, None, payload).unwrap();
    }
    let now = Instant::now();
    side.connection.poll_transmit(now, &mut side.windows, out);
    let end = side.windows.send.end();
    let digest = side.windows.send.digest_at(end);
    side.windows.send.handle_ack(end, digest).unwrap();
}

fn send(count: u64) {
    let mut side = side();
    for _ in 0..count.div_ceil(BATCH) {
        let mut out = Transmit::new();
        send_batch(&mut side, &mut out);
        black_box(out);
    }
}

/// The same messages handled, read and acknowledged; less what it takes to have them, which is `send`.
fn receive(count: u64) {
    let mut sender = side();
    let mut side = side();
    for _ in 0..count.div_ceil(BATCH) {
        let mut out = Transmit::new();
        send_batch(&mut sender, &mut out);
        let mut bytes = BytesMut::from(out.into_bytes());
        let now = Instant::now();
        side.connection
            .handle_bytes(now, &mut side.windows, &mut bytes);
        while let Some(message) = side.windows.receive.recv() {
            black_box(&message.payload);
        }
        let mut out = Transmit::new();
        side.connection
            .poll_transmit(now, &mut side.windows, &mut out);
        black_box(out);
    }
}
