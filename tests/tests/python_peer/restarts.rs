//! The server goes away and comes back, on the same port, under a client that goes on.

use std::net::SocketAddr;
use std::time::Duration;

use korinet::{AckLevel, Server, State};
use korinet_tests::numbered::{assert_gapless, message, number_of};
use korinet_tests::python::Script;
use korinet_tests::{python, within};
use serde_json::json;

use super::{accept, python_client, python_listener, recv, rust_client};

/// The port can be in use for a moment: as the near end of somebody's outgoing connection.
async fn bind_again(addr: SocketAddr) -> Server {
    let bound = async {
        loop {
            match Server::builder()
                .ack_level(AckLevel::Processed)
                .bind(addr)
                .await
            {
                Ok(server) => return server,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    within("the port to be free", bound).await
}

#[tokio::test]
async fn a_python_client_and_a_rust_server_that_is_dropped_and_bound_again() {
    const SERVERS: u64 = 4;
    const EACH: u64 = 15;
    let Some(python) = python::interpreter() else {
        return;
    };
    let mut server = bind_again("127.0.0.1:0".parse().unwrap()).await;
    let addr = server.local_addr().unwrap();
    let mut client = python_client(&python, addr).await;
    client
        .tell(json!({"do": "send_numbers", "first": 1, "last": SERVERS * EACH}))
        .await;
    let mut numbers = Vec::new();
    for _ in 1..SERVERS {
        let mut session = accept(&server).await;
        for _ in 0..EACH {
            let message = recv(&mut session).await;
            numbers.push(number_of(&message));
            session.done(&message);
        }
        // The client is sending meanwhile; what it sends from now on is for the next server.
        drop(server);
        within("the end", session.close()).await.unwrap();
        server = bind_again(addr).await;
    }
    let mut session = accept(&server).await;
    for _ in 0..EACH {
        let message = recv(&mut session).await;
        numbers.push(number_of(&message));
        session.done(&message);
    }
    assert_gapless(&numbers, SERVERS * EACH);
    for number in 1..=SERVERS * EACH {
        assert_eq!(client.hear().await.unwrap(), json!({"number": number}));
    }
}

/// The next numbers that a Python server tells of.
async fn hear_numbers(server: &mut Script, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let line = server.hear().await.unwrap();
        numbers.extend(line["number"].as_u64());
    }
    numbers
}

async fn detached(mut state: tokio::sync::watch::Receiver<State>) {
    let lost = state.wait_for(|state| matches!(state, State::Detached { .. }));
    within("the loss of the connection", lost).await.unwrap();
}

#[tokio::test]
async fn a_rust_client_and_a_python_server_that_is_killed_and_started_again() {
    const SERVERS: u64 = 4;
    const EACH: u64 = 10;
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    server.tell(json!({"do": "recv_numbers"})).await;
    let session = rust_client(addr).await;
    let state = session.state();
    let mut numbers = Vec::new();
    let mut next = 1;
    let (wake, mut woken) = tokio::sync::mpsc::channel(1);
    // One message more than each server gets is under way while there is none.
    let sending = tokio::spawn(async move {
        for number in 1..=SERVERS * EACH {
            if number % EACH == 1 && number > 1 {
                woken.recv().await;
            }
            session.send(&message(number)).await.unwrap();
        }
        session
    });
    loop {
        numbers.extend(hear_numbers(&mut server, usize::try_from(EACH).unwrap()).await);
        if next == SERVERS {
            break;
        }
        server.kill().await;
        detached(state.clone()).await;
        wake.send(()).await.unwrap();
        server = python.start("server");
        server
            .ask(json!({"do": "listen", "port": addr.port()}))
            .await;
        server.tell(json!({"do": "recv_numbers"})).await;
        next += 1;
    }
    assert_gapless(&numbers, SERVERS * EACH);
    let session = within("the last acknowledgement", sending).await.unwrap();
    within("the end", session.close()).await.unwrap();
}

#[tokio::test]
async fn a_message_that_a_killed_server_never_took_comes_to_the_next() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    let session = rust_client(addr).await;
    server.ask_to("accept").await;
    let state = session.state();
    let sending = tokio::spawn(async move {
        session.send(&message(1)).await.unwrap();
        session.send(&message(2)).await.unwrap();
        session
    });
    server.kill().await;
    detached(state).await;
    let mut server = python.start("server");
    server
        .ask(json!({"do": "listen", "port": addr.port()}))
        .await;
    server.tell(json!({"do": "recv_numbers"})).await;
    assert_gapless(&hear_numbers(&mut server, 2).await, 2);
    within("the acknowledgement", sending).await.unwrap();
}
