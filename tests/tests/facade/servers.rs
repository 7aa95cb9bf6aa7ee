use std::time::Duration;

use korinet::{Client, Event, Protocol, Server, Value};
use korinet_tests::{v2_client, within};

use super::pair;

#[tokio::test]
async fn one_port_serves_both_versions() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let message = Value::Map(vec![("n".into(), 1.into())]);
    for (client, protocol) in [
        (v2_client(), Protocol::V2),
        (Client::builder(), Protocol::V3),
    ] {
        let client = client.connect(addr.as_str()).await.unwrap();
        let (sent, mut accepted) = tokio::join!(client.send(&message), async {
            let mut session = within("the session", server.accept()).await.unwrap();
            let received = session.recv().await.unwrap().unwrap();
            assert_eq!(received.value().unwrap(), message);
            session
        });
        sent.unwrap();
        assert_eq!(
            (client.protocol(), accepted.protocol()),
            (protocol, protocol)
        );
        accepted.send(&message).await.unwrap();
        client.close().await.unwrap();
        let _ = accepted.recv().await;
    }
}

#[tokio::test]
async fn a_version_that_is_not_allowed_is_refused_with_the_cause() {
    let server = Server::builder().protocols(&[Protocol::V2]);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let error = within("the refusal", Client::connect(addr))
        .await
        .unwrap_err();
    let text = korinet_tests::chain(&error);
    assert!(
        text.ends_with("before its welcome: it may not speak protocol v3"),
        "{text}"
    );
    let mut session = within("the connection", server.accept()).await.unwrap();
    let error = session.recv().await.unwrap_err();
    let text = korinet_tests::chain(&error);
    assert!(text.contains("KoriNet protocol v3"), "{text}");
}

#[tokio::test]
async fn a_handler_serves_each_session_until_the_server_is_shut_down() {
    let server = std::sync::Arc::new(Server::bind("127.0.0.1:0").await.unwrap());
    let addr = server.local_addr().unwrap().to_string();
    let serving = tokio::spawn({
        let server = std::sync::Arc::clone(&server);
        async move {
            server
                .serve(|mut session| async move {
                    while let Ok(Some(message)) = session.recv().await {
                        session.send(&message).await.unwrap();
                    }
                })
                .await;
        }
    });
    let mut clients = Vec::new();
    for number in 0..5_u32 {
        let mut client = Client::connect(addr.as_str()).await.unwrap();
        client.send(&number).await.unwrap();
        let answer = within("the answer", client.recv()).await.unwrap().unwrap();
        assert_eq!(answer.decode::<u32>().unwrap(), number);
        clients.push(client);
    }
    assert_eq!(server.sessions(), 5);
    let mut events = clients[0].events().unwrap();
    let limit = Duration::from_secs(30);
    assert_eq!(within("the end", server.shut_down(limit, None)).await, 0);
    within("the handlers", serving).await.unwrap();
    let told = within("an event", events.recv()).await.unwrap();
    assert!(matches!(told, Event::Draining(_)), "{told:?}");
    let told = within("an event", events.recv()).await.unwrap();
    let Event::Detached { reason, .. } = told else {
        panic!("{told:?}");
    };
    assert_eq!(
        reason.to_string(),
        "closed by the peer: draining (server is shut down)"
    );
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_carries_sessions_too() {
    let directory = std::env::temp_dir().join(format!("korinet-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("socket");
    let server = Server::builder().bind_unix(&path).unwrap();
    assert!(server.local_addr().is_err());
    let client = Client::builder();
    let client = client.connect_unix(&path).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    client.send("over a file").await.unwrap();
    let message = accepted.recv().await.unwrap().unwrap();
    assert_eq!(message.decode::<&str>().unwrap(), "over a file");
    assert_eq!(accepted.peer_addr(), None);
    client.close().await.unwrap();
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_client_finds_its_service_at_another_address() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = gone.local_addr().unwrap().to_string();
    drop(gone);
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap();
    let client = Client::builder().fallback(addr.to_string());
    let client = within("the connection", client.connect(nobody))
        .await
        .unwrap();
    assert_eq!(client.peer_addr(), Some(addr));
}

#[tokio::test]
async fn a_session_that_is_dropped_is_closed() {
    let (client, mut server, _listening) = pair().await;
    let receipt = client.enqueue("last words").await.unwrap();
    drop(client);
    let message = within("the message", server.recv()).await.unwrap().unwrap();
    assert_eq!(message.decode::<&str>().unwrap(), "last words");
    within("the acknowledgement", receipt).await.unwrap();
    assert!(within("the end", server.recv()).await.unwrap().is_none());
}
