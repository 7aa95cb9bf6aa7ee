use std::time::Duration;

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Code, Failure, FailureCode, Kind, Ran, Role};

use super::world::{World, number, send};
use crate::v3::driver::{Call, CallError, CallLimits, DriverConfig, Sender, Session};
use crate::v3::{Delivery, ServerConfig};

fn payload(bytes: &[u8]) -> Payload<'_> {
    Payload::Copied(bytes)
}

async fn call(sender: &Sender, bytes: &[u8]) -> Call {
    sender.call(true, payload(bytes)).await.unwrap()
}

/// The answer of a call that has no stream.
pub(super) async fn answer(call: &mut Call) -> Result<Delivery, CallError> {
    let answer = call.recv().await?.expect("there is one answer");
    assert_eq!(call.recv().await, Ok(None), "and nothing after it");
    Ok(answer)
}

/// Answers each request by its own payload.
pub(super) fn echo(session: &Session) -> tokio::task::JoinHandle<u64> {
    let mut requests = session.sender().requests();
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok(Some(request)) = requests.recv().await {
            count += 1;
            let bytes = request.request().message.payload.clone();
            let _ = request.respond(true, Payload::Shared(bytes)).await;
        }
        count
    })
}

fn code_of(delivery: &Delivery) -> FailureCode {
    assert_eq!(delivery.message.kind.role, Role::Error);
    Failure::decode(&delivery.message.payload).unwrap().code
}

async fn failure(sender: &Sender) -> FailureCode {
    let mut call = call(sender, b"?").await;
    code_of(&answer(&mut call).await.unwrap())
}

// V3-47
#[tokio::test(start_paused = true)]
async fn both_sides_ask_and_answer_at_the_same_time() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let answering = [echo(&client), echo(&server)];
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..2_000_u64 {
        let sender = if number % 2 == 0 {
            client.sender()
        } else {
            server.sender()
        };
        let sender = sender.clone();
        tasks.spawn(async move {
            let mut call = call(&sender, &number.to_be_bytes()).await;
            let answer = answer(&mut call).await.unwrap();
            assert_eq!(super::world::number(&answer), number);
        });
    }
    tasks.join_all().await;
    assert_eq!((client.stats().calls, server.stats().requests), (0, 0));
    client.close().await.unwrap();
    for answering in answering {
        assert_eq!(answering.await.unwrap(), 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_nobody_reads_do_not_hold_up_calls_nor_the_other_way_round() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let _answering = echo(&server);
    // The half of a window of messages lies unread.
    for number in 0..2_048 {
        send(client.sender(), number).await;
    }
    let mut first = call(client.sender(), b"now").await;
    assert_eq!(answer(&mut first).await.unwrap().message.payload, "now");
    for expected in 0..2_048 {
        assert_eq!(number(&server.recv().await.unwrap().unwrap()), expected);
    }
}

// V3-50
#[tokio::test(start_paused = true)]
async fn where_nobody_answers_the_error_says_that_it_did_not_run() {
    let mut world = World::new();
    let (client, mut server) = world.pair().await;
    let code = tokio::join!(failure(client.sender()), async {
        let reading = tokio::time::timeout(Duration::from_secs(1), server.recv());
        assert!(reading.await.is_err(), "a request is no message");
    });
    assert_eq!(code.0, FailureCode::UNHANDLED);
    assert_eq!(code.0.ran(), Ran::No);
    // The same where messages are read by the batch.
    let (other, mut batches) = world.pair().await;
    let (code, _) = tokio::join!(failure(other.sender()), async {
        let reading = batches.receiver().recv_batch(10);
        tokio::time::timeout(Duration::from_secs(1), reading)
            .await
            .is_err()
    });
    assert_eq!(code, FailureCode::UNHANDLED);
    // Whoever answers from now on does.
    let answering = echo(&server);
    let mut again = call(client.sender(), b"!").await;
    assert!(answer(&mut again).await.is_ok());
    answering.abort();
    let _ = answering.await;
    assert_eq!(failure(client.sender()).await, FailureCode::UNHANDLED);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_may_have_run() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let (code, ()) = tokio::join!(failure(client.sender()), async {
        drop(requests.recv().await.unwrap());
    });
    assert_eq!((code, code.ran()), (FailureCode::UNANSWERED, Ran::Maybe));
}

// V3-48
#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_is_given_up_at_the_other_side() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let given_up = call(client.sender(), b"long").await;
    let mut request = requests.recv().await.unwrap().unwrap();
    drop(given_up);
    request.given_up().await;
    assert_eq!(request.recv().await, Err(CallError::Stopped));
    assert_eq!(
        request.respond(true, payload(b"")).await,
        Err(CallError::Stopped)
    );
    // One that was not even taken is not seen at all.
    drop(call(client.sender(), b"short").await);
    let mut last = call(client.sender(), b"last").await;
    let (request, ()) = tokio::join!(requests.recv(), tokio::task::yield_now());
    let request = request.unwrap().unwrap();
    let seen = request.request().message.payload.clone();
    request.respond(true, payload(b"")).await.unwrap();
    answer(&mut last).await.unwrap();
    if seen == "short" {
        panic!("a request that was given up before it was taken is handed out");
    }
}

