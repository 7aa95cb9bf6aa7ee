//! What is the same message come again, and what is another message that looks the same.

use korinet::{AckLevel, Repeats, Server, Session};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{message, number_of};
use korinet_tests::{python, within};
use serde_json::json;

use super::{accept, python_client, recv, rust_server};

async fn expect_number(session: &mut Session, expect: u64) {
    assert_eq!(number_of(&recv(session).await), expect);
}

#[tokio::test]
async fn identical_messages_on_one_connection_are_all_delivered() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let mut client = python_client(&python, server.local_addr().unwrap()).await;
    let mut session = accept(&server).await;
    for _ in 0..5 {
        client
            .ask(json!({"do": "send", "data": {"number": 1}}))
            .await;
    }
    for _ in 0..5 {
        expect_number(&mut session, 1).await;
    }
}

#[tokio::test]
async fn another_client_with_an_identical_message_is_heard() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let mut sessions = Vec::new();
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = python_client(&python, server.local_addr().unwrap()).await;
        let mut session = accept(&server).await;
        client
            .ask(json!({"do": "send", "data": {"number": 1}}))
            .await;
        expect_number(&mut session, 1).await;
        sessions.push(session);
        clients.push(client);
    }
}

/// A client whose message was answered on the same connection does not send it again.
#[tokio::test]
async fn a_message_that_was_followed_by_another_is_no_repeat() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    for _ in 0..2 {
        let mut client = python_client(&python, server.local_addr().unwrap()).await;
        let mut session = accept(&server).await;
        for number in [1, 2] {
            client
                .ask(json!({"do": "send", "data": {"number": number}}))
                .await;
            expect_number(&mut session, number).await;
        }
        client.kill().await;
        assert_eq!(within("the end", session.recv()).await, Ok(None));
    }
}

/// The server cannot know; by default it takes the second for a repeat, and it can be told not to.
#[tokio::test]
async fn identical_messages_of_two_short_connections_are_told_apart_if_asked() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = Server::builder()
        .repeats(Repeats::DeliverAgain)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    for _ in 0..2 {
        let mut client = python_client(&python, server.local_addr().unwrap()).await;
        let mut session = accept(&server).await;
        client
            .ask(json!({"do": "send", "data": {"number": 1}}))
            .await;
        client.kill().await;
        expect_number(&mut session, 1).await;
        assert_eq!(within("the end", session.recv()).await, Ok(None));
    }
}

/// The first connection is cut while the application works on its message; the message comes again while the first
/// copy is neither done nor given up.
#[tokio::test]
async fn a_message_under_way_in_the_application_is_not_delivered_beside_itself() {
    let Some(python) = python::interpreter() else {
        return;
    };
    for cut in [Cut::Fin, Cut::Reset] {
        let server = Server::builder()
            .ack_level(AckLevel::Processed)
            .bind("127.0.0.1:0")
            .await
            .unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
        proxy.plan([Plan::cut(Direction::ToServer, Place::AfterFrame(1), cut)]);
        let mut client = python_client(&python, proxy.addr()).await;
        let mut first = accept(&server).await;
        client
            .tell(json!({"do": "send_numbers", "first": 1, "last": 2}))
            .await;
        let working_on = recv(&mut first).await;
        assert_eq!(number_of(&working_on), 1);
        let mut second = accept(&server).await;
        first.done(&working_on);
        let next = recv(&mut second).await;
        assert_eq!(
            number_of(&next),
            2,
            "{cut:?}: 1 came again although it was done"
        );
        second.done(&next);
        for number in [1, 2] {
            assert_eq!(client.hear().await.unwrap(), json!({"number": number}));
        }
        assert_eq!(proxy.counts().cuts(), 1);
    }
}

/// As before, but the application gives the message up: the copy that came again takes its place.
#[tokio::test]
async fn a_message_that_the_application_gave_up_is_delivered_again() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = Server::builder()
        .ack_level(AckLevel::Processed)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan([Plan::cut(
        Direction::ToServer,
        Place::AfterFrame(1),
        Cut::Reset,
    )]);
    let mut client = python_client(&python, proxy.addr()).await;
    let mut first = accept(&server).await;
    client
        .tell(json!({"do": "send", "data": {"number": 1}}))
        .await;
    let given_up = recv(&mut first).await;
    assert!(!given_up.is_redelivered());
    drop(first);
    let mut second = accept(&server).await;
    let again = recv(&mut second).await;
    assert_eq!(again.value().unwrap(), message(1));
    assert!(again.is_redelivered());
    second.done(&again);
    assert_eq!(client.hear().await.unwrap(), json!({"sent": true}));
}

/// The package's client waits 5 s for an acknowledgement and then connects again; an application that takes longer
/// must not see each message twice.
#[tokio::test]
async fn an_application_slower_than_the_client_waits_sees_each_message_once() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = Server::builder()
        .ack_level(AckLevel::Processed)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let mut client = python_client(&python, server.local_addr().unwrap()).await;
    let mut first = accept(&server).await;
    client
        .tell(json!({"do": "send_numbers", "first": 1, "last": 2}))
        .await;
    let working_on = recv(&mut first).await;
    let mut second = accept(&server).await;
    first.done(&working_on);
    let next = recv(&mut second).await;
    assert_eq!(number_of(&next), 2, "1 came again although it was done");
    second.done(&next);
    for number in [1, 2] {
        assert_eq!(client.hear().await.unwrap(), json!({"number": number}));
    }
}
