//! A conversation in which each direction carries every frame that it can, cut at each byte.

use std::sync::Arc;
use std::time::Duration;

use korinet::{Protocol, Receiver, Sender, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::over::Over;
use korinet_tests::within;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::client;

/// How many messages each side sends.
const MESSAGES: u64 = 4;
/// How many conversations go on at one time.
const AT_ONCE: usize = 16;

async fn send_all(sender: &Sender) {
    for number in 0..MESSAGES {
        // Some wait for their acknowledgement, some do not.
        match number % 2 {
            0 => sender.send(&number).await.unwrap(),
            _ => drop(sender.enqueue(&number).await.unwrap()),
        }
    }
}

async fn receive_all(receiver: &mut Receiver) {
    for expected in 0..MESSAGES {
        let message = receiver.recv().await.unwrap().expect("one more message");
        assert_eq!(message.decode::<u64>().unwrap(), expected);
        assert!(!message.is_redelivered());
    }
}

/// One conversation whose first connection goes by `plan`; the bytes of each direction.
async fn converse(over: Over, plan: Option<Plan>, keep_alive: Duration) -> (u64, u64, u64) {
    // A client of which nothing is heard is not to count as one of v2.
    let server = over.server(Server::builder().protocols(&[Protocol::V3]));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan(plan);
    let serving = tokio::spawn(async move {
        let session = server.accept().await.unwrap();
        let (sender, mut receiver) = session.split();
        tokio::join!(send_all(&sender), receive_all(&mut receiver));
        assert!(
            receiver.recv().await.unwrap().is_none(),
            "there was one too many"
        );
        // Who missed the last words comes back for them.
        (sender.stats().unwrap(), server)
    });
    let session = client(over)
        .keep_alive(keep_alive)
        .connect(proxy.addr().to_string())
        .await
        .unwrap();
    let (sender, mut receiver) = session.split();
    tokio::join!(send_all(&sender), receive_all(&mut receiver));
    sender.clone().close().await.unwrap();
    let (stats, _server) = serving.await.unwrap();
    assert_eq!(
        (stats.received, stats.settled, stats.lost),
        (MESSAGES, MESSAGES, 0)
    );
    let stats = sender.stats().unwrap();
    assert_eq!(
        (stats.received, stats.settled, stats.lost),
        (MESSAGES, MESSAGES, 0)
    );
    let counts = proxy.counts();
    (
        counts.bytes_to_server,
        counts.bytes_to_client,
        counts.cuts(),
    )
}

/// Cuts at every `step`-th byte of both directions; how often it was to be cut, and how often it was.
async fn sweep(over: Over, cut: Cut, step: usize, keep_alive: Duration) -> (u64, u64) {
    let (to_server, to_client, _) =
        within("a whole conversation", converse(over, None, keep_alive)).await;
    let limit = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (direction, len) in [
        (Direction::ToServer, to_server),
        (Direction::ToClient, to_client),
    ] {
        for byte in (0..len).step_by(step) {
            let plan = Plan::cut(direction, Place::Byte(byte), cut);
            let limit = Arc::clone(&limit);
            tasks.spawn(async move {
                let _permit = limit.acquire_owned().await.unwrap();
                let what = format!("a conversation cut by {cut:?} at byte {byte} {direction:?}");
                within(&what, converse(over, Some(plan), keep_alive))
                    .await
                    .2
            });
        }
    }
    let planned = u64::try_from(tasks.len()).unwrap();
    (planned, tasks.join_all().await.into_iter().sum())
}

/// Acknowledgements share writes as it happens, and on a busy machine there is a PING here and there, so the last bytes
/// of the longest conversation are not always there to be cut: at both ends, however few cuts there are.
fn assert_cut((planned, cut): (u64, u64)) {
    assert!(cut + planned / 10 + 2 >= planned, "{cut} cuts of {planned}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fin_at_every_byte() {
    assert_cut(sweep(Over::Plain, Cut::Fin, 1, Duration::from_secs(15)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_at_every_byte() {
    assert_cut(sweep(Over::Plain, Cut::Reset, 1, Duration::from_secs(15)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_at_some_bytes() {
    assert_cut(sweep(Over::Plain, Cut::Silence, 37, Duration::from_millis(100)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fin_at_every_byte_of_tls() {
    assert_cut(sweep(Over::Tls, Cut::Fin, 1, Duration::from_secs(15)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_at_every_byte_of_tls() {
    assert_cut(sweep(Over::Tls, Cut::Reset, 1, Duration::from_secs(15)).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_at_some_bytes_of_tls() {
    assert_cut(sweep(Over::Tls, Cut::Silence, 149, Duration::from_millis(100)).await);
}