#[tokio::test(start_paused = true)]
async fn more_requests_than_are_allowed_wait_for_their_turn() {
    let limits = CallLimits {
        local: 3,
        ..CallLimits::default()
    };
    let driver = DriverConfig {
        calls: limits,
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let sender = client.sender().clone();
        tasks.spawn(async move {
            let mut call = call(&sender, b"x").await;
            answer(&mut call).await.unwrap();
        });
    }
    // Some of those who wait give up.
    for _ in 0..10 {
        let sender = client.sender().clone();
        let impatient =
            async move { tokio::time::timeout(Duration::ZERO, call(&sender, b"x")).await };
        tasks.spawn(async move { drop(impatient.await) });
    }
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(requests.recv().await.unwrap().unwrap());
        assert!(client.stats().calls <= 3, "{:?}", client.stats());
        if held.len() == 3 {
            assert_eq!(client.stats().calls, 3);
            for request in held.drain(..) {
                request.respond(true, payload(b"")).await.unwrap();
            }
        }
    }
    drop(held);
    drop(tasks);
}

// V3-47
#[tokio::test(start_paused = true)]
async fn more_requests_than_the_other_side_takes_are_refused_and_do_not_run() {
    let limits = CallLimits {
        local: 1_000,
        peer: 5,
        ..CallLimits::default()
    };
    let driver = DriverConfig {
        calls: limits,
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    let (client, server) = world.pair().await;
    let _requests = server.sender().requests();
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(call(client.sender(), b"x").await);
    }
    for busy in &mut calls[5..] {
        let code = code_of(&answer(busy).await.unwrap());
        assert_eq!((code, code.ran()), (FailureCode::BUSY, Ran::No));
    }
    assert_eq!(server.stats().requests, 5);
}

// V3-49
#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_its_reader_and_nothing_else_does() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let sender = client.sender().clone();
    let item = [7; 10_000];
    let sent = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&sent);
    let uploading = tokio::spawn(async move {
        let mut upload = call(&sender, b"upload").await;
        for _ in 0..500 {
            upload.send(true, payload(&item)).await.unwrap();
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
        upload.end().await.unwrap();
        answer(&mut upload).await.unwrap()
    });
    let mut request = requests.recv().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    // 64 KiB, and the item that goes over it.
    assert_eq!(sent.load(std::sync::atomic::Ordering::SeqCst), 7);
    let answering = tokio::spawn({
        let mut requests = requests.clone();
        async move {
            let ping = requests.recv().await.unwrap().unwrap();
            ping.respond(true, payload(b"pong")).await.unwrap();
        }
    });
    let mut ping = call(client.sender(), b"ping").await;
    assert_eq!(answer(&mut ping).await.unwrap().message.payload, "pong");
    answering.await.unwrap();
    let mut items = 0;
    while let Some(delivery) = request.recv().await.unwrap() {
        assert_eq!(delivery.message.payload, item[..]);
        items += 1;
    }
    assert_eq!(items, 500);
    request.respond(true, payload(b"thanks")).await.unwrap();
    assert_eq!(uploading.await.unwrap().message.payload, "thanks");
}

#[tokio::test(start_paused = true)]
async fn streams_go_both_ways_at_once_through_cuts() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let network = std::sync::Arc::clone(&world.network);
    let cutting = tokio::spawn(async move {
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(7)).await;
            network.cut();
        }
    });
    let mut requests = server.sender().requests();
    let serving = tokio::spawn(async move {
        let mut request = requests.recv().await.unwrap().unwrap();
        let mut next = 0_u64;
        while let Some(delivery) = request.recv().await.unwrap() {
            assert_eq!(number(&delivery), next);
            next += 1;
            let bytes = delivery.message.payload.clone();
            request.send(true, Payload::Shared(bytes)).await.unwrap();
        }
        request.end().await.unwrap();
        next
    });
    let mut call = call(client.sender(), b"both").await;
    let mut sent = 0_u64;
    let mut received = 0_u64;
    loop {
        if sent < 5_000 {
            // A pause now and then, so that the cuts fall into it.
            if sent.is_multiple_of(50) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            call.send(true, payload(&sent.to_be_bytes())).await.unwrap();
            sent += 1;
            if sent == 5_000 {
                call.end().await.unwrap();
            }
        }
        if sent > 100 {
            let delivery = call.recv().await.unwrap().unwrap();
            if delivery.message.kind.role == Role::End {
                break;
            }
            assert_eq!(number(&delivery), received);
            received += 1;
        }
    }
    assert_eq!((received, serving.await.unwrap()), (5_000, 5_000));
    assert!(client.stats().connections > 20, "{:?}", client.stats());
    cutting.abort();
}

