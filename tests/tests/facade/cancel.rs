//! Futures that are given up while they wait, over real sockets.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use korinet::{Client, Server};
use korinet_tests::within;

use super::pair;

/// Polls a future so many times, and gives everything else its turns in between; what came of it.
async fn give_up_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Some(output);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    None
}

#[tokio::test]
async fn sending_and_receiving_lose_and_double_nothing() {
    let (client, mut server, _listening) = pair().await;
    let mut accepted = 0_u32;
    for polls in 0..5 {
        assert!(give_up_after(polls, server.recv()).await.is_none());
        let _ = give_up_after(polls, client.send(&accepted)).await;
        // It is accepted with the first poll.
        accepted += u32::from(polls > 0);
        let receipt = client.enqueue(&accepted).await.unwrap();
        accepted += 1;
        let _ = give_up_after(polls, receipt).await;
        for number in accepted - 1 - u32::from(polls > 0)..accepted {
            let message = within("a message", server.recv()).await.unwrap().unwrap();
            assert_eq!(message.decode::<u32>().unwrap(), number);
        }
    }
    let _ = give_up_after(1, client.close()).await;
    assert!(within("the end", server.recv()).await.unwrap().is_none());
}

#[tokio::test]
async fn connecting_and_accepting_leave_nothing_behind() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let mut connected = 0;
    for polls in 0..6 {
        let builder = Client::builder();
        let session = give_up_after(polls, builder.connect(addr.as_str())).await;
        connected += usize::from(session.is_some());
        drop(session);
        // It was closed by the one who gave up, if it was opened at all.
        let is_empty = async {
            while server.sessions() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        within("the session's end", is_empty).await;
    }
    assert!(connected > 0);
    while give_up_after(3, server.accept()).await.is_some() {}
    let client = Client::connect(addr.as_str()).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    client.send("it is this one").await.unwrap();
    let message = within("a message", accepted.recv()).await.unwrap().unwrap();
    assert_eq!(message.decode::<&str>().unwrap(), "it is this one");
}
