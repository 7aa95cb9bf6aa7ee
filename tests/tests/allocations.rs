//! What the hot path of protocol v3 costs in memory: nothing for a message, a little for a batch.

#![allow(clippy::print_stdout, reason = "the figure")]
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use korinet::{Client, Group, Server, Session};
use korinet_proto::v3::{
    Agreed, Connection, Payload, ReceiveWindow, SendWindow, Transmit, Windows,
};
use korinet_tests::measure::one_thread;
use korinet_wire::v3::{Kind, Level, Limits};

const LIMITS: Limits = Limits {
    messages: 4096,
    bytes: 1 << 20,
    message: 1 << 20,
};

struct Side {
    windows: Windows,
    connection: Connection,
    /// What was read and not handled yet, as the driver of a socket keeps it.
    input: BytesMut,
    out: Transmit,
}

impl Side {
    fn new(now: Instant) -> Self {
        let mut windows = Windows {
            send: SendWindow::new(LIMITS, true),
            receive: ReceiveWindow::new(LIMITS, Level::Received, true),
        };
        let agreed = Agreed {
            keep_alive: Duration::from_secs(15),
            max_message: LIMITS.message,
            max_control_frames: Connection::MAX_CONTROL_FRAMES,
        };
        Self {
            connection: Connection::new(now, &agreed, &mut windows),
            windows,
            input: BytesMut::with_capacity(64 * 1024),
            out: Transmit::new(),
        }
    }

    /// Writes all that there is to write to the other side, as a socket would: by copying.
    fn write_to(&mut self, now: Instant, peer: &mut Self) {
        self.connection
            .poll_transmit(now, &mut self.windows, &mut self.out);
        while self.out.has_remaining() {
            let chunk = self.out.chunk();
            peer.input.reserve(chunk.len());
            peer.input.extend_from_slice(chunk);
            let len = chunk.len();
            self.out.advance(len);
        }
        peer.connection
            .handle_bytes(now, &mut peer.windows, &mut peer.input);
    }
}

/// Sends batches of messages there and their acknowledgement back.
fn exchange(now: Instant, client: &mut Side, server: &mut Side, batches: usize, batch: usize) {
    for _ in 0..batches {
        for _ in 0..batch {
            let payload = Payload::Copied(&[7; 64]);
            client
                .windows
                .send
                .push(Kind::RAW, None, payload)
                .expect("room");
        }
        client.write_to(now, server);
        for _ in 0..batch {
            let message = server.windows.receive.recv().expect("it arrived");
            assert_eq!(message.payload.len(), 64);
        }
        server.write_to(now, client);
        assert!(client.windows.send.is_empty(), "all is acknowledged");
    }
}

#[test]
fn a_message_costs_no_allocation() {
    const BATCHES: usize = 1000;
    const BATCH: usize = 100;
    let now = Instant::now();
    let (mut client, mut server) = (Side::new(now), Side::new(now));
    exchange(now, &mut client, &mut server, 20, BATCH);
    let measured = allocation_counter::measure(|| {
        exchange(now, &mut client, &mut server, BATCHES, BATCH);
    });
    assert_eq!(client.connection.end(), None);
    // Buffers are shared between writer, replay and reader, and one is made anew when it is still
    // held somewhere: for a batch, never for a message.
    assert!(
        measured.count_total <= 10 * BATCHES as u64,
        "{}",
        measured.count_total
    );
    let held = i128::from(measured.count_current);
    assert!(
        held.abs() <= 16,
        "{held} more allocations are held than before"
    );
}

async fn pair() -> (Server, Session, Session) {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let (client, accepted) = tokio::join!(Client::connect(addr), server.accept());
    (server, client.unwrap(), accepted.unwrap())
}

const MESSAGE: &[u8] = &[7; 64];

/// Sends so many messages there, and waits until they are acknowledged.
async fn stream(client: &Session, server: &mut Session, count: usize) {
    let sending = async {
        let sender = client.sender();
        for _ in 0..count {
            sender.feed_raw(MESSAGE).await.unwrap();
        }
        sender.flush().await.unwrap();
    };
    let receiving = async {
        let mut messages = Vec::with_capacity(256);
        let mut came = 0;
        while came < count {
            came += server.recv_many(&mut messages, 256).await.unwrap();
            assert!(messages.drain(..).all(|message| message.data() == MESSAGE));
        }
        assert_eq!(came, count);
    };
    tokio::join!(sending, receiving);
}

/// Client and server on one thread, over TCP: all that both do is counted.
#[test]
fn a_message_costs_an_application_no_allocation_either() {
    const MESSAGES: usize = 100_000;
    let runtime = one_thread();
    let (_listening, client, mut server) = runtime.block_on(pair());
    runtime.block_on(stream(&client, &mut server, MESSAGES));
    let measured = allocation_counter::measure(|| {
        runtime.block_on(stream(&client, &mut server, MESSAGES));
    });
    let count = measured.count_total;
    assert!(count > 0, "nothing was counted");
    // For reads and writes, which take hundreds of messages each.
    assert!(
        count <= MESSAGES as u64 / 20,
        "{count} allocations for {MESSAGES} messages"
    );
}

/// A large message to many is in memory once.
#[test]
fn a_large_message_to_a_group_is_not_copied_for_its_members() {
    const MEMBERS: usize = 50;
    const SIZE: usize = 256 * 1024;
    let runtime = one_thread();
    let group = Group::new();
    let sessions: Vec<_> = (0..MEMBERS).map(|_| runtime.block_on(pair())).collect();
    let members: Vec<_> = sessions
        .iter()
        .map(|(_, _, session)| group.join(session.sender()).unwrap())
        .collect();
    let blob = "x".repeat(SIZE);
    let measured = allocation_counter::measure(|| {
        let report = group.send(&blob).unwrap();
        assert_eq!(report.accepted, MEMBERS);
    });
    let bytes = measured.bytes_total;
    println!(
        "{} allocations, {bytes} bytes, for {SIZE} bytes to {MEMBERS} members",
        measured.count_total
    );
    // Encoding makes room as it goes, up to twice the message, and what grew is counted too.
    assert!(bytes >= u64::try_from(SIZE).unwrap(), "nothing was counted");
    assert!(bytes <= 5 * u64::try_from(SIZE).unwrap(), "{bytes} bytes");
    drop(members);
}
