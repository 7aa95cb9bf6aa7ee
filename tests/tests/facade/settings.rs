use std::time::Duration;

use korinet::{
    AckLevel, Client, ClientBuilder, ConnectError, FirstConnect, OnLost, Server, ServerBuilder,
    Value,
};
use korinet_tests::{chain, v2_client, v2_server, within};

#[tokio::test]
async fn settings_that_do_not_fit_are_refused_by_name() {
    let second = Duration::from_secs(1);
    let needs_v3 = |setting: &str| format!("{setting} needs protocol v3, but the protocol is v2");
    let clients: [(ClientBuilder, String); 8] = [
        (v2_client().keep_alive(second), needs_v3("keep_alive")),
        (v2_client().window(10, 10_000), needs_v3("window")),
        (v2_client().on_lost(OnLost::Fail), needs_v3("on_lost")),
        (
            v2_client().first_connect(FirstConnect::Retry),
            needs_v3("first_connect"),
        ),
        (v2_client().application("a", "1"), needs_v3("application")),
        (
            Client::builder().ack_timeout(second),
            "ack_timeout needs protocol v2, but the protocol is v3".to_owned(),
        ),
        (
            Client::builder().ack_level(AckLevel::Durable),
            "ack_level durable is not in this version, expected received or processed".to_owned(),
        ),
        (
            Client::builder().window(0, 10_000),
            "window messages is 0, expected 1 to 1048576".to_owned(),
        ),
    ];
    for (client, expect) in clients {
        let error = client.connect("127.0.0.1:1").await.unwrap_err();
        assert!(matches!(error, ConnectError::Config(_)), "{error:?}");
        assert_eq!(chain(&error), expect);
    }
    let servers: [(ServerBuilder, String); 3] = [
        (
            Server::builder().handshake_timeout(Duration::ZERO),
            "handshake_timeout is zero, expected more".to_owned(),
        ),
        (
            v2_server().session_expiry(second),
            needs_v3("session_expiry"),
        ),
        (
            Server::builder().protocols(&[]),
            "no protocol is allowed, expected at least one".to_owned(),
        ),
    ];
    for (server, expect) in servers {
        let error = server.bind("127.0.0.1:0").await.unwrap_err();
        assert_eq!(chain(&error), expect);
    }
}

/// A message arrives and is acknowledged, by each version of the protocol.
async fn serves(server: &ServerBuilder) {
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    for client in [Client::builder(), v2_client()] {
        let connecting = client.connect(addr.as_str());
        let client = within("the connection", connecting).await.unwrap();
        let sent = Value::Map(vec![("n".into(), 1.into())]);
        let sending = client.sender().enqueue(&sent).await.unwrap();
        let mut accepted = within("the session", server.accept()).await.unwrap();
        let message = within("a message", accepted.recv()).await.unwrap().unwrap();
        assert_eq!(message.value().unwrap(), sent);
        within("the acknowledgement", sending).await.unwrap();
        client.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_longest_and_shortest_times_are_served() {
    for server in [
        Server::builder().handshake_timeout(Duration::MAX),
        Server::builder().max_connection_age(Duration::MAX),
        Server::builder().max_connection_age(Duration::ZERO),
        Server::builder()
            .handshake_timeout(Duration::MAX)
            .max_connection_age(Duration::MAX),
    ] {
        serves(&server).await;
    }
}

#[tokio::test]
async fn a_handshake_can_have_no_time_to_speak_of() {
    let server = Server::builder().handshake_timeout(Duration::from_nanos(1));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    // It may be in time all the same.
    let _ = within("an answer", Client::connect(addr)).await;
    let stats = server.stats();
    assert_eq!((stats.accepted, stats.admitted + stats.refused), (1, 1));
}

#[tokio::test]
async fn a_level_that_the_server_cannot_keep_is_refused() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = Client::builder().ack_level(AckLevel::Processed);
    let error = within("the refusal", client.connect(addr.as_str()))
        .await
        .unwrap_err();
    assert_eq!(
        chain(&error),
        format!(
            "cannot connect to {addr}: refused by the peer: level-unsupported (at most level received)"
        )
    );
}

#[tokio::test]
async fn nobody_there_is_told_at_once_or_after_the_time() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap().to_string();
    drop(gone);
    let error = Client::connect(addr.as_str()).await.unwrap_err();
    assert_eq!(
        chain(&error),
        format!("cannot connect to {addr}: connection refused")
    );
    let client = Client::builder()
        .first_connect(FirstConnect::Retry)
        .timeout(Duration::from_millis(50));
    let error = within("the end of the time", client.connect(addr.as_str()))
        .await
        .unwrap_err();
    let text = chain(&error);
    assert!(
        text.starts_with(&format!("no session with {addr}: gave up ")),
        "{text}"
    );
    assert!(text.ends_with(": connection refused"), "{text}");
}
