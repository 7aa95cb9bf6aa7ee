//! The facade of protocol v3, used as an application does, over real sockets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod bodies;
mod calls;
mod cancel;
mod messages;
mod servers;
mod settings;

use korinet::{AckLevel, Client, Server, Session};
use korinet_tests::within;

/// A client and its session at a server, which is there as long as it is kept.
async fn pair() -> (Session, Session, Server) {
    pair_at(AckLevel::Received).await
}

async fn pair_at(level: AckLevel) -> (Session, Session, Server) {
    let server = Server::builder().ack_level(level);
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = Client::builder().ack_level(level);
    let client = within("the connection", client.connect(addr))
        .await
        .unwrap();
    let accepted = within("the session", server.accept()).await.unwrap();
    (client, accepted, server)
}
