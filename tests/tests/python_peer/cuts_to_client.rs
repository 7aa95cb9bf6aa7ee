//! The same cuts while a server sends. Protocol v2 has no continuity in this direction: the server's session ends
//! with the connection, its `send` says so, and what to do about the message is up to the application. Here it sends
//! it again on the next connection.

use std::collections::BTreeSet;

use korinet::SendError;
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{assert_gapless_with_repeats, message, number_of};
use korinet_tests::{python, within};
use serde_json::json;

use super::cuts::{LAST, assert_all_cut, plans};
use super::{accept, python_client, python_listener, recv, rust_client, rust_server};

/// The numbers that came more than once.
fn repeated(numbers: &[u64]) -> BTreeSet<u64> {
    let pairs = numbers.windows(2).filter(|pair| pair[0] == pair[1]);
    pairs.map(|pair| pair[0]).collect()
}

#[tokio::test]
async fn a_rust_server_knows_which_message_a_python_client_may_lack() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = rust_server().await;
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan(plans());
    let mut client = python_client(&python, proxy.addr()).await;
    client
        .tell(json!({"do": "recv_numbers", "last": LAST}))
        .await;
    let mut failed = BTreeSet::new();
    let mut next = 1;
    while next <= LAST {
        let session = accept(&server).await;
        while next <= LAST {
            match within("the outcome of a send", session.send(&message(next))).await {
                Ok(()) => next += 1,
                Err(SendError::NotSent(_) | SendError::Unacknowledged(_) | SendError::Closed) => {
                    failed.insert(next);
                    break;
                }
                Err(error) => panic!("{error}"),
            }
        }
        if next > LAST {
            within("the end", session.close()).await.unwrap();
        }
    }
    let mut numbers = Vec::new();
    while numbers.last() != Some(&LAST) {
        numbers.push(client.hear().await.unwrap()["number"].as_u64().unwrap());
    }
    assert_gapless_with_repeats(&numbers, LAST);
    assert!(
        repeated(&numbers).is_subset(&failed),
        "{failed:?}: {numbers:?}"
    );
    assert_all_cut(&proxy);
}

#[tokio::test]
async fn a_rust_client_gets_all_that_a_python_server_sends_again() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    server
        .tell(json!({"do": "send_numbers", "first": 1, "last": LAST}))
        .await;
    let proxy = Proxy::start(addr).await.unwrap();
    proxy.plan(plans());
    let mut session = rust_client(proxy.addr()).await;
    let mut numbers = Vec::new();
    while numbers.last() != Some(&LAST) {
        numbers.push(number_of(&recv(&mut session).await));
    }
    let mut failed = BTreeSet::new();
    let mut sent = 0;
    while sent < LAST {
        let line = server.hear().await.unwrap();
        match line["failed"].as_u64() {
            Some(number) => drop(failed.insert(number)),
            None => sent = line["number"].as_u64().unwrap(),
        }
    }
    assert_gapless_with_repeats(&numbers, LAST);
    assert!(
        repeated(&numbers).is_subset(&failed),
        "{failed:?}: {numbers:?}"
    );
    assert_all_cut(&proxy);
}

/// A message that stands behind bytes which never come must not be taken for the whole.
#[tokio::test]
async fn a_message_cut_in_the_middle_is_not_delivered() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    server
        .tell(json!({"do": "send_numbers", "first": 1, "last": 2}))
        .await;
    let proxy = Proxy::start(addr).await.unwrap();
    let cuts =
        [Cut::Fin, Cut::Reset].map(|cut| Plan::cut(Direction::ToClient, Place::Byte(40), cut));
    proxy.plan(cuts);
    let mut session = rust_client(proxy.addr()).await;
    for expect in [1, 2] {
        assert_eq!(number_of(&recv(&mut session).await), expect);
    }
    assert_eq!(proxy.counts().cuts(), 2);
}
