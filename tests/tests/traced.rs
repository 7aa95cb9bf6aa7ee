//! What `tracing` is told of a session: whose it is, and never its key.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use korinet::call::{Failure, TraceContext};
use korinet::wire::v3::Code;
use korinet::{Authenticated, Client, Credential, Server};
use korinet_chaos::{Cut, Direction, Place, Plan, Proxy};
use korinet_tests::within;
use tracing_subscriber::filter::LevelFilter;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What is traced on this thread, for as long as the guard is kept.
    fn of_thread(level: LevelFilter) -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

#[tokio::test]
async fn a_request_has_a_span_on_both_sides_and_they_have_the_trace_in_common() {
    let (lines, _guard) = Lines::of_thread(LevelFilter::TRACE);
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let client = Client::connect(addr).await.unwrap();
    let accepted = within("the session", server.accept()).await.unwrap();
    tokio::spawn(accepted.requests().serve(|_: u8| async {
        tracing::info!("worked on");
        Ok::<_, Failure>(())
    }));
    let trace = TraceContext::root();
    let call = client.call(&7_u8).trace(trace.clone());
    within("the answer", call.answer::<()>()).await.unwrap();
    let traced = lines.text();
    for event in ["worked on", "answered"] {
        let span = format!("request{{seq=1 trace=\"{}\"}}", trace.trace_id());
        let mut of_event = traced.lines().filter(|line| line.ends_with(event));
        let line = of_event.next().unwrap_or_default();
        assert!(line.contains(&span), "no {event:?} in {span}:\n{traced}");
    }
}

#[tokio::test]
async fn a_session_is_named_on_each_of_its_connections() {
    let (lines, _guard) = Lines::of_thread(LevelFilter::TRACE);
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap()).await.unwrap();
    // What the server says comes to the test in the clear: the key is in its welcome.
    proxy.plan([Plan::cut(
        Direction::ToServer,
        Place::AfterFrame(2),
        Cut::Reset,
    )]);
    let client = Client::builder().backoff(Duration::from_millis(1), Duration::from_millis(10));
    let client = within("the connection", client.connect(proxy.addr().to_string()));
    let client = client.await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();
    let secret_text = "not for the log";
    within("the acknowledgement", client.send(secret_text))
        .await
        .unwrap();
    assert!(accepted.recv().await.unwrap().is_some());
    assert_eq!(proxy.counts().reset, 1);
    let id = client.id().unwrap();
    let shown = format!("{client:?} {accepted:?}");
    client.close().await.unwrap();

    let traced = lines.text();
    let named = format!("session={}", id.short());
    let of_session: Vec<&str> = traced
        .lines()
        .filter(|line| line.contains(&named))
        .collect();
    for (text, attach) in [("attached", 1), ("detached", 1), ("attached", 2)] {
        let wanted = [text.to_owned(), format!("attach={attach}")];
        let is_told = of_session
            .iter()
            .any(|line| wanted.iter().all(|part| line.contains(part)));
        assert!(is_told, "no \"{text}\" of connection {attach}:\n{traced}");
    }
    assert!(
        traced.contains(&format!("peer={}", proxy.addr())),
        "{traced}"
    );
    for told in [&traced, &shown] {
        assert!(!told.contains(secret_text), "{told}");
        // A key is 32 bytes, whichever way they are written.
        let run = told
            .split(|c: char| !c.is_ascii_hexdigit())
            .map(str::len)
            .max();
        assert!(run.unwrap_or(0) < 64, "{told}");
    }
}

#[tokio::test]
async fn the_log_has_what_led_to_a_bad_end_once_and_no_secret() {
    let (lines, _guard) = Lines::of_thread(LevelFilter::WARN);
    let server = Server::builder()
        .flight_recorder(64)
        .authenticate(async |_| Ok(Authenticated::new("somebody")));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder()
        .flight_recorder(64)
        .credentials(async || Ok::<_, io::Error>(Credential::new("token", b"open sesame")));
    let client = client.connect(server.local_addr().unwrap().to_string());
    let mut client = within("the connection", client).await.unwrap();
    let accepted = within("the session", server.accept()).await.unwrap();
    let sent = client.send("not for the log");
    within("the acknowledgement", sent).await.unwrap();
    let closing = accepted.close_with(Code::INTERNAL, "out of order");
    let (closed, received) =
        within("the end", async { tokio::join!(closing, client.recv()) }).await;
    closed.unwrap();
    received.unwrap_err();
    let log = lines.text();
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    assert_eq!(
        log.matches("\nkorinet flight record 1: side=client")
            .count(),
        1,
        "{log}"
    );
    assert!(log.contains(" > DATA seq=1 kind=message len=16\n"), "{log}");
    assert!(
        log.contains(" * over, 0 in doubt: session was closed by the peer: internal"),
        "{log}"
    );
    for secret in ["open sesame", "not for the log"] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(client.flight_record().is_some());
}
