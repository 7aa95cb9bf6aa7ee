use std::sync::atomic::Ordering;
use std::time::Duration;

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Code, Kind};

use super::world::{World, receive_up_to, send, wait_for};
use crate::v3::Event;
use crate::{SendError, SessionError, State};

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_what_was_accepted() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let sender = client.sender().clone();
    let receipts: Vec<_> = (1..=100_u64)
        .map(|number| sender.try_enqueue(Kind::RAW, None, &Payload::Copied(&number.to_be_bytes())))
        .collect();
    world.network.cut();
    let reading = async {
        receive_up_to(server.receiver(), 1, 100).await;
        assert!(server.recv().await.unwrap().is_none());
    };
    let (closed, ()) = tokio::join!(client.close(), reading);
    closed.unwrap();
    for receipt in receipts {
        receipt.unwrap().await.unwrap();
    }
    assert_eq!(
        sender.send(Kind::RAW, None, Payload::Copied(b"late")).await,
        Err(SendError::Closed)
    );
    tokio::task::yield_now().await;
    assert_eq!(world.server.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_peer_is_told_why_a_session_was_closed() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let (mut sender, mut receiver) = client.split();
    let (server_sender, _server_receiver) = server.split();
    let closing = server_sender.close_with(Code::NOT_AUTHORIZED, "not you");
    let (closed, received) = tokio::join!(closing, receiver.recv());
    closed.unwrap();
    let error = received.unwrap_err();
    assert_eq!(
        error.to_string(),
        "session was closed by the peer: not-authorized (not you)"
    );
    let late = sender.send(Kind::RAW, None, Payload::Copied(b"late")).await;
    assert_eq!(late, Err(SendError::NotSent(error)));
    sender = sender.clone();
    assert!(matches!(
        *sender.state().borrow(),
        State::Closed { error: Some(_) }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_brings_what_it_accepted() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    send(client.sender(), 1).await;
    world.network.cut();
    let payload = 2_u64.to_be_bytes();
    let receipt = client
        .sender()
        .try_enqueue(Kind::RAW, None, &Payload::Copied(&payload));
    drop(client);
    receive_up_to(server.receiver(), 1, 2).await;
    receipt.unwrap().await.unwrap();
    assert!(server.recv().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_dropped_does_not_try_for_ever() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let start = tokio::time::Instant::now();
    let receipt = client
        .sender()
        .try_enqueue(Kind::RAW, None, &Payload::Copied(b"lost"));
    drop(client);
    let error = receipt.unwrap().await.unwrap_err();
    assert_eq!(error, SendError::Unacknowledged(SessionError::Abandoned));
    assert_eq!(start.elapsed(), Duration::from_secs(5));

    let mut events = server.events();
    drop(server);
    wait_for(&mut events, |event| matches!(event, Event::Closed { .. })).await;
    tokio::task::yield_now().await;
    assert_eq!(world.server.sessions(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_events_of_a_session_end_with_it_whoever_holds_it() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let mut events = server.events();
    let (closed, received) = tokio::join!(client.close(), server.recv());
    closed.unwrap();
    assert!(received.unwrap().is_none());
    wait_for(&mut events, |event| matches!(event, Event::Closed { .. })).await;
    let mut late = server.events();
    let ends = async { (events.recv().await, late.recv().await) };
    let ends = tokio::time::timeout(Duration::from_secs(1), ends).await;
    assert_eq!(ends, Ok((None, None)));
}

#[tokio::test(start_paused = true)]
async fn a_session_nobody_comes_back_to_expires() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    send(client.sender(), 1).await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let start = tokio::time::Instant::now();
    receive_up_to(server.receiver(), 1, 1).await;
    let error = server.recv().await.unwrap_err();
    assert!(matches!(error, SessionError::Expired { .. }), "{error:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(300));
    tokio::task::yield_now().await;
    assert_eq!(world.server.sessions(), 0);
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_shuts_down_brings_its_messages_to_their_end() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let mut events = client.events();
    let (_client_sender, mut client_receiver) = client.split();
    for number in 1..=10_u64 {
        let payload = number.to_be_bytes();
        let _receipt = server
            .sender()
            .try_enqueue(Kind::RAW, None, &Payload::Copied(&payload))
            .unwrap();
    }
    let hosting = world.server.clone();
    let limit = Duration::from_secs(10);
    assert_eq!(
        hosting.shut_down(limit, Some(Duration::from_secs(3))).await,
        0
    );
    receive_up_to(&mut client_receiver, 1, 10).await;
    assert!(server.recv().await.unwrap().is_none());
    wait_for(&mut events, |event| matches!(event, Event::Draining(_))).await;
    wait_for(
        &mut events,
        |event| matches!(event, Event::Detached { wait, .. } if *wait >= Duration::from_secs(3)),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_closed_server_session_refuses_the_client_that_comes_back() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let closing = tokio::spawn(server.close());
    tokio::time::sleep(Duration::from_secs(1)).await;
    world.network.is_down.store(false, Ordering::SeqCst);
    let (_sender, mut receiver) = client.split();
    assert_eq!(receiver.recv().await, Ok(None));
    closing.await.unwrap().unwrap();
}

#[test]
fn the_end_of_the_runtime_is_the_end_of_the_session() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().build().unwrap()
    };
    let first = runtime();
    let (client, server) = first.block_on(async {
        let mut world = World::new();
        world.pair().await
    });
    let second = runtime();
    drop(first);
    let (sender, mut receiver) = client.split();
    let sent = second.block_on(sender.send(Kind::RAW, None, Payload::Copied(b"late")));
    assert_eq!(sent, Err(SendError::NotSent(SessionError::Stopped)));
    let received = second.block_on(receiver.recv());
    assert_eq!(received, Err(SessionError::Stopped));
    assert_eq!(second.block_on(server.close()), Err(SessionError::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_long_for_a_server_that_has_taken_everything() {
    let mut world = World::new();
    let (client, _server) = world.pair().await;
    send(client.sender(), 1).await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let start = tokio::time::Instant::now();
    client.close().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(5));

    // With something in doubt it does wait, and tells.
    world.network.is_down.store(false, Ordering::SeqCst);
    let (client, _server) = world.pair().await;
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let payload = Payload::Copied(b"in doubt");
    let receipt = client.sender().try_enqueue(Kind::RAW, None, &payload);
    let start = tokio::time::Instant::now();
    let error = client.close().await.unwrap_err();
    assert!(matches!(error, SessionError::GaveUp { .. }), "{error:?}");
    assert_eq!(start.elapsed(), Duration::from_secs(120));
    receipt.unwrap().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_session_weakly_does_not_keep_it_open() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let weak = client.sender().downgrade();
    let sender = weak.upgrade().expect("the session is open");
    drop(client);
    // Another handle does keep it.
    send(&weak.upgrade().expect("it still is"), 1).await;
    receive_up_to(server.receiver(), 1, 1).await;
    drop(sender);
    assert!(weak.upgrade().is_none());
    assert!(server.recv().await.unwrap().is_none());
    // Nor is there anything to send by when it is over, whoever has a handle.
    let over = server.sender().downgrade();
    assert!(over.upgrade().is_none());
}
