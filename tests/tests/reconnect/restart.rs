//! A Rust server that goes away and comes back under a Rust client.

use std::net::Ipv4Addr;

use korinet::{AckLevel, Server};
use korinet_chaos::Proxy;
use korinet_tests::numbered::{assert_gapless, assert_gapless_with_repeats, message, number_of};
use korinet_tests::{v2_server, within};

use super::quick;

const SERVERS: u64 = 5;
const EACH: u64 = 20;

async fn bind(level: AckLevel) -> Server {
    let builder = v2_server().ack_level(level);
    builder.bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// The numbers that reach one server after the other, each of which ends its session after `EACH` of them and is
/// dropped, in good order or at once; and how often that was.
async fn numbers_over_restarts(in_good_order: bool) -> (Vec<u64>, u64) {
    let mut server = bind(AckLevel::Processed).await;
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let client = quick().connect(proxy.addr().to_string()).await.unwrap();
    let sending = tokio::spawn(async move {
        for number in 1..=SERVERS * EACH {
            client.send(&message(number)).await.unwrap();
        }
        client
    });
    let mut numbers = Vec::new();
    let mut restarts = 0;
    while numbers.last() != Some(&(SERVERS * EACH)) {
        let mut session = within("a connection", server.accept()).await.unwrap();
        for _ in 0..EACH {
            let message = within("a message", session.recv()).await.unwrap();
            let message = message.expect("a message and not the end");
            numbers.push(number_of(&message));
            session.done(&message);
            if numbers.last() == Some(&(SERVERS * EACH)) {
                let client = within("the last acknowledgement", sending).await.unwrap();
                within("the end", client.close()).await.unwrap();
                assert!(restarts >= SERVERS - 1);
                return (numbers, restarts);
            }
        }
        let next = bind(AckLevel::Processed).await;
        proxy.set_target(next.local_addr().unwrap());
        drop(std::mem::replace(&mut server, next));
        if in_good_order {
            within("the end", session.close()).await.unwrap();
        } else {
            drop(session);
        }
        restarts += 1;
    }
    unreachable!("the last number returns");
}

#[tokio::test]
async fn sessions_closed_in_good_order_lose_and_double_nothing() {
    let (numbers, _) = numbers_over_restarts(true).await;
    assert_gapless(&numbers, SERVERS * EACH);
}

/// The next server cannot know what the one before it was done with.
#[tokio::test]
async fn sessions_dropped_at_once_lose_nothing() {
    let (numbers, restarts) = numbers_over_restarts(false).await;
    let repeats = assert_gapless_with_repeats(&numbers, SERVERS * EACH);
    assert!(
        repeats as u64 <= restarts,
        "{repeats} at {restarts} restarts"
    );
}
