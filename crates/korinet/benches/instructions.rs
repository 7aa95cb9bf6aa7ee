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

use bytes::Bytes;
use korinet::minicbor::{self, Decode, Encode};
use korinet::{Client, Receiver, Sender, Server};

const SIZE: usize = 64;

type Case = fn(u64);

const CASES: [(&str, Case); 4] = [
    ("stream", stream),
    ("batches", batches),
    ("typed", typed),
    ("round-trip", round_trip),
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

/// A pair of sessions in one thread: the client's sender, the server's receiver.
fn between<S, R>(send: impl FnOnce(Sender) -> S, receive: impl FnOnce(Receiver) -> R)
where
    S: Future<Output = ()>,
    R: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        let addr = server.local_addr().unwrap().to_string();
        let client = Client::connect(addr);
        let (client, server) = tokio::join!(client, server.accept());
        let (sender, _unread) = client.unwrap().split();
        let (_unsent, receiver) = server.unwrap().split();
        tokio::join!(send(sender), receive(receiver));
    });
}

/// Raw bytes through both sessions, as fast as it goes.
fn stream(count: u64) {
    let payload = Bytes::from(vec![7; SIZE]);
    between(
        |sender| async move {
            for _ in 0..count {
                sender.feed_raw(payload.clone()).await.unwrap();
            }
            sender.flush().await.unwrap();
        },
        |mut receiver| async move {
            let mut messages = Vec::new();
            let mut left = count;
            while left > 0 {
                receiver.recv_many(&mut messages, 256).await.unwrap();
                for message in messages.drain(..) {
                    black_box(message.data());
                    left -= 1;
                }
            }
        },
    );
}

/// The same by the batch: many sent at once, and looked at where they are.
fn batches(count: u64) {
    let payloads = [[7; SIZE]; 64];
    between(
        |sender| async move {
            for _ in 0..count / 64 {
                sender.feed_many_raw(&payloads).await.unwrap();
            }
            sender.flush().await.unwrap();
        },
        |mut receiver| async move {
            let mut left = count / 64 * 64;
            while left > 0 {
                let batch = receiver.recv_batch(256).await.unwrap().unwrap();
                for message in batch.iter() {
                    black_box(message.data());
                    left -= 1;
                }
            }
        },
    );
}

#[derive(Encode, Decode)]
struct Reading {
    #[n(0)]
    number: u64,
    #[n(1)]
    data: minicbor::bytes::ByteVec,
}

/// The same with a derived type, one by one.
fn typed(count: u64) {
    let data = vec![7; SIZE].into();
    let mut reading = Reading { number: 0, data };
    between(
        |sender| async move {
            for number in 0..count {
                reading.number = number;
                sender.feed(&reading).await.unwrap();
            }
            sender.flush().await.unwrap();
        },
        |mut receiver| async move {
            for _ in 0..count {
                black_box(receiver.recv_as::<Reading>().await.unwrap());
            }
        },
    );
}

/// One message at a time, and its acknowledgement.
fn round_trip(count: u64) {
    let payload = Bytes::from(vec![7; SIZE]);
    between(
        |sender| async move {
            for _ in 0..count {
                sender.send_raw(payload.clone()).await.unwrap();
            }
        },
        |mut receiver| async move {
            for _ in 0..count {
                black_box(receiver.recv().await.unwrap());
            }
        },
    );
}
