//! What a server does about clients that want too much of it, or acknowledge nothing.

use std::time::Duration;

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Code, Kind};

use super::world::{World, receive_up_to, send, wait_for};
use crate::v3::driver::{DriverConfig, Session};
use crate::v3::{Ending, Event, ServerConfig};
use crate::{ConnectionError, Limit, SessionError};

const KIB: usize = 1024;

/// A server with this much memory for all its sessions.
fn world(max_memory: u64) -> World {
    let config = ServerConfig {
        max_memory,
        ..ServerConfig::default()
    };
    World::with(config, DriverConfig::default())
}

#[tokio::test(start_paused = true)]
async fn a_connection_lasts_as_long_as_it_may_and_its_session_goes_on() {
    let age = Duration::from_secs(1000);
    let config = ServerConfig {
        max_connection_age: age,
        ..ServerConfig::default()
    };
    let mut world = World::with(config, DriverConfig::default());
    let (client, mut server) = world.pair().await;
    let mut events = server.events();
    for count in 1..=10 {
        let start = tokio::time::Instant::now();
        send(client.sender(), count).await;
        let told = wait_for(&mut events, |event| matches!(event, Event::Detached { .. })).await;
        let Event::Detached { reason, .. } = told else {
            unreachable!()
        };
        assert_eq!(reason, ConnectionError::Outdated);
        let lasted = start.elapsed();
        assert!(
            lasted >= age * 8 / 10 && lasted <= age * 11 / 10,
            "{lasted:?}"
        );
        wait_for(&mut events, |event| matches!(event, Event::Attached(_))).await;
    }
    receive_up_to(server.receiver(), 1, 10).await;
    assert_eq!(client.stats().connections, 11);
}

/// The application reads nothing, so from some message on nothing is acknowledged.
#[tokio::test(start_paused = true)]
async fn a_client_that_acknowledges_nothing_is_given_up_the_third_time() {
    let limit = Duration::from_secs(30);
    let driver = DriverConfig {
        stalled_after: Some(limit),
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    world.client_config.settings.limits.messages = 2;
    let (mut client, server) = world.pair().await;
    let mut events = server.events();
    for count in 1..=4 {
        let payload = u64::to_be_bytes(count);
        let sent = server
            .sender()
            .enqueue(Kind::RAW, None, Payload::Copied(&payload));
        drop(sent.await.unwrap());
    }
    let mut reasons = Vec::new();
    let why = loop {
        match events.recv().await.unwrap() {
            Event::Detached { reason, .. } => reasons.push(reason),
            Event::Closed { why, in_doubt } => {
                assert_eq!(in_doubt.len(), 2);
                break why;
            }
            Event::Attached(_) | Event::Connecting(_) | Event::Draining(_) | Event::Lost { .. } => {
            }
        }
    };
    assert_eq!(reasons, vec![ConnectionError::Stalled(limit); 2]);
    let stalled = SessionError::Stalled(ConnectionError::Stalled(limit));
    assert_eq!(why, Ending::Error(stalled));
    // What was taken is there all the same.
    receive_up_to(client.receiver(), 1, 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_acknowledges_now_and_then_is_not_given_up() {
    let limit = Duration::from_secs(30);
    let driver = DriverConfig {
        stalled_after: Some(limit),
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    world.client_config.settings.limits.messages = 1;
    let (mut client, server) = world.pair().await;
    let sender = server.sender().clone();
    let sending = tokio::spawn(async move {
        for count in 1..=20 {
            send(&sender, count).await;
        }
    });
    for count in 1..=20 {
        tokio::time::sleep(limit * 9 / 10).await;
        receive_up_to(client.receiver(), count, count).await;
    }
    sending.await.unwrap();
    assert_eq!(server.stats().connections, 1);
}

/// What the application sends to clients that do not read waits for them, and for nobody else.
#[tokio::test(start_paused = true)]
async fn sending_waits_for_memory_but_for_one_message() {
    let max = 288 * KIB as u64;
    let mut world = world(max);
    world.client_config.settings.limits.messages = 8;
    let payload = vec![0; 60 * KIB];
    let mut pairs = [world.pair().await, world.pair().await];
    let fill = |(_, server): &(Session, Session)| {
        let all = Payload::Copied(&payload);
        let sent = (0..).take_while(|_| server.sender().try_enqueue(Kind::RAW, None, &all).is_ok());
        sent.count()
    };
    let accepted = [fill(&pairs[0]), fill(&pairs[1])];
    // The first had its part of four fifths, the second its one message; the windows are far from full.
    assert_eq!(accepted, [3, 1]);
    let used = world.server.budget().used();
    assert!(used <= max + 64 * KIB as u64, "{used}");
    // The first one reads, and there is room again.
    let (client, server) = &mut pairs[0];
    for _ in 0..accepted[0] {
        client.receiver().recv().await.unwrap().unwrap();
    }
    let sent = server
        .sender()
        .enqueue(Kind::RAW, None, Payload::Copied(&payload));
    drop(sent.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_more_than_there_is_memory_for_is_disconnected_and_comes_back() {
    let max = 512 * KIB as u64;
    let mut world = world(max);
    let (client, mut server) = world.pair().await;
    let mut events = server.events();
    let sender = client.sender().clone();
    let sending = tokio::spawn(async move {
        for count in 1..=100_u64 {
            let mut payload = vec![0; 10 * KIB];
            payload[..8].copy_from_slice(&count.to_be_bytes());
            let sent = sender.enqueue(Kind::RAW, None, Payload::Copied(&payload));
            drop(sent.await.unwrap());
        }
    });
    let told = wait_for(&mut events, |event| matches!(event, Event::Detached { .. })).await;
    let Event::Detached { reason, .. } = told else {
        unreachable!()
    };
    let limit = Limit::Memory;
    assert_eq!(reason, ConnectionError::LimitReached { limit, max });
    let budget = world.server.budget().clone();
    assert!(budget.used() <= max, "{budget:?}");
    // There is nothing for others now.
    let refused = world.connect().await.unwrap_err().to_string();
    assert!(refused.contains("no connection"), "{refused}");
    for expected in 1..=100_u64 {
        let delivery = server.receiver().recv().await.unwrap().unwrap();
        assert_eq!(delivery.message.payload[..8], expected.to_be_bytes());
    }
    sending.await.unwrap();
    assert!(budget.peak() <= max, "{budget:?}");
    world.pair().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_session_had_is_given_back_with_it() {
    let mut world = World::new();
    let budget = world.server.budget().clone();
    let (client, server) = world.pair().await;
    send(client.sender(), 1).await;
    assert!(budget.used() > 0);
    let closed = tokio::spawn(client.sender().clone().close_with(Code::DONE, ""));
    drop(server);
    drop(client);
    let _ = closed.await.unwrap();
    while budget.used() > 0 {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
