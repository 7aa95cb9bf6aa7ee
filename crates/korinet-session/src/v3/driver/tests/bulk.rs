//! Many messages at once: without a receipt for each, and received by the batch.

use std::sync::atomic::Ordering;
use std::time::Duration;

use korinet_proto::v3::{Payload, PushError};
use korinet_wire::v3::Kind;

use super::world::{World, number, wait_for};
use crate::v3::{Event, OnLost};
use crate::{SendError, SessionError};

fn payload(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

#[tokio::test(start_paused = true)]
async fn what_is_fed_is_received_by_the_batch_and_flushed() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender().clone();
    let feeding = tokio::spawn(async move {
        for number in 0..20_000 {
            let bytes = payload(number);
            let fed = sender.feed(Kind::RAW, None, Payload::Copied(&bytes));
            fed.await.unwrap();
        }
        sender.flush().await.unwrap();
    });
    let mut numbers = Vec::new();
    let receiver = server.receiver();
    // One of them by itself now and then, so that some are taken ahead.
    while numbers.len() < 20_000 {
        let limit = numbers.len() % 300;
        let before = numbers.len();
        let count = receiver.recv_many(&mut numbers, limit, |it| number(&it));
        let count = count.await.unwrap();
        assert!(count <= limit && (count > 0 || limit == 0));
        assert_eq!(numbers.len(), before + count);
        if numbers.len() < 20_000 {
            numbers.push(number(&receiver.recv().await.unwrap().unwrap()));
        }
    }
    assert!(numbers.into_iter().eq(0..20_000));
    feeding.await.unwrap();
    let stats = client.stats();
    assert_eq!((stats.settled, stats.unacknowledged), (20_000, 0));
    client.close().await.unwrap();
    let mut more: Vec<u64> = Vec::new();
    let receiver = server.receiver();
    let count = receiver.recv_many(&mut more, 10, |it| number(&it)).await;
    assert_eq!((count.unwrap(), more.len()), (0, 0), "it is over");
}

#[tokio::test(start_paused = true)]
async fn many_are_fed_at_once_and_looked_at_where_they_are() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender().clone();
    let numbers: Vec<[u8; 8]> = (0..20_000).map(payload).collect();
    let feeding = tokio::spawn(async move {
        // More than a window at once.
        let payloads: Vec<&[u8]> = numbers.iter().map(|number| &number[..]).collect();
        sender.feed_many(Kind::RAW, &payloads).await.unwrap();
        sender.flush().await.unwrap();
    });
    let mut next = 0;
    let receiver = server.receiver();
    while next < 20_000 {
        let limit = usize::try_from(next).unwrap() % 7000;
        let batch = receiver.recv_batch(limit).await.unwrap();
        assert!(batch.len() <= limit && (limit == 0 || !batch.is_empty()));
        for message in batch.iter() {
            assert_eq!(message.payload, payload(next));
            assert_eq!(message.seq.get(), next + 1);
            next += 1;
        }
        if next < 20_000 {
            // One by itself, so that some are taken ahead.
            assert_eq!(number(&receiver.recv().await.unwrap().unwrap()), next);
            next += 1;
        }
    }
    feeding.await.unwrap();
    assert_eq!(server.stats().received, 20_000);
    client.close().await.unwrap();
    let batch = server.receiver().recv_batch(10).await.unwrap();
    assert!(batch.is_empty(), "it is over");
}

#[tokio::test(start_paused = true)]
async fn of_many_those_before_one_that_is_refused_are_sent() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let large = vec![7; 64 * 1024 * 1024];
    let (one, other) = (payload(1), payload(2));
    let payloads = [&one[..], &large, &other];
    let error = client.sender().feed_many(Kind::RAW, &payloads).await;
    assert!(
        matches!(error, Err(SendError::Push(PushError::TooLarge { .. }))),
        "{error:?}"
    );
    client
        .sender()
        .feed(Kind::RAW, None, Payload::Copied(&payload(3)))
        .await
        .unwrap();
    for expected in [1, 3] {
        let delivery = server.recv().await.unwrap().unwrap();
        assert_eq!(number(&delivery), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_flush_waits_for_the_acknowledgement() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender();
    while sender
        .try_feed(Kind::RAW, None, &Payload::Copied(&payload(1)))
        .is_ok()
    {}
    let full = sender.try_feed(Kind::RAW, None, &Payload::Copied(&payload(1)));
    assert!(matches!(full, Err(SendError::Push(PushError::Full { .. }))));
    // Nobody reads, so that the last window is not taken.
    tokio::time::sleep(Duration::from_secs(1)).await;
    while sender
        .try_feed(Kind::RAW, None, &Payload::Copied(&payload(1)))
        .is_ok()
    {}
    let flushing = tokio::time::timeout(Duration::from_secs(10), sender.flush());
    assert!(flushing.await.is_err());
    let reading = async { while server.recv().await.unwrap().is_some() {} };
    tokio::select! {
        () = reading => panic!("the session goes on"),
        flushed = sender.flush() => flushed.unwrap(),
    }
    assert_eq!(client.stats().unacknowledged, 0);
}

#[tokio::test(start_paused = true)]
async fn a_flush_tells_once_of_what_was_lost_without_a_receipt() {
    let mut world = World::new();
    world.client_config.on_lost = OnLost::Fresh;
    let (client, _old) = world.pair().await;
    let sender = client.sender();
    sender
        .feed(Kind::RAW, None, Payload::Copied(&payload(1)))
        .await
        .unwrap();
    sender.flush().await.unwrap();
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let mut events = client.events();
    wait_for(&mut events, |event| matches!(event, Event::Detached { .. })).await;
    sender
        .feed(Kind::RAW, None, Payload::Copied(&payload(2)))
        .await
        .unwrap();
    world.restart_server();
    world.network.is_down.store(false, Ordering::SeqCst);
    let mut new = world.incoming.accept().await.unwrap();
    sender
        .feed(Kind::RAW, None, Payload::Copied(&payload(3)))
        .await
        .unwrap();
    let error = sender.flush().await.unwrap_err();
    assert!(
        matches!(error, SendError::Unacknowledged(SessionError::Lost(_))),
        "{error:?}"
    );
    sender.flush().await.unwrap();
    assert_eq!(number(&new.recv().await.unwrap().unwrap()), 3);
}
