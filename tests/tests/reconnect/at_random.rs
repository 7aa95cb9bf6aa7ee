//! Connections that are cut anywhere, in any way, with a delay, in pieces: what nobody has planned.

use std::net::Ipv4Addr;
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use korinet_chaos::{Chunks, Faults, Proxy};
use korinet_tests::numbered::{assert_gapless, message};
use korinet_tests::{v2_server, within};
use tokio::sync::mpsc;

use super::quick;
use super::silence::collect;

async fn all_arrive_through(faults: Faults) {
    const LAST: u64 = 150;
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::bind("127.0.0.1:0", server.local_addr().unwrap(), faults)
        .await
        .unwrap();
    let (numbers, mut collected) = mpsc::unbounded_channel();
    let collecting = tokio::spawn(collect(server, numbers));
    // Long enough for an acknowledgement, and as long as a silence takes.
    let client = quick().ack_timeout(Duration::from_millis(300));
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
    let counts = proxy.counts();
    assert!(
        counts.fin > 0 && counts.reset > 0 && counts.silence > 0,
        "{counts:?}"
    );
    collecting.abort();
}

#[tokio::test]
async fn all_messages_arrive_once_through_cuts_of_any_kind() {
    all_arrive_through(Faults::new(1).cut_at_random(NonZeroU64::new(1000).unwrap())).await;
}

#[tokio::test]
async fn all_messages_arrive_once_in_late_pieces() {
    let faults = Faults::new(2)
        .cut_every(NonZeroU64::new(500).unwrap())
        .delayed(Duration::from_millis(2))
        .in_chunks(Chunks::Random(NonZeroUsize::new(20).unwrap()));
    all_arrive_through(faults).await;
}
