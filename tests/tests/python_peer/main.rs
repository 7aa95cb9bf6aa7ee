//! The Python package as a live peer, in both roles and raw.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod both_send;
mod cuts;
mod cuts_to_client;
mod odd_types;
mod raw;
mod repeats;
mod restarts;
mod sizes;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use korinet::{ClientBuilder, Message, Server, Session};
use korinet_tests::python::{Interpreter, Script};
use korinet_tests::{v2_client, within};
use serde_json::json;

/// A Rust server with the default settings.
async fn rust_server() -> Server {
    Server::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap()
}

/// A Python client that connects there.
async fn python_client(python: &Interpreter, addr: SocketAddr) -> Script {
    let mut client = python.start("client");
    client
        .ask(json!({"do": "connect", "port": addr.port()}))
        .await;
    client
}

/// A Python server that listens, or a raw peer that does.
async fn python_listener(python: &Interpreter, script: &'static str) -> (Script, SocketAddr) {
    let mut server = python.start(script);
    let port = server.ask_to("listen").await["port"].as_u64().unwrap();
    let addr = (Ipv4Addr::LOCALHOST, u16::try_from(port).unwrap()).into();
    (server, addr)
}

/// Settings with which a client connects again at once.
fn quick() -> ClientBuilder {
    v2_client().backoff(Duration::from_millis(1), Duration::from_millis(20))
}

async fn rust_client(addr: SocketAddr) -> Session {
    quick().connect(addr.to_string()).await.unwrap()
}

async fn accept(server: &Server) -> Session {
    within("a connection", server.accept()).await.unwrap()
}

async fn recv(session: &mut Session) -> Message {
    let message = within("a message", session.recv()).await.unwrap();
    message.expect("a message and not the end")
}
