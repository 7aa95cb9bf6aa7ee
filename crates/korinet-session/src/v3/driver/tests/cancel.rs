//! Every public async function, given up at each of its await points.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use korinet_proto::v3::Payload;
use korinet_wire::v3::Kind;

use super::world::{World, number, receive_up_to, send};

/// Polls a future up to `polls` times, and lets everything else run in between; what came of it.
async fn poll_times<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_given_up_is_sent_once_or_not_at_all() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let mut given_up = 0;
    for polls in 0..6 {
        let payload = u64::try_from(polls).unwrap().to_be_bytes();
        let send = client
            .sender()
            .send(Kind::RAW, None, Payload::Copied(&payload));
        let done = poll_times(send, polls).await;
        given_up += u32::from(done.is_none());
        if polls > 0 {
            // Accepted with the first poll.
            let delivery = server.recv().await.unwrap().unwrap();
            assert_eq!(number(&delivery), u64::try_from(polls).unwrap());
        }
    }
    assert!(given_up >= 2, "no future was given up while it waited");
    send(client.sender(), 99).await;
    let delivery = server.recv().await.unwrap().unwrap();
    assert_eq!(number(&delivery), 99, "nothing came twice");
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_given_up_while_it_waits_for_room_leaves_its_place() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender();
    let mut filled = 0_u64;
    loop {
        let full = sender.try_enqueue(Kind::RAW, None, &Payload::Copied(&filled.to_be_bytes()));
        if full.is_err() {
            break;
        }
        filled += 1;
        tokio::task::yield_now().await;
    }
    for polls in 0..4 {
        let payload = 1_000_000_u64.to_be_bytes();
        let waiting = sender.enqueue(Kind::RAW, None, Payload::Copied(&payload));
        assert!(poll_times(waiting, polls).await.is_none());
    }
    // One that waits behind a place that is given up just when it is its turn.
    let payload = 1_000_001_u64.to_be_bytes();
    let mut first = Box::pin(sender.enqueue(Kind::RAW, None, Payload::Copied(&payload)));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut cx).is_pending());
    let second = tokio::spawn({
        let sender = sender.clone();
        async move { send(&sender, filled).await }
    });
    tokio::task::yield_now().await;
    let half = filled / 2;
    receive_up_to(server.receiver(), 0, half).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(first);
    receive_up_to(server.receiver(), half + 1, filled).await;
    second.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_recv_that_is_given_up_loses_no_message() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    for polls in 0..6 {
        assert!(poll_times(server.recv(), polls).await.is_none());
        let value = u64::try_from(polls).unwrap();
        send(client.sender(), value).await;
        receive_up_to(server.receiver(), value, value).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_given_up_changes_nothing() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    for polls in 0..3 {
        let value = u64::try_from(polls).unwrap();
        let payload = value.to_be_bytes();
        let receipt = client
            .sender()
            .try_enqueue(Kind::RAW, None, &Payload::Copied(&payload))
            .unwrap();
        let _ = poll_times(receipt, polls).await;
        receive_up_to(server.receiver(), value, value).await;
    }
    let inner = client.sender().shared().lock();
    assert_eq!(
        (
            inner.receipt_count.load(Ordering::Relaxed),
            inner.receipts.len()
        ),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_volatile_recv_that_is_given_up_leaves_the_payload_to_another() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let (mut first, mut second) = (server.volatile(), server.volatile());
    let mut waiting = Box::pin(first.recv());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut cx).is_pending());
    let other = tokio::spawn(async move { second.recv().await });
    tokio::task::yield_now().await;
    assert!(client.sender().send_volatile(true, b"one").unwrap());
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    drop(waiting);
    assert_eq!(other.await.unwrap().unwrap().payload, "one");
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_given_up_closes_all_the_same() {
    for polls in 0..4 {
        let mut world = World::new();
        let (client, mut server) = world.pair().await;
        let payload = 5_u64.to_be_bytes();
        let receipt = client
            .sender()
            .try_enqueue(Kind::RAW, None, &Payload::Copied(&payload))
            .unwrap();
        let _ = poll_times(client.close(), polls).await;
        receive_up_to(server.receiver(), 5, 5).await;
        receipt.await.unwrap();
        assert!(server.recv().await.unwrap().is_none(), "{polls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_that_is_given_up_leaves_nothing_behind() {
    let mut finished = 0;
    for polls in 0..6 {
        let mut world = World::new();
        let session = poll_times(world.connect(), polls).await;
        finished += u32::from(session.is_some());
        drop(session);
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        assert_eq!(world.server.sessions(), 0, "{polls}");
    }
    assert!(finished > 0);
}

#[tokio::test(start_paused = true)]
async fn an_accept_that_is_given_up_loses_no_session() {
    let mut world = World::new();
    for polls in 0..4 {
        assert!(poll_times(world.incoming.accept(), polls).await.is_none());
        let (client, _server) = world.pair().await;
        send(client.sender(), 1).await;
    }
}
