//! The memory of a session whose peer does not read, against the formula of the documentation.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use bytes::Bytes;
use korinet::{Client, Server};
use korinet_tests::within;

/// Bytes of payload in one message.
const LEN: usize = 1000;
/// The window, in messages and in bytes; the bytes are what is used up first.
const WINDOW: (usize, usize) = (100_000, 1024 * 1024);
/// What a message costs beside its frame, in the send window and in the two receive windows; and the frame's own
/// part that is no payload.
const BESIDE: usize = 16 + 2 * 136 + 3 * 24;
/// What there is whether messages are under way or not: buffers, sockets, tasks of both sides.
const CONSTANT: usize = 1024 * 1024;

/// The sender's window, the receiver's two, and a constant: not more, and not for ever more.
#[test]
fn a_peer_that_does_not_read_costs_three_windows() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut accepted = 0;
    let measured = allocation_counter::measure(|| {
        accepted = runtime.block_on(flood());
    });
    // The link was not lost either, and a window is full of messages.
    assert!(accepted > 2 * WINDOW.1 / (LEN + 40), "{accepted}");
    assert!(accepted < 4 * WINDOW.1 / LEN, "{accepted}");
    let messages = WINDOW.1 / LEN;
    let formula = 3 * WINDOW.1 + messages * BESIDE + CONSTANT;
    let most = usize::try_from(measured.bytes_max).unwrap();
    let shown = format!("{most} bytes at the most, {formula} by the formula, {accepted} accepted");
    assert!(most <= formula, "{shown}");
    assert!(most >= 2 * WINDOW.1, "the windows were not filled: {shown}");
}

/// Sends until nothing more is accepted for a while; how many were.
async fn flood() -> usize {
    let server = Server::builder()
        .window(WINDOW.0, WINDOW.1)
        .keep_alive(Duration::from_millis(100));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = Client::builder().window(WINDOW.0, WINDOW.1);
    let client = within("the connection", client.connect(addr))
        .await
        .unwrap();
    let _idle = within("the session", server.accept()).await.unwrap();
    let mut accepted = 0;
    let flooding = async {
        loop {
            let message = Bytes::from_static(&[7; LEN]);
            let sent = client.sender().enqueue_raw(message).await;
            let _receipt = sent.unwrap();
            accepted += 1;
        }
    };
    // Several times the keep-alive interval: the peer's application is stopped, its session is not.
    let _ = tokio::time::timeout(Duration::from_secs(1), flooding).await;
    assert_eq!(client.stats().unwrap().connections, 1);
    accepted
}
