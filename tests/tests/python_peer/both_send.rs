//! Both sides send at the same time: where the package takes the other's message for its acknowledgement and fails,
//! a Rust peer tells them apart.

use korinet_tests::numbered::{message, number_of};
use korinet_tests::python;
use serde_json::json;

use super::{accept, python_listener, recv, rust_client, rust_server};

#[tokio::test]
async fn a_python_peer_that_sends_a_message_before_its_acknowledgement() {
    let Some(python) = python::interpreter() else {
        return;
    };
    let (mut peer, addr) = python_listener(&python, "raw").await;
    let mut client = rust_client(addr).await;
    peer.ask_to("accept").await;
    let server = rust_server().await;
    let mut other = python.start("raw");
    other
        .ask(json!({"do": "connect", "port": server.local_addr().unwrap().port()}))
        .await;
    let mut server = accept(&server).await;

    for (session, peer) in [(&mut client, &mut peer), (&mut server, &mut other)] {
        for number in 1..=10 {
            let exchange = async {
                assert_eq!(peer.ask_to("recv").await["message"]["number"], 100 + number);
                peer.ask(json!({"do": "send", "data": {"number": number}}))
                    .await;
                // The message is acknowledged although the session waits for an acknowledgement itself.
                assert_eq!(peer.ask_to("recv").await["message"]["statusP"], true);
                peer.ask(json!({"do": "send", "data": {"statusP": true}}))
                    .await;
            };
            let message = message(100 + number);
            let ((), sent) = tokio::join!(exchange, session.send(&message));
            sent.unwrap();
            assert_eq!(number_of(&recv(session).await), number);
        }
    }
}
