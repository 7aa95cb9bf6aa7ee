//! TLS and authentication, as an application uses them, over real sockets.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod authentication;
mod certificates;
mod exporter;
mod renewal;

use korinet::tls::{ClientTls, ServerTls};
use korinet::{Client, ClientBuilder, ConnectError, Server, ServerBuilder, Session};
use korinet_tests::{chain, within};

fn server(tls: &ServerTls) -> ServerBuilder {
    Server::builder().tls(tls)
}

fn client(tls: &ClientTls) -> ClientBuilder {
    Client::builder().tls(tls)
}

async fn bind(builder: &ServerBuilder) -> (Server, String) {
    let server = builder.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    (server, addr)
}

async fn connect(client: &ClientBuilder, addr: &str) -> Result<Session, ConnectError> {
    within("the connection", client.connect(addr)).await
}

/// Why there is no session.
async fn refused(client: &ClientBuilder, addr: &str) -> String {
    chain(&connect(client, addr).await.unwrap_err())
}

/// A message goes there and another comes back.
async fn converse(client: &mut Session, server: &mut Session) {
    client.send("there").await.unwrap();
    let message = within("a message", server.recv()).await.unwrap().unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "there");
    server.send("back").await.unwrap();
    let message = within("a message", client.recv()).await.unwrap().unwrap();
    assert_eq!(message.decode::<String>().unwrap(), "back");
}
