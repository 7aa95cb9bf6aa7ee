//! Connections cut before and after each message and each acknowledgement, while a client sends.

use std::collections::BTreeMap;

use korinet::{AckLevel, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{assert_gapless, assert_gapless_with_repeats, message, number_of};
use korinet_tests::{python, within};
use serde_json::json;
use tokio::sync::mpsc;

use super::{python_client, python_listener, rust_client};

/// Each connection is cut at one of its first so many messages or acknowledgements.
const FRAMES: u64 = 4;

/// A plan for each place; in each direction the k-th frame is the k-th message or its acknowledgement.
pub(super) fn plans() -> Vec<Plan> {
    let mut plans = Vec::new();
    for cut in [Cut::Fin, Cut::Reset] {
        for direction in [Direction::ToServer, Direction::ToClient] {
            for frame in 1..=FRAMES {
                for place in [Place::BeforeFrame(frame), Place::AfterFrame(frame)] {
                    plans.push(Plan::cut(direction, place, cut));
                }
            }
        }
    }
    plans
}

/// Checks that all of [`plans`] were carried out.
pub(super) fn assert_all_cut(proxy: &Proxy) {
    let half = 2 * 2 * FRAMES;
    let counts = proxy.counts();
    assert_eq!(
        (counts.fin, counts.reset, proxy.plans_left()),
        (half, half, 0)
    );
}

/// More than all cut connections together can carry.
pub(super) const LAST: u64 = 200;

/// The numbers of all messages, on one connection after the other.
fn collect(server: Server) -> mpsc::UnboundedReceiver<u64> {
    let (numbers, collected) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let mut session = server.accept().await.unwrap();
            while let Ok(Some(message)) = session.recv().await {
                if numbers.send(number_of(&message)).is_err() {
                    return;
                }
                session.done(&message);
            }
        }
    });
    collected
}

async fn python_client_to_rust_server(level: AckLevel) {
    let Some(python) = python::interpreter() else {
        return;
    };
    let server = Server::builder()
        .ack_level(level)
        .bind("127.0.0.1:0")
        .await
        .unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan(plans());
    let mut collected = collect(server);
    let mut client = python_client(&python, proxy.addr()).await;
    client
        .tell(json!({"do": "send_numbers", "first": 1, "last": LAST}))
        .await;
    for number in 1..=LAST {
        assert_eq!(client.hear().await.unwrap(), json!({"number": number}));
    }
    let mut numbers = Vec::new();
    while numbers.last() != Some(&LAST) {
        numbers.push(within("a message", collected.recv()).await.unwrap());
    }
    assert_gapless(&numbers, LAST);
    assert_all_cut(&proxy);
}

#[tokio::test]
async fn nothing_of_a_python_client_is_lost_or_doubled() {
    python_client_to_rust_server(AckLevel::Received).await;
}

#[tokio::test]
async fn nothing_of_a_python_client_is_lost_or_doubled_when_the_application_acknowledges() {
    python_client_to_rust_server(AckLevel::Processed).await;
}

#[tokio::test]
async fn a_python_server_gets_all_and_repeats_only_under_the_same_id() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut server, addr) = python_listener(&python, "server").await;
    server.tell(json!({"do": "recv_numbers"})).await;
    let proxy = Proxy::start(addr).await.unwrap();
    proxy.plan(plans());
    let session = rust_client(proxy.addr()).await;
    for number in 1..=LAST {
        within("the acknowledgement", session.send(&message(number)))
            .await
            .unwrap();
    }
    within("the end", session.close()).await.unwrap();
    assert_all_cut(&proxy);

    let mut numbers = Vec::new();
    let mut ids = BTreeMap::new();
    let mut ended = 0;
    // The package's server has one connection at a time, so the last one ends last.
    while numbers.last() != Some(&LAST) || ended < proxy.counts().connections {
        let line = server.hear().await.unwrap();
        let Some(number) = line["number"].as_u64() else {
            ended += 1;
            continue;
        };
        let id = line["id"].as_str().unwrap().to_owned();
        if let Some(before) = ids.insert(id.clone(), number) {
            assert_eq!(before, number, "two messages have the id {id}");
        }
        numbers.push(number);
    }
    let repeats = assert_gapless_with_repeats(&numbers, LAST);
    assert_eq!(
        ids.len() as u64,
        LAST,
        "a message came again under another id"
    );
    // Each time the acknowledgement was on its way and did not arrive.
    assert!(repeats > 0);
}
