use std::time::Duration;

use korinet::{Client, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::within;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::pair;

/// Bytes of which no part looks like another.
fn content(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        state.to_be_bytes()
    });
    words.flatten().take(len).collect()
}

/// Large data goes both ways at once over a connection that is cut again and again, and pings go between.
#[tokio::test]
async fn large_bodies_go_on_in_the_middle_after_cuts() {
    const LEN: usize = 8 << 20;
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    let cuts = (1..=40_u64).map(|number| {
        let direction = match number % 2 {
            0 => Direction::ToServer,
            _ => Direction::ToClient,
        };
        let cut = match number % 3 {
            0 => Cut::Fin,
            _ => Cut::Reset,
        };
        Plan::cut(direction, Place::Byte(20_000 + 4_111 * number), cut)
    });
    proxy.plan(cuts);
    let client = Client::builder()
        .backoff(Duration::from_millis(1), Duration::from_millis(5))
        .first_connect(korinet::FirstConnect::Retry);
    let client = within("a session", client.connect(proxy.addr().to_string()));
    let client = client.await.unwrap();
    let accepted = within("a session", server.accept()).await.unwrap();
    tokio::spawn(accepted.requests().for_each(|mut request| async move {
        if request.decode::<&str>().unwrap() == "ping" {
            return request.respond("pong").await.unwrap();
        }
        // What comes in goes out, at the same time.
        let (mut reading, mut writing) = tokio::io::split(request.body());
        tokio::io::copy(&mut reading, &mut writing).await.unwrap();
        request.end().await.unwrap();
    }));
    let sent = content(LEN);
    let mut call = client.call("echo").open().await.unwrap();
    let (mut reading, mut writing) = tokio::io::split(call.body());
    let mut received = Vec::new();
    let upload = async {
        writing.write_all(&sent).await.unwrap();
        writing.shutdown().await.unwrap();
    };
    let pings = async {
        for _ in 0..100 {
            assert_eq!(client.request::<_, String>("ping").await.unwrap(), "pong");
        }
    };
    let work = async { tokio::join!(upload, reading.read_to_end(&mut received), pings) };
    let (_, read, ()) = within("the echo", work).await;
    assert_eq!(read.unwrap(), LEN);
    assert_eq!(Sha256::digest(&received), Sha256::digest(&sent));
    let stats = client.stats().unwrap();
    assert!(stats.connections > 30, "{stats:?}");
    assert_eq!(stats.lost, 0);
}

#[tokio::test]
async fn a_body_that_is_not_read_holds_up_nothing_and_ends_with_its_request() {
    let (client, server, _listening) = pair().await;
    let mut requests = server.requests();
    let mut call = client.call("upload").open().await.unwrap();
    let request = requests.recv().await.unwrap().unwrap();
    let chunk = [0; 100_000];
    let mut body = call.body();
    // Nobody reads: the writer stands still after what is allowed for a start.
    let writing = async {
        loop {
            if let Err(error) = body.write_all(&chunk).await {
                return error;
            }
        }
    };
    let answering = async {
        let ping = client.call("ping").open().await.unwrap();
        let pinged = requests.recv().await.unwrap().unwrap();
        pinged.respond("pong").await.unwrap();
        ping.answer().await.unwrap();
        request.respond("enough").await.unwrap();
    };
    let (error, ()) = within("the end", async { tokio::join!(writing, answering) }).await;
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(
        call.answer().await.unwrap().decode::<&str>().unwrap(),
        "enough"
    );
}

#[tokio::test]
async fn a_body_ends_by_an_error_where_its_request_does() {
    let (client, server, _listening) = pair().await;
    let requests = server.requests();
    tokio::spawn(requests.for_each(|mut request| async move {
        request.body().write_all(b"half").await.unwrap();
        if request.decode::<u8>().unwrap() == 0 {
            request.send("no bytes").await.unwrap();
        }
        request.fail("disk is gone").await.unwrap();
    }));
    for (question, expect) in [(0_u8, "expected raw bytes"), (1, "failed: disk is gone")] {
        let mut call = client.call(&question).open().await.unwrap();
        let mut read = Vec::new();
        let error = call.body().read_to_end(&mut read).await.unwrap_err();
        assert_eq!(read, b"half");
        assert!(error.to_string().contains(expect), "{error}");
    }
}
