//! Both sides send while each connection is cut one byte later than the one before.
//!
//! What the client sends is promised to arrive once and in order. In the other direction protocol v2 has no
//! continuity: the server's session ends with its connection and its `send` names the message in doubt, which this
//! server's application sends again. So the client may see that one twice, and no other.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use korinet::{SendError, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{assert_gapless, assert_gapless_with_repeats, message, number_of};
use korinet_tests::{v2_server, within};
use tokio::sync::watch;

use super::quick;

/// The numbers start above this, so that all messages have the same length.
const BASE: u64 = 1000;

/// `data` and the frame around it.
const MESSAGE: u64 = 11 + 47;
const ACKNOWLEDGEMENT: u64 = 10 + 47;

/// What each side sends in the reference conversation: one message, and the acknowledgement of the other's.
const REFERENCE: u64 = MESSAGE + ACKNOWLEDGEMENT;

/// Each side sends at least so many messages.
const LEAST: u64 = 200;

/// The last message of the server.
const END: u64 = BASE;

/// What the server's application saw.
#[derive(Debug, Default)]
struct Served {
    received: Vec<u64>,
    /// How often the `send` of a message failed.
    in_doubt: BTreeMap<u64, usize>,
}

/// Whether a side has sent enough: that many, and through all the cuts.
fn is_enough(proxy: &Proxy, sent: u64) -> bool {
    sent >= LEAST && proxy.counts().cuts() > REFERENCE
}

async fn serve(server: Server, proxy: Arc<Proxy>, served: watch::Sender<Served>) {
    let mut next = BASE + 1;
    loop {
        let (sender, mut receiver) = server.accept().await.unwrap().split();
        let receive = async {
            while let Ok(Some(message)) = receiver.recv().await {
                served.send_modify(|served| served.received.push(number_of(&message) - BASE));
            }
        };
        let send = async {
            while next != END {
                let number = if is_enough(&proxy, next - BASE - 1) {
                    END
                } else {
                    next
                };
                match sender.send(&message(number)).await {
                    Ok(()) if number == END => next = END,
                    Ok(()) => next += 1,
                    Err(
                        SendError::NotSent(_) | SendError::Unacknowledged(_) | SendError::Closed,
                    ) => {
                        served.send_modify(|served| {
                            *served.in_doubt.entry(number - BASE).or_default() += 1
                        });
                        return;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::join!(receive, send);
    }
}

async fn cut_at_every_byte(direction: Direction, cut: Cut) {
    assert_eq!(message(BASE).to_cbor().len() as u64 + 47, MESSAGE);
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Arc::new(Proxy::start(server.local_addr().unwrap()).await.unwrap());
    proxy.plan((0..=REFERENCE).map(|byte| Plan::cut(direction, Place::Byte(byte), cut)));
    let served = watch::Sender::new(Served::default());
    let mut report = served.subscribe();
    let serving = tokio::spawn(serve(server, Arc::clone(&proxy), served));

    let session = quick().connect(proxy.addr().to_string()).await.unwrap();
    let (sender, mut receiver) = session.split();
    let send = async {
        let mut sent = 0;
        while !is_enough(&proxy, sent) {
            sent += 1;
            sender.send(&message(BASE + sent)).await.unwrap();
        }
        sent
    };
    let receive = async {
        let mut numbers = Vec::new();
        loop {
            let message = receiver
                .recv()
                .await
                .unwrap()
                .expect("a message and not the end");
            match number_of(&message) {
                END => return numbers,
                number => numbers.push(number - BASE),
            }
        }
    };
    let (sent, received) = within("all messages", async { tokio::join!(send, receive) }).await;
    let arrived = report.wait_for(|served| served.received.last() == Some(&sent));
    let served = within("the last message", arrived).await.unwrap();

    assert_gapless(&served.received, sent);
    let last = *received.last().unwrap();
    assert!(last >= LEAST);
    assert_gapless_with_repeats(&received, last);
    for same in received.chunk_by(|one, next| one == next) {
        let failures = served.in_doubt.get(&same[0]).copied().unwrap_or_default();
        assert!(
            same.len() <= 1 + failures,
            "{same:?} with {failures} failures"
        );
    }
    drop(served);
    let counts = proxy.counts();
    let done = match cut {
        Cut::Fin => counts.fin,
        Cut::Reset => counts.reset,
        Cut::Silence => counts.silence,
    };
    assert_eq!((done, proxy.plans_left()), (REFERENCE + 1, 0));
    assert!(!serving.is_finished(), "the server's application failed");
    serving.abort();
}

#[tokio::test]
async fn what_the_client_sends_by_fin() {
    cut_at_every_byte(Direction::ToServer, Cut::Fin).await;
}

#[tokio::test]
async fn what_the_client_sends_by_reset() {
    cut_at_every_byte(Direction::ToServer, Cut::Reset).await;
}

#[tokio::test]
async fn what_the_server_sends_by_fin() {
    cut_at_every_byte(Direction::ToClient, Cut::Fin).await;
}

#[tokio::test]
async fn what_the_server_sends_by_reset() {
    cut_at_every_byte(Direction::ToClient, Cut::Reset).await;
}