// V3-48
#[tokio::test(start_paused = true)]
async fn who_wants_no_more_of_a_stream_says_so() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let mut upload = call(client.sender(), b"upload").await;
    upload.send(true, payload(b"one")).await.unwrap();
    let mut request = requests.recv().await.unwrap().unwrap();
    request.stop();
    let outcome = loop {
        match upload.send(true, payload(b"more")).await {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert_eq!(outcome, CallError::Stopped);
    assert_eq!(upload.end().await, Ok(()));
    request.respond(true, payload(b"enough")).await.unwrap();
    assert_eq!(answer(&mut upload).await.unwrap().message.payload, "enough");
}

// V3-49
#[tokio::test(start_paused = true)]
async fn who_sends_more_than_its_credit_loses_the_call_and_nothing_else() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let mut greedy = call(client.sender(), b"greedy").await;
    let mut request = requests.recv().await.unwrap().unwrap();
    let item = Kind {
        raw: true,
        own: true,
        ..Kind::of(Role::Item)
    };
    for _ in 0..3 {
        let sent = client
            .sender()
            .feed(item, Some(greedy.seq()), payload(&[0; 40_000]));
        sent.await.unwrap();
    }
    let code = code_of(&answer(&mut greedy).await.unwrap());
    assert_eq!(code, FailureCode::STREAM_BROKEN);
    let mut items = 0;
    let error = loop {
        match request.recv().await {
            Ok(Some(_)) => items += 1,
            Ok(None) => panic!("the stream did not end"),
            Err(error) => break error,
        }
    };
    assert_eq!((items, error), (2, CallError::Broken(Ran::Maybe)));
    drop(request);
    let _answering = tokio::spawn(async move {
        while let Ok(Some(request)) = requests.recv().await {
            let _ = request.respond(true, payload(b"")).await;
        }
    });
    let mut fine = call(client.sender(), b"fine").await;
    assert!(answer(&mut fine).await.is_ok());
    assert_eq!(client.stats().connections, 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_just_before_the_end_is_an_answer_and_without_one_it_may_have_run() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let mut requests = server.sender().requests();
    let mut answered = call(client.sender(), b"1").await;
    let mut open = call(client.sender(), b"2").await;
    let first = requests.recv().await.unwrap().unwrap();
    let second = requests.recv().await.unwrap().unwrap();
    first.respond(true, payload(b"done")).await.unwrap();
    server
        .sender()
        .clone()
        .close_with(Code::DONE, "")
        .await
        .unwrap();
    assert_eq!(answer(&mut answered).await.unwrap().message.payload, "done");
    assert_eq!(answer(&mut open).await, Err(CallError::Ended(Ran::Maybe)));
    second.given_up().await;
    let refused = client.sender().call(true, payload(b"3")).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(requests.recv().await.unwrap().is_none());
}

/// What this side owes and cannot send yet bounds what it takes; when there is room again, it goes on by itself.
#[tokio::test(start_paused = true)]
async fn refusals_that_wait_for_room_hold_up_requests_and_not_for_ever() {
    let limits = CallLimits {
        local: 1_000,
        peer: 2,
        ..CallLimits::default()
    };
    let driver = DriverConfig {
        calls: limits,
        ..DriverConfig::default()
    };
    let mut world = World::with(ServerConfig::default(), driver);
    let (mut client, server) = world.pair().await;
    let _requests = server.sender().requests();
    // Nobody reads what the server says, until its window is full, and then all is asked.
    while server
        .sender()
        .try_enqueue(Kind::RAW, None, &payload(b"unread"))
        .is_ok()
    {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut calls = Vec::new();
    for _ in 0..100 {
        calls.push(call(client.sender(), b"x").await);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let reading = async { while let Ok(Some(_)) = client.recv().await {} };
    let answering = async {
        for busy in &mut calls[2..] {
            assert_eq!(code_of(&answer(busy).await.unwrap()), FailureCode::BUSY);
        }
    };
    // Long before a keep-alive would make it go on.
    let answered = tokio::time::timeout(Duration::from_secs(5), async {
        tokio::select! {
            () = reading => panic!("the session goes on"),
            () = answering => {}
        }
    });
    answered.await.expect("all are answered");
}
