use std::time::{Duration, Instant};

use korinet::{ConnectionError, Event, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::over::Over;
use korinet_tests::within;

use super::client;

/// The link swallows everything from the first message on, and neither side is told.
#[tokio::test]
async fn a_silent_link_is_noticed_and_left_by_both_sides() {
    // The HELLO, one message, and no more.
    notice(Over::Plain, Place::BeforeFrame(3)).await;
}

/// A whole handshake takes some 500 bytes of the client, and its HELLO and first message some 200.
#[tokio::test]
async fn a_silent_link_under_tls_is_noticed_and_left_by_both_sides() {
    notice(Over::Tls, Place::Byte(800)).await;
}

async fn notice(over: Over, place: Place) {
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
