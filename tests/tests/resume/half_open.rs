use std::time::{Duration, Instant};

use korinet::{ConnectionError, Event, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::over::Over;
use korinet_tests::within;

use super::client;

#[tokio::test]
async fn a_silent_link_is_noticed_and_left_by_both_sides() {
    notice(Over::Plain).await;
}

#[tokio::test]
async fn a_silent_link_under_tls_is_noticed_and_left_by_both_sides() {
    notice(Over::Tls).await;
}

/// How many bytes a client sends up to its first message, that included.
async fn first_bytes(over: Over) -> u64 {
    let server = over.server(Server::builder());
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let builder = client(over);
    let session = builder.connect(proxy.addr().to_string());
    let session = within("the connection", session).await.unwrap();
    within("the acknowledgement", session.send(&1))
        .await
        .unwrap();
    proxy.counts().bytes_to_server
}

/// The link swallows everything from the second message on, and neither side is told.
async fn notice(over: Over) {
    let place = Place::Byte(first_bytes(over).await + 1);
    const KEEP_ALIVE: Duration = Duration::from_millis(300);
    let server = over.server(Server::builder());
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let silence = Plan::cut(Direction::ToServer, place, Cut::Silence);
    proxy.plan([silence.for_good()]);
    let builder = client(over).keep_alive(KEEP_ALIVE);
    let session = builder.connect(proxy.addr().to_string());
    let session = within("the first connection", session).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    let mut events = session.events().unwrap();
    session.send(&1).await.unwrap();
    let start = Instant::now();
    within("the acknowledgement", session.send(&2))
        .await
        .unwrap();
    // It cannot be sooner, whatever the machine does.
    assert!(start.elapsed() >= KEEP_ALIVE);
    assert_eq!(proxy.counts().silence, 1);
    let Some(Event::Detached { reason, .. }) = within("the loss", events.recv()).await else {
        panic!("the first event is not the loss");
    };
    assert_eq!(reason, ConnectionError::Silent(KEEP_ALIVE * 2));
    for expected in [1, 2] {
        let message = within("a message", accepted.recv()).await.unwrap();
        assert_eq!(message.unwrap().decode::<u8>().unwrap(), expected);
    }
}
