//! Frames without acknowledgements, as the package's `protocol.v2` speaks them.

use std::collections::BTreeSet;

use korinet::raw::Raw;
use korinet_tests::numbered::{assert_gapless, message, number_of};
use korinet_tests::{python, within};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use super::python_listener;

const LAST: u64 = 100;

#[tokio::test]
async fn messages_go_both_ways_without_waiting_for_each_other() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = python.start("raw");
    peer.ask(json!({"do": "connect", "port": listener.local_addr().unwrap().port()}))
        .await;
    let (mut sender, mut receiver) = Raw::new(listener.accept().await.unwrap().0).split();
    let mut ids = BTreeSet::new();
    let mut numbers = Vec::new();
    for number in 1..=LAST {
        let id = sender.send(&message(number)).await.unwrap();
        assert!(ids.insert(id.to_string()), "{id} came twice");
    }
    for number in 1..=LAST {
        peer.ask(json!({"do": "send", "data": {"number": number}}))
            .await;
    }
    for number in 1..=LAST {
        let received = peer.ask_to("recv").await["message"].clone();
        assert_eq!(received["number"], number);
        assert!(ids.remove(received["id"].as_str().unwrap()));
        let received = within("a message", receiver.recv()).await.unwrap().unwrap();
        numbers.push(number_of(&received));
        assert!(ids.insert(received.id().unwrap().to_string()));
    }
    assert_gapless(&numbers, LAST);
}

#[tokio::test]
async fn each_side_sees_that_the_other_is_gone() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut peer, addr) = python_listener(&python, "raw").await;
    let stream = TcpStream::connect(addr).await.unwrap();
    peer.ask_to("accept").await;
    drop(Raw::new(stream));
    peer.tell(json!({"do": "recv"})).await;
    let error = peer.hear().await.unwrap_err();
    assert!(error.starts_with("SocketRecvNone: "), "{error}");

    let mut raw = Raw::new(TcpStream::connect(addr).await.unwrap());
    peer.ask_to("accept").await;
    peer.kill().await;
    assert_eq!(within("the end", raw.recv()).await.unwrap(), None);
}
