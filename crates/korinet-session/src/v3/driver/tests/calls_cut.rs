use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use korinet_proto::v3::Payload;
use korinet_wire::v3::{Ran, Role};

use super::calls::{answer, echo};
use super::world::{World, wait_for};
use crate::v3::driver::{CallError, Session};
use crate::v3::{Event, OnLost};

/// How many bytes a connection has to carry, at least, that is not cut within a call.
const ENOUGH: usize = 1_200;

/// A call with a stream each way, of three items each: how many came back.
async fn exchange(client: &Session) -> Result<usize, CallError> {
    let mut call = client
        .sender()
        .call(true, Payload::Copied(b"items"))
        .await?;
    for item in 0..3_u8 {
        call.send(true, Payload::Copied(&[item; 40])).await?;
    }
    call.end().await?;
    let mut items = 0;
    loop {
        let delivery = call.recv().await?.expect("the end comes first");
        if delivery.message.kind.role == Role::End {
            return Ok(items);
        }
        assert_eq!(delivery.message.kind.role, Role::Item);
        items += 1;
    }
}

/// Answers exchanges; how many ran.
fn serve(session: &Session, ran: &Arc<AtomicU64>) {
    let mut requests = session.sender().requests();
    let ran = Arc::clone(ran);
    tokio::spawn(async move {
        while let Ok(Some(mut request)) = requests.recv().await {
            ran.fetch_add(1, Ordering::SeqCst);
            loop {
                match request.recv().await {
                    Ok(Some(item)) => {
                        let bytes = item.message.payload.clone();
                        if request.send(true, Payload::Shared(bytes)).await.is_err() {
                            break;
                        }
                    }
                    Ok(None) => {
                        let _ = request.end().await;
                        break;
                    }
                    Err(_) => break,
                }
            }
        }
    });
}

/// A call whose connection is cut after each number of bytes, of both directions together, completes once.
#[tokio::test(start_paused = true)]
async fn a_call_cut_at_every_byte_completes_once() {
    let mut cuts = 0;
    for budget in 1..ENOUGH {
        let mut world = World::new();
        world.network.budgets.lock().unwrap().push_back(budget);
        world.driver.first_connect = crate::v3::FirstConnect::Retry;
        let (client, server) = world.pair().await;
        let ran = Arc::new(AtomicU64::new(0));
        serve(&server, &ran);
        assert_eq!(exchange(&client).await, Ok(3), "cut after {budget} bytes");
        assert_eq!(ran.load(Ordering::SeqCst), 1, "cut after {budget} bytes");
        cuts += client.stats().connections - 1;
        client.close().await.unwrap();
    }
    // The first cuts fall into the handshake, and the last ones come too late for the call.
    assert!(cuts > 350, "{cuts} calls were cut");
}

/// The same where the server is another one after the cut: what the error says of the call is true.
#[tokio::test(start_paused = true)]
async fn a_call_whose_session_is_lost_at_every_byte_says_truly_whether_it_ran() {
    for on_lost in [OnLost::Resend, OnLost::Fresh, OnLost::Fail] {
        let mut outcomes = BTreeMap::new();
        for budget in 1..ENOUGH {
            let mut world = World::new();
            world.client_config.on_lost = on_lost;
            world.driver.first_connect = crate::v3::FirstConnect::Retry;
            world.network.budgets.lock().unwrap().push_back(budget);
            let (client, server) = world.pair().await;
            let ran = Arc::new(AtomicU64::new(0));
            serve(&server, &ran);
            let mut events = client.events();
            let (outcome, ()) = tokio::join!(exchange(&client), async {
                let gone = wait_for(&mut events, |event| matches!(event, Event::Detached { .. }));
                tokio::select! {
                    _ = gone => world.restart_server(),
                    // The cut has come before, or comes too late.
                    () = tokio::time::sleep(std::time::Duration::from_secs(100)) => {}
                }
            });
            let runs = ran.load(Ordering::SeqCst);
            let told = match &outcome {
                Ok(items) => {
                    assert_eq!((*items, runs), (3, 1), "cut after {budget} bytes");
                    "completed"
                }
                Err(error) if error.ran() == Ran::No => {
                    assert_eq!(runs, 0, "cut after {budget} bytes: {error}");
                    "did not run"
                }
                Err(error) => {
                    assert_eq!(error.ran(), Ran::Maybe, "{error}");
                    assert!(runs <= 1, "cut after {budget} bytes: {error}");
                    "may have run"
                }
            };
            *outcomes.entry((told, runs)).or_insert(0) += 1;
        }
        for wanted in [("may have run", 0), ("may have run", 1), ("completed", 1)] {
            assert!(outcomes.contains_key(&wanted), "{on_lost:?}: {outcomes:?}");
        }
    }
}

/// V3-51: what a lost session had of calls is not sent to the next one, and what was numbered after it arrives all the same.
#[tokio::test(start_paused = true)]
async fn requests_of_a_lost_session_are_not_sent_again_and_messages_are() {
    let mut world = World::new();
    let (client, _server) = world.pair().await;
    world.network.silence();
    let sender = client.sender();
    let mut first = sender.call(true, Payload::Copied(b"1")).await.unwrap();
    let message = sender
        .enqueue(
            korinet_wire::v3::Kind::RAW,
            None,
            Payload::Copied(b"message"),
        )
        .await
        .unwrap();
    let mut second = sender.call(true, Payload::Copied(b"2")).await.unwrap();
    world.restart_server();
    let mut server = world.incoming.accept().await.unwrap();
    let _answering = echo(&server);
    let delivery = server.recv().await.unwrap().unwrap();
    assert_eq!(delivery.message.payload, "message");
    assert!(delivery.message.kind.redelivered);
    message.await.unwrap();
    for lost in [&mut first, &mut second] {
        let error = answer(lost).await.unwrap_err();
        assert!(matches!(error, CallError::Lost { .. }), "{error:?}");
    }
    let mut third = sender.call(true, Payload::Copied(b"3")).await.unwrap();
    assert_eq!(answer(&mut third).await.unwrap().message.payload, "3");
    assert_eq!(server.stats().requests, 0);
}

/// Of a request that was never written it is known that it did not run.
#[tokio::test(start_paused = true)]
async fn a_request_that_no_connection_carried_did_not_run() {
    let mut world = World::new();
    let (client, server) = world.pair().await;
    let _answering = echo(&server);
    world.network.is_down.store(true, Ordering::SeqCst);
    world.network.cut();
    let mut events = client.events();
    wait_for(&mut events, |event| matches!(event, Event::Detached { .. })).await;
    let sender = client.sender();
    let mut unwritten = sender.call(true, Payload::Copied(b"1")).await.unwrap();
    world.restart_server();
    world.network.is_down.store(false, Ordering::SeqCst);
    let error = answer(&mut unwritten).await.unwrap_err();
    assert!(
        matches!(error, CallError::Lost { ran: Ran::No, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("did not run"), "{error}");
}
