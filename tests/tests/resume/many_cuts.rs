use std::num::NonZeroU64;

use korinet::{Event, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::endurance::{Ordeal, survive};
use korinet_tests::over::Over;
use korinet_tests::within;

use super::client;

/// Each connection is cut as soon as its client is welcomed.
#[tokio::test]
async fn a_thousand_resumes_of_one_session() {
    const RESUMES: usize = 1000;
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let (events, mut seen) = tokio::sync::mpsc::unbounded_channel();
    // After the first message or acknowledgement of the server.
    let cut = || Plan::cut(Direction::ToClient, Place::AfterFrame(2), Cut::Reset);
    proxy.plan((0..RESUMES).map(|_| cut()));
    let builder = client(Over::Plain).events(events);
    let session = builder.connect(proxy.addr().to_string());
    let session = within("the first connection", session).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    let (sender, _receiver) = session.split();
    let sending = tokio::spawn(async move {
        let mut number = 0_u64;
        while sender.stats().unwrap().connections <= u64::try_from(RESUMES).unwrap() {
            sender.send(&number).await.unwrap();
            number += 1;
        }
        sender.close().await.unwrap();
        number
    });
    let mut received = 0;
    while let Some(message) = within("a message", accepted.recv()).await.unwrap() {
        assert_eq!(message.decode::<u64>().unwrap(), received);
        received += 1;
    }
    assert_eq!(sending.await.unwrap(), received);
    assert_eq!(proxy.counts().reset, u64::try_from(RESUMES).unwrap());
    let mut resumed = 0;
    while let Ok(event) = seen.try_recv() {
        assert!(!matches!(event, Event::Lost { .. }), "{event:?}");
        resumed += usize::from(matches!(event, Event::Attached(to) if to.resumed));
    }
    assert!(resumed >= RESUMES, "{resumed}");
}

/// The same with a million messages is a command, `cargo xtask endure`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_through_random_cuts_is_what_was_sent() {
    go_through(Over::Plain).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_delivered_through_random_cuts_of_tls_is_what_was_sent() {
    go_through(Over::Tls).await;
}

async fn go_through(over: Over) {
    let ordeal = Ordeal {
        messages: 20_000,
        bytes_between_cuts: NonZeroU64::new(100_000).unwrap(),
        seed: 1,
        over,
    };
    let survived = within(&format!("{ordeal:?}"), survive(ordeal)).await;
    let faults = survived.faults;
    assert!(faults.cuts() > 50, "{faults:?}");
    assert!(
        faults.fin > 0 && faults.reset > 0 && faults.silence > 0,
        "{faults:?}"
    );
    assert!(survived.client.replayed + survived.server.replayed > 0);
    assert_eq!(
        (survived.client.lost, survived.server.received),
        (0, 20_000)
    );
}
