//! Links that swallow everything: neither side is told, and the server keeps the old connection beside the new one.

use std::net::Ipv4Addr;
use std::time::Duration;

use korinet::{AckLevel, Server, Session};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{assert_gapless, message, number_of};
use korinet_tests::{v2_server, within};
use tokio::sync::{mpsc, oneshot, watch};

use super::quick;

/// Takes what sessions receive, where an old session stays open when the next one comes.
pub(super) async fn collect(server: Server, numbers: mpsc::UnboundedSender<u64>) {
    let mut old: Vec<Session> = Vec::new();
    let mut current = server.accept().await.unwrap();
    loop {
        tokio::select! {
            biased;
            message = current.recv() => match message {
                Ok(Some(message)) => numbers.send(number_of(&message)).unwrap(),
                Ok(None) | Err(_) => current = server.accept().await.unwrap(),
            },
            Some(next) = server.accept() => {
                // What the old connection brought was there before the client gave it up.
                loop {
                    tokio::select! {
                        biased;
                        Ok(Some(message)) = current.recv() => numbers.send(number_of(&message)).unwrap(),
                        () = std::future::ready(()) => break,
                    }
                }
                old.push(std::mem::replace(&mut current, next));
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_in_vain_connects_again_and_nothing_comes_twice() {
    const LAST: u64 = 40;
    let plans: Vec<Plan> = [Direction::ToServer, Direction::ToClient]
        .into_iter()
        .flat_map(|direction| {
            let places =
                (1..=3).flat_map(|frame| [Place::BeforeFrame(frame), Place::AfterFrame(frame)]);
            places.map(move |place| Plan::cut(direction, place, Cut::Silence).for_good())
        })
        .collect();
    let silences = plans.len() as u64;
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan(plans);
    let (numbers, mut collected) = mpsc::unbounded_channel();
    let collecting = tokio::spawn(collect(server, numbers));
    let client = quick().ack_timeout(Duration::from_millis(200));
    let session = client.connect(proxy.addr().to_string()).await.unwrap();
    for number in 1..=LAST {
        within("the acknowledgement", session.send(&message(number)))
            .await
            .unwrap();
    }
    let mut numbers = Vec::new();
    while numbers.last() != Some(&LAST) {
        numbers.push(within("a message", collected.recv()).await.unwrap());
    }
    assert_gapless(&numbers, LAST);
    assert_eq!((proxy.counts().silence, proxy.plans_left()), (silences, 0));
    collecting.abort();
}

/// An application that takes longer than the client waits, with connections that are sound.
#[tokio::test]
async fn a_client_that_waits_too_short_for_an_application_doubles_nothing() {
    let builder = v2_server().ack_level(AckLevel::Processed);
    let server = builder.bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let (in_hand, mut messages) = mpsc::unbounded_channel();
    let sessions = watch::Sender::new(0_u32);
    let mut connections = sessions.subscribe();
    let accepting = tokio::spawn(async move {
        loop {
            let mut session = server.accept().await.unwrap();
            sessions.send_modify(|count| *count += 1);
            let in_hand = in_hand.clone();
            tokio::spawn(async move {
                while let Ok(Some(message)) = session.recv().await {
                    let (done, is_done) = oneshot::channel();
                    in_hand.send((number_of(&message), done)).unwrap();
                    is_done.await.unwrap();
                    session.done(&message);
                }
            });
        }
    });
    let client = quick().ack_timeout(Duration::from_millis(100));
    let session = client.connect(addr).await.unwrap();
    let sending = tokio::spawn(async move {
        for number in 1..=3 {
            session.send(&message(number)).await.unwrap();
        }
        session
    });
    for number in 1..=3 {
        let (found, done) = within("a message", messages.recv()).await.unwrap();
        assert_eq!(found, number);
        let so_far = *connections.borrow_and_update();
        let again = connections.wait_for(|count| *count > so_far);
        within("the client to connect again", again).await.unwrap();
        done.send(()).unwrap();
    }
    within("the last acknowledgement", sending).await.unwrap();
    assert!(messages.try_recv().is_err(), "a message came again");
    accepting.abort();
}
