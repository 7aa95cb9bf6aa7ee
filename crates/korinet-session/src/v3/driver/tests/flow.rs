use std::sync::atomic::Ordering;
use std::time::Duration;

use korinet_proto::v3::{Payload, PushError};
use korinet_wire::v3::{Kind, Level};

use super::world::{World, receive_up_to, send};
use crate::SendError;
use crate::v3::ServerConfig;
use crate::v3::driver::{DriverConfig, WhenDetached};

fn payload() -> Payload<'static> {
    Payload::Copied(&[7; 8])
}

#[tokio::test(start_paused = true)]
async fn an_application_that_does_not_read_fills_the_windows_and_no_more() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let mut accepted = 0_usize;
    let flooding = async {
        loop {
            let _receipt = client
                .sender()
                .enqueue(Kind::RAW, None, payload())
                .await
                .unwrap();
            accepted += 1;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(100), flooding).await;
    // One window taken, one window received, and the sender's own.
    let stats = (client.stats(), server.stats());
    assert_eq!(accepted, 2 * 4096, "{stats:?}");
    assert_eq!((stats.0.unacknowledged, stats.1.unread), (4096, 2 * 4096));
    // The connection is alive all the while.
    assert_eq!(stats.0.connections, 1);
    let full = client.sender().try_enqueue(Kind::RAW, None, &payload());
    assert!(matches!(full, Err(SendError::Push(PushError::Full { .. }))));
    for _ in 0..2 * 4096 {
        server.recv().await.unwrap().unwrap();
    }
    client
        .sender()
        .send(Kind::RAW, None, payload())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_is_served_in_turn() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender();
    while sender.try_enqueue(Kind::RAW, None, &payload()).is_ok() {}
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0_u64..100 {
        let sender = sender.clone();
        tasks.spawn(async move { send(&sender, number).await });
        tokio::task::yield_now().await;
    }
    let mut numbers = Vec::new();
    while numbers.len() < 100 {
        let delivery = server.recv().await.unwrap().unwrap();
        if delivery.message.payload != [7; 8][..] {
            numbers.push(super::world::number(&delivery));
        }
    }
    assert!(numbers.iter().copied().eq(0..100), "{numbers:?}");
    tasks.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_room_and_not_for_a_connection_is_told_of_a_loss() {
    let driver = DriverConfig {
        when_detached: WhenDetached::Fail,
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    let (client, _server) = world.pair().await;
    // The windows of both sides.
    for _ in 0..3 {
        let try_enqueue = || client.sender().try_enqueue(Kind::RAW, None, &payload());
        while try_enqueue().is_ok() {}
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let sender = client.sender().clone();
            tokio::spawn(async move { sender.enqueue(Kind::RAW, None, payload()).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Err(SendError::Detached)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_is_refused_where_it_is_sent() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = server.recv().await {} });
    let max = 1024 * 1024;
    for (len, fits) in [(max - 1, true), (max, true), (max + 1, false)] {
        let payload = vec![0; len];
        let sent = client
            .sender()
            .send(Kind::RAW, None, Payload::Copied(&payload))
            .await;
        assert_eq!(sent.is_ok(), fits, "{sent:?}");
        if let Err(error) = sent {
            assert_eq!(
                error.to_string(),
                "message has 1048577 bytes, the peer takes 1048576"
            );
        }
    }
    client.close().await.unwrap();
    reading.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn at_level_processed_the_application_acknowledges() {
    let mut world = World::new();
    world.client_config.level = Level::Processed;
    let (client, mut server) = world.pair().await;
    let receipt = client
        .sender()
        .try_enqueue(Kind::RAW, None, &payload())
        .unwrap();
    let delivery = server.recv().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(receipt.outcome(), None);
    server.finish(delivery.session, delivery.message.seq);
    receipt.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn volatile_payloads_arrive_or_are_dropped() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut volatile = server.volatile();
    assert!(client.sender().send_volatile(true, b"now").unwrap());
    assert_eq!(volatile.recv().await.unwrap().payload, "now");
    let mut state = client.state();
    world.network.cut();
    world.network.is_down.store(true, Ordering::SeqCst);
    let _ = state.changed().await;
    assert!(!client.sender().send_volatile(true, b"never").unwrap());
    client.close().await.unwrap();
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn an_answer_shares_the_write_with_the_acknowledgement() {
    let mut world = World::new();
    let (mut client, mut server) = world.pair().await;
    let echo = tokio::spawn(async move {
        while let Some(delivery) = server.recv().await.unwrap() {
            let answer = Payload::Shared(delivery.message.payload);
            let _receipt = server
                .sender()
                .enqueue(Kind::RAW, None, answer)
                .await
                .unwrap();
        }
    });
    for number in 1..=100 {
        let number = u64::to_be_bytes(number);
        let sent = client
            .sender()
            .enqueue(Kind::RAW, None, Payload::Copied(&number));
        let _receipt = sent.await.unwrap();
        receive_up_to(
            client.receiver(),
            u64::from_be_bytes(number),
            u64::from_be_bytes(number),
        )
        .await;
    }
    client.close().await.unwrap();
    echo.await.unwrap();
}
