//! Times without a server: the client goes on trying, and says when it gives up.

use std::net::Ipv4Addr;
use std::time::Duration;

use korinet::{ConnectError, ConnectionError, SendError, SessionError, State};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::numbered::{message, number_of};
use korinet_tests::{chain, v2_client, v2_server, within};

use super::quick;

#[tokio::test]
async fn a_client_that_is_refused_in_every_way_gets_through_in_the_end() {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan([Plan::cut(
        Direction::ToServer,
        Place::BeforeFrame(1),
        Cut::Reset,
    )]);
    let session = quick().connect(proxy.addr().to_string()).await.unwrap();
    // Two of the many attempts are let through to a proxy that resets them.
    proxy.plan([Plan::refuse(), Plan::refuse()]);
    let mut state = session.state();
    within(
        "the connection",
        proxy.wait_for(|counts| counts.connections == 1),
    )
    .await;
    proxy.close_port().await;
    let sending = tokio::spawn(async move {
        session.send(&message(1)).await.unwrap();
        session
    });
    let attempts = |wanted: u32| move |state: &State| matches!(state, State::Detached { attempts, .. } if *attempts >= wanted);
    within("attempts at a closed port", state.wait_for(attempts(5)))
        .await
        .unwrap();
    proxy.open_port().await.unwrap();
    within("a message", async {
        loop {
            let mut session = server.accept().await.unwrap();
            if let Ok(Some(message)) = session.recv().await {
                return assert_eq!(number_of(&message), 1);
            }
        }
    })
    .await;
    let counts = proxy.counts();
    assert_eq!(
        (counts.reset, counts.closed_port, counts.refused),
        (1, 1, 2)
    );
    sending.abort();
}

#[tokio::test]
async fn a_client_gives_up_and_says_so_everywhere() {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.plan([Plan::cut(
        Direction::ToServer,
        Place::AfterFrame(1),
        Cut::Reset,
    )]);
    let client = quick().timeout(Duration::from_millis(100));
    let mut session = client.connect(proxy.addr().to_string()).await.unwrap();
    within(
        "the connection",
        proxy.wait_for(|counts| counts.connections == 1),
    )
    .await;
    proxy.close_port().await;
    let error = within("the outcome", session.send(&message(1)))
        .await
        .unwrap_err();
    // It did arrive, which the client cannot know.
    let mut accepted = within("the connection", server.accept()).await.unwrap();
    assert_eq!(number_of(&accepted.recv().await.unwrap().unwrap()), 1);
    assert!(
        chain(&error).starts_with("message is not acknowledged: gave up "),
        "{}",
        chain(&error)
    );
    assert!(
        matches!(error, SendError::NotSent(_) | SendError::Unacknowledged(_)),
        "{error:?}"
    );
    let gave_up = session.recv().await.unwrap_err();
    assert!(
        matches!(gave_up, SessionError::GaveUp { .. }),
        "{gave_up:?}"
    );
    let later = session.send(&message(2)).await.unwrap_err();
    assert!(
        chain(&later).starts_with("message was not sent: gave up "),
        "{}",
        chain(&later)
    );
    let state = session.state().borrow().clone();
    assert!(
        matches!(&state, State::Closed { error: Some(error), .. } if *error == gave_up),
        "{state:?}"
    );
    assert_eq!(proxy.counts().reset, 1);
}

#[tokio::test]
async fn the_first_connection_fails_at_once() {
    let server = v2_server().bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    proxy.close_port().await;
    let addr = proxy.addr().to_string();
    let error = within("the refusal", v2_client().connect(addr.as_str()))
        .await
        .unwrap_err();
    assert_eq!(
        chain(&error),
        format!("cannot connect to {addr}: connection refused")
    );
    assert!(
        matches!(
            &error,
            ConnectError::Connection {
                source: ConnectionError::Io {
                    kind: std::io::ErrorKind::ConnectionRefused,
                    ..
                },
                ..
            }
        ),
        "{error:?}"
    );
}
