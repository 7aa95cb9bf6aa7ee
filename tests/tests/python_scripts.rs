//! The scripts talk to their test as agreed, whatever the package prints.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use korinet_tests::python;
use serde_json::json;

#[tokio::test]
async fn the_package_talks_to_itself() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let mut server = python.start("server");
    let mut client = python.start("client");
    let port = server.ask_to("listen").await["port"].clone();
    server.tell(json!({"do": "accept"})).await;
    client.ask(json!({"do": "connect", "port": port})).await;
    server.hear().await.unwrap();
    client
        .tell(json!({"do": "send", "data": {"number": 1, "text": "ünïcödé"}}))
        .await;
    let message = server.ask_to("recv").await["message"].clone();
    assert_eq!(
        (&message["number"], &message["text"]),
        (&json!(1), &json!("ünïcödé"))
    );
    assert_eq!(message["id"].as_str().unwrap().len(), 32);
    assert_eq!(client.hear().await.unwrap(), json!({"sent": true}));
    // The constructor printed something, and that went nowhere but here.
    assert!(client.to_string().contains("ok"), "{client}");
}

#[tokio::test]
async fn an_exception_is_an_answer_and_a_killed_script_is_gone() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let mut raw = python.start("raw");
    raw.tell(json!({"do": "recv"})).await;
    let error = raw.hear().await.unwrap_err();
    assert!(error.starts_with("AttributeError: "), "{error}");
    let port = raw.ask_to("listen").await["port"].as_u64().unwrap();
    raw.kill().await;
    let refused = tokio::net::TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}
