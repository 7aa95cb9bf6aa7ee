//! Both sides send at the same time: each tells the other's message from the acknowledgement that it waits for.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::net::Ipv4Addr;
use std::sync::Arc;

use korinet::raw::Raw;
use korinet::{Message, Session, Value};
use korinet_tests::numbered::{assert_gapless, message, number_of};
use korinet_tests::{v2_client, v2_server, within};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, watch};

/// A client and the server's session with it.
async fn pair() -> (Session, Session) {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = v2_client()
        .connect(server.local_addr().unwrap().to_string())
        .await
        .unwrap();
    (
        client,
        within("the connection", server.accept()).await.unwrap(),
    )
}

async fn recv(session: &mut Session) -> Message {
    within("a message", session.recv())
        .await
        .unwrap()
        .expect("a message and not the end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_that_start_each_round_together() {
    const ROUNDS: u64 = 300;
    let (client, server) = pair().await;
    let barrier = Arc::new(Barrier::new(2));
    let play = |mut session: Session| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            let mut numbers = Vec::new();
            for round in 1..=ROUNDS {
                barrier.wait().await;
                within("the acknowledgement", session.send(&message(round)))
                    .await
                    .unwrap();
                numbers.push(number_of(&recv(&mut session).await));
            }
            assert_gapless(&numbers, ROUNDS);
            // Not before the other side has its last acknowledgement.
            barrier.wait().await;
        })
    };
    let (client, server) = (play(client), play(server));
    client.await.unwrap();
    server.await.unwrap();
}

/// Nobody reads while both send, up to what the receive queues take.
#[tokio::test]
async fn peers_that_only_read_afterwards() {
    const EACH: u64 = 16;
    let (mut client, mut server) = pair().await;
    for number in 1..=EACH {
        let message = message(number);
        let sent = async { tokio::join!(client.send(&message), server.send(&message)) };
        let sent = within("both acknowledgements", sent).await;
        assert_eq!(sent, (Ok(()), Ok(())));
    }
    for number in 1..=EACH {
        assert_eq!(number_of(&recv(&mut client).await), number);
        assert_eq!(number_of(&recv(&mut server).await), number);
    }
}

/// Both fill the other's receive queue and wait for room in it, and only then does anybody read.
#[tokio::test]
async fn peers_whose_queues_are_full_go_on_when_they_are_read() {
    const QUEUE: u64 = 16;
    const EACH: u64 = 3 * QUEUE;
    let (client, server) = pair().await;
    let (client_sender, client_receiver) = client.split();
    let (server_sender, server_receiver) = server.split();
    let progress = watch::Sender::new(0);
    let senders = [client_sender, server_sender].map(|sender| {
        let progress = progress.clone();
        tokio::spawn(async move {
            for number in 1..=EACH {
                sender.send(&message(number)).await.unwrap();
                progress.send_modify(|sent| *sent += 1);
            }
        })
    });
    let mut progressed = progress.subscribe();
    let full = progressed.wait_for(|sent| *sent >= 2 * QUEUE);
    within("both queues to be full", full).await.unwrap();
    for mut receiver in [client_receiver, server_receiver] {
        for number in 1..=EACH {
            let message = within("a message", receiver.recv()).await.unwrap().unwrap();
            assert_eq!(number_of(&message), number);
        }
        tokio::spawn(async move { receiver.recv().await });
    }
    for sender in senders {
        within("the last acknowledgement", sender).await.unwrap();
    }
}

fn acknowledgement() -> Value {
    Value::Map(vec![("statusP".into(), true.into())])
}

/// Only the very message `{"statusP": true}` is an acknowledgement, and only when one is awaited.
#[tokio::test]
async fn what_only_resembles_an_acknowledgement_is_a_message() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let client = v2_client();
    let (session, stream) = tokio::join!(client.connect(addr), listener.accept());
    let (mut session, mut peer) = (session.unwrap(), Raw::new(stream.unwrap().0));
    let resembling = [
        Value::Map(vec![("statusP".into(), false.into())]),
        Value::Map(vec![("statusP".into(), 1.into())]),
        Value::Map(vec![("status".into(), true.into())]),
        Value::Map(vec![
            ("statusP".into(), true.into()),
            ("x".into(), Value::Null),
        ]),
    ];
    let message = message(1);
    for value in &resembling {
        let exchange = async {
            assert_eq!(number_of(&peer.recv().await.unwrap().unwrap()), 1);
            peer.send(value).await.unwrap();
            assert_eq!(
                peer.recv().await.unwrap().unwrap().value().unwrap(),
                acknowledgement()
            );
            peer.send(&acknowledgement()).await.unwrap();
        };
        let exchange = async { tokio::join!(exchange, session.send(&message)) };
        within("the exchange", exchange).await.1.unwrap();
        assert_eq!(recv(&mut session).await.value().unwrap(), *value);
    }
    peer.send(&acknowledgement()).await.unwrap();
    assert_eq!(recv(&mut session).await.value().unwrap(), acknowledgement());
    let answer = within("its acknowledgement", peer.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(answer.value().unwrap(), acknowledgement());
}
