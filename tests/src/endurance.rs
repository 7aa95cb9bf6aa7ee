//! A long conversation over links that break all the time, compared by its digests.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;
use korinet::{Client, FirstConnect, Receiver, Sender, Server, Stats};
use korinet_chaos::{Counts, Faults, Proxy};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use crate::measure::idle::resident;
use crate::over::Over;

/// What to go through.
#[derive(Debug, Clone, Copy)]
pub struct Ordeal {
    /// How many messages each side sends.
    pub messages: u64,
    /// After how many bytes a connection is cut, on average.
    pub bytes_between_cuts: NonZeroU64,
    /// Everything that is drawn follows from it.
    pub seed: u64,
    /// What the session goes over.
    pub over: Over,
}

/// How it went.
#[derive(Debug)]
pub struct Survived {
    /// The client's.
    pub client: Stats,
    /// The server's.
    pub server: Stats,
    /// The proxy's.
    pub faults: Counts,
    /// The memory of the process, in bytes, after a tenth of the messages, and the most after that.
    pub resident: (u64, u64),
}

/// A digest of everything that was sent, or received, in order.
type Sum = [u8; 32];

/// Goes through it.
///
/// # Panics
///
/// What was delivered is not what was sent.
pub async fn survive(ordeal: Ordeal) -> Survived {
    let server = ordeal.over.server(Server::builder());
    let server = server.bind("127.0.0.1:0").await.expect("a port is free");
    let target = server.local_addr().expect("it is TCP");
    let faults = Faults::new(ordeal.seed).cut_at_random(ordeal.bytes_between_cuts);
    let local: SocketAddr = "127.0.0.1:0".parse().expect("it is an address");
    let proxy = Proxy::bind(local, target, faults).await;
    let proxy = proxy.expect("a port is free");
    let client = ordeal
        .over
        .client(Client::builder())
        .first_connect(FirstConnect::Retry)
        // A link that went silent is left soon.
        .keep_alive(Duration::from_millis(100))
        // So is one that went silent before there was a session to keep alive.
        .connect_timeout(Duration::from_millis(300))
        .backoff(Duration::from_micros(100), Duration::from_millis(5));
    let client = client.connect(proxy.addr().to_string()).await;
    let client = client.expect("it comes through in time");
    let accepted = server.accept().await.expect("it is open");
    let (client_sender, client_receiver) = client.split();
    let (server_sender, server_receiver) = accepted.split();
    let Ordeal { messages, seed, .. } = ordeal;
    let sizes = |salt: u64| Xoshiro256PlusPlus::seed_from_u64(seed ^ salt);
    let (from_client, from_server, at_server, at_client, resident) = tokio::join!(
        tokio::spawn(send(client_sender.clone(), sizes(1), messages)),
        tokio::spawn(send(server_sender.clone(), sizes(2), messages)),
        tokio::spawn(receive(server_receiver, messages)),
        tokio::spawn(receive(client_receiver, messages)),
        watch_memory(&server_sender, messages),
    );
    assert_eq!(from_client.expect("no panic"), at_server.expect("no panic"));
    assert_eq!(from_server.expect("no panic"), at_client.expect("no panic"));
    let stats = |sender: &Sender| sender.stats().expect("it is of v3");
    Survived {
        client: stats(&client_sender),
        server: stats(&server_sender),
        faults: proxy.counts(),
        resident,
    }
}

/// Sends messages of all sizes up to 1 KiB, each beginning with its number; ends when all are acknowledged.
async fn send(sender: Sender, mut random: Xoshiro256PlusPlus, messages: u64) -> Sum {
    let mut sum = Sha256::new();
    let mut last = None;
    for number in 0..messages {
        let len = 8 + usize::try_from(random.next_u64() % 1017).expect("it is small");
        let mut bytes = vec![0; len];
        random.fill_bytes(&mut bytes);
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        sum.update(&bytes);
        let accepted = sender.enqueue_raw(Bytes::from(bytes)).await;
        last = Some(accepted.expect("the session goes on"));
    }
    if let Some(last) = last {
        last.await.expect("the session goes on");
    }
    sum.finalize().into()
}

async fn receive(mut receiver: Receiver, messages: u64) -> Sum {
    let mut sum = Sha256::new();
    for expected in 0..messages {
        let message = receiver.recv().await.expect("the session goes on");
        let message = message.expect("there is one more");
        assert!(!message.is_redelivered());
        let number = message
            .data()
            .first_chunk()
            .map(|it| u64::from_be_bytes(*it));
        assert_eq!(number, Some(expected), "lost, doubled or out of order");
        sum.update(message.data());
    }
    sum.finalize().into()
}

/// The process's memory after a tenth of the messages, and the most from then to the end.
async fn watch_memory(sender: &Sender, messages: u64) -> (u64, u64) {
    let sent = || sender.stats().map_or(0, |stats| stats.settled);
    while sent() < messages / 10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let early = resident();
    let mut most = early;
    while sent() < messages {
        tokio::time::sleep(Duration::from_millis(10)).await;
        most = most.max(resident());
    }
    (early, most)
}
