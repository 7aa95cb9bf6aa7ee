use std::sync::atomic::Ordering;
use std::time::Duration;

use korinet_proto::Rate;
use korinet_proto::v3::Payload;
use korinet_wire::v3::{Kind, Level};

use super::world::{World, number, receive_up_to, send, wait_for};
use crate::v3::driver::{DriverConfig, Events, FirstConnect, Receipt, Session, WhenDetached};
use crate::v3::{Event, OnLost, ServerConfig};
use crate::{ConnectionError, SendError, SessionError, State};

#[tokio::test(start_paused = true)]
async fn messages_go_both_ways_and_are_acknowledged() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    send(client.sender(), 1).await;
    receive_up_to(server.receiver(), 1, 1).await;
    let (sender, mut receiver) = client.split();
    send(server.sender(), 1).await;
    receive_up_to(&mut receiver, 1, 1).await;
    let stats = sender.stats();
    assert_eq!((stats.sent, stats.settled, stats.received), (1, 1, 1));
    assert_eq!((stats.connections, stats.unacknowledged), (1, 0));
    assert_eq!(world.server.sessions(), 1);
}

#[tokio::test(start_paused = true)]
async fn cuts_at_any_moment_lose_and_double_nothing() {
    const COUNT: u64 = 20_000;
    let mut world = World::new();
    let budgets = (0..200).map(|cut| 1_000 + cut * 97 % 5_000);
    world.network.budgets.lock().unwrap().extend(budgets);
    let (client, server) = world.pair().await;
    let (client_sender, mut client_receiver) = client.split();
    let (server_sender, mut server_receiver) = server.split();
    let stats = client_sender.clone();
    let sending = |sender: crate::v3::driver::Sender| async move {
        let mut last = None;
        for number in 1..=COUNT {
            let payload = number.to_be_bytes();
            let accepted = sender.enqueue(Kind::RAW, None, Payload::Copied(&payload));
            last = Some(accepted.await.unwrap());
        }
        last.unwrap().await.unwrap();
    };
    tokio::join!(
        sending(client_sender),
        sending(server_sender),
        receive_up_to(&mut client_receiver, 1, COUNT),
        receive_up_to(&mut server_receiver, 1, COUNT),
    );
    let stats = stats.stats();
    assert_eq!(stats.connections, 201, "{stats:?}");
    assert!(stats.replayed > 0, "{stats:?}");
    assert_eq!(
        (stats.sent, stats.settled, stats.received),
        (COUNT, COUNT, COUNT)
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_noticed_and_left() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let mut events = client.events();
    send(client.sender(), 1).await;
    world.network.silence();
    let start = tokio::time::Instant::now();
    let receipt =
        client
            .sender()
            .try_enqueue(Kind::RAW, None, &Payload::Copied(&2_u64.to_be_bytes()));
    receipt.unwrap().await.unwrap();
    // Twice the interval, and the wait before the attempt.
    let took = start.elapsed();
    assert!((30..=31).contains(&took.as_secs()), "{took:?}");
    wait_for(&mut events, |event| {
        matches!(
            event,
            Event::Detached {
                reason: ConnectionError::Silent(_),
                ..
            }
        )
    })
    .await;
    receive_up_to(server.receiver(), 1, 2).await;
}

/// Another server takes the place of the first while a message, 7, is not acknowledged.
async fn lose_server(world: &mut World, client: &Session, events: &mut Events) -> Receipt {
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    wait_for(events, |event| matches!(event, Event::Detached { .. })).await;
    let payload = Payload::Copied(&7_u64.to_be_bytes());
    let accepted = client.sender().enqueue(Kind::RAW, None, payload);
    let receipt = accepted.await.unwrap();
    world.restart_server();
    world.network.is_down.store(false, Ordering::SeqCst);
    receipt
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgot_the_session_gets_the_unacknowledged_flagged() {
    let mut world = World::new();
    let (client, old) = world.pair().await;
    let mut events = client.events();
    let receipt = lose_server(&mut world, &client, &mut events).await;
    let mut new = world.incoming.accept().await.unwrap();
    let delivery = new.recv().await.unwrap().unwrap();
    assert_eq!(number(&delivery), 7);
    assert!(delivery.message.kind.redelivered);
    receipt.await.unwrap();
    wait_for(&mut events, |event| {
        matches!(event, Event::Lost { resent: 1, .. })
    })
    .await;
    assert_eq!(client.stats().lost, 1);
    drop(old);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sent_again_is_handed_back() {
    let mut world = World::new();
    world.client_config.on_lost = OnLost::Fresh;
    let (client, _old) = world.pair().await;
    send(client.sender(), 1).await;
    let mut events = client.events();
    let receipt = lose_server(&mut world, &client, &mut events).await;
    let error = receipt.await.unwrap_err();
    assert!(
        matches!(error, SendError::Unacknowledged(SessionError::Lost(_))),
        "{error:?}"
    );
    wait_for(&mut events, |event| {
        matches!(event, Event::Lost { in_doubt, .. }
            if in_doubt.iter().map(|it| it.ticket.0).eq([2]))
    })
    .await;
    let mut new = world.incoming.accept().await.unwrap();
    send(client.sender(), 8).await;
    let delivery = new.recv().await.unwrap().unwrap();
    assert_eq!(number(&delivery), 8);
}

#[tokio::test(start_paused = true)]
async fn the_first_attempt_fails_or_is_repeated_by_choice() {
    let mut world = World::new();
    world.network.is_down.store(true, Ordering::SeqCst);
    let error = world.connect().await.unwrap_err();
    assert!(matches!(error, SessionError::NotConnected(_)), "{error:?}");
    assert_eq!(world.network.dialled.load(Ordering::SeqCst), 1);

    world.driver.first_connect = FirstConnect::Retry;
    let network = world.network.clone();
    let later = async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        network.is_down.store(false, Ordering::SeqCst);
    };
    let (session, ()) = tokio::join!(world.connect(), later);
    session.unwrap();
    assert!(world.network.dialled.load(Ordering::SeqCst) > 3);

    world.network.is_down.store(true, Ordering::SeqCst);
    let error = world.connect().await.unwrap_err();
    assert!(matches!(error, SessionError::GaveUp { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn sends_without_a_connection_wait_or_fail_by_choice() {
    for (when_detached, seconds) in [
        (WhenDetached::Fail, 0),
        (WhenDetached::WaitFor(Duration::from_secs(3)), 3),
    ] {
        let driver = DriverConfig {
            when_detached,
            ..DriverConfig::default()
        };
        let mut world = World::with(ServerConfig::default(), driver);
        let (client, mut server) = world.pair().await;
        let mut state = client.state();
        world.network.is_down.store(true, Ordering::SeqCst);
        world.network.cut();
        let _ = state
            .wait_for(|state| *state != State::Attached)
            .await
            .unwrap();
        let start = tokio::time::Instant::now();
        let payload = Payload::Copied(&1_u64.to_be_bytes());
        let error = client
            .sender()
            .send(Kind::RAW, None, payload)
            .await
            .unwrap_err();
        assert_eq!(error, SendError::Detached);
        assert_eq!(start.elapsed().as_secs(), seconds);
        world.network.is_down.store(false, Ordering::SeqCst);
        let _ = state
            .wait_for(|state| *state == State::Attached)
            .await
            .unwrap();
        send(client.sender(), 2).await;
        receive_up_to(server.receiver(), 2, 2).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_resumes_at_once_wear_nothing_out() {
    let config = ServerConfig {
        resumes: Rate::UNLIMITED,
        take_overs: Rate::UNLIMITED,
        ..ServerConfig::default()
    };
    let mut world = World::with(config, DriverConfig::default());
    let (client, mut server) = world.pair().await;
    let mut events = client.events();
    for number in 1..=1000 {
        world.network.cut();
        wait_for(&mut events, |event| matches!(event, Event::Attached(_))).await;
        if number % 10 == 0 {
            send(client.sender(), number / 10).await;
        }
    }
    receive_up_to(server.receiver(), 1, 100).await;
    assert_eq!(world.server.sessions(), 1);
    let stats = client.stats();
    assert_eq!((stats.connections, stats.lost), (1001, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_replaced_again_and_again_ends_with_everything() {
    const COUNT: u64 = 400;
    let mut world = World::new();
    world.client_config.level = Level::Processed;
    let (client, mut server) = world.pair().await;
    let mut receipts = Vec::new();
    for number in 1..=COUNT {
        let payload = number.to_be_bytes();
        let accepted = client
            .sender()
            .enqueue(Kind::RAW, None, Payload::Copied(&payload));
        receipts.push(accepted.await.unwrap());
    }
    for moment in [1, 3, 11, 58, 131, 202, COUNT] {
        loop {
            let delivery = server.recv().await.unwrap().unwrap();
            server.finish(delivery.session, delivery.message.seq);
            if number(&delivery) == moment {
                break;
            }
        }
        if moment < COUNT {
            world.restart_server();
            server = world.incoming.accept().await.unwrap();
        }
    }
    for receipt in receipts {
        receipt.await.unwrap();
    }
    client.close().await.unwrap();
    assert!(server.recv().await.unwrap().is_none());
}
