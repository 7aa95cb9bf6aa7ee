//! Conversations over the loopback, and what both ends sent on each of their connections.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use korinet::{AckLevel, Client, Server, Value};
use korinet_tests::{v2_client, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::capture::{Capture, From};
use crate::expected::v3_lines;

/// What one end sent at a time.
type Sent = (From, Vec<u8>);

/// The connections that went through a proxy.
pub(crate) struct Recorder {
    addr: String,
    connections: Arc<Mutex<Vec<Vec<Sent>>>>,
    changed: watch::Receiver<u64>,
}

impl Recorder {
    /// Starts a proxy that forwards to `target`, and keeps what it forwards.
    async fn start(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let (tell, changed) = watch::channel(0);
        let tell = Arc::new(tell);
        let kept = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // It may be gone.
                let Ok(server) = TcpStream::connect(&target).await else {
                    continue;
                };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(Vec::new());
                    kept.len() - 1
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                for (from, input, output) in [
                    (From::Client, from_client, to_server),
                    (From::Server, from_server, to_client),
                ] {
                    let (kept, tell) = (Arc::clone(&kept), Arc::clone(&tell));
                    let keep = move |bytes: &[u8]| {
                        kept.lock().unwrap()[number].push((from, bytes.to_vec()));
                        tell.send_modify(|count| *count += 1);
                    };
                    tokio::spawn(forward(input, output, keep));
                }
            }
        });
        Self {
            addr,
            connections,
            changed,
        }
    }

    /// Waits until frames were sent that begin so, on whichever connection.
    async fn wait_for(&mut self, starts: &[&str]) {
        let found = async {
            let mut lines = self.lines();
            while !starts
                .iter()
                .all(|start| lines.iter().any(|line| line.starts_with(start)))
            {
                self.changed.changed().await.unwrap();
                lines = self.lines();
            }
        };
        within(format!("{starts:?}"), found).await;
    }

    /// The frames that were sent.
    fn lines(&self) -> Vec<String> {
        let connections = self.connections.lock().unwrap().clone();
        let ends = connections.iter().flat_map(|sent| {
            [From::Client, From::Server].map(|end| v3_lines(&bytes_of(sent, end), u32::MAX))
        });
        ends.flat_map(|lines| lines.frames).collect()
    }

    /// The names of the frames that were sent.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let lines = self.lines();
        let names = lines.iter().filter_map(|line| line.split(' ').next());
        names.map(str::to_owned).collect()
    }

    /// The connections, in a capture in which no segment has more than `most` bytes; what each end of each sent.
    pub(crate) fn capture(&self, most: usize) -> (Capture, Vec<[Vec<u8>; 2]>) {
        let mut capture = Capture::new();
        let connections = self.connections.lock().unwrap();
        for sent in &*connections {
            let number = capture.open();
            for (from, bytes) in sent {
                capture.send_by(number, *from, bytes, most);
            }
        }
        let bytes = connections
            .iter()
            .map(|sent| [From::Client, From::Server].map(|end| bytes_of(sent, end)));
        let bytes = bytes.collect();
        (capture, bytes)
    }
}

fn bytes_of(sent: &[Sent], end: From) -> Vec<u8> {
    let parts = sent.iter().filter(|(from, _)| *from == end);
    parts.flat_map(|(_, bytes)| bytes.clone()).collect()
}

async fn forward(mut input: OwnedReadHalf, mut output: OwnedWriteHalf, keep: impl Fn(&[u8])) {
    let mut buffer = [0; 4096];
    while let Ok(len @ 1..) = input.read(&mut buffer).await {
        keep(&buffer[..len]);
        if output.write_all(&buffer[..len]).await.is_err() {
            return;
        }
    }
    let _ = output.shutdown().await;
}

/// A conversation of v3 in which every frame occurs: connections get too old, a second session is one too many, and the
/// server shuts down.
pub(crate) async fn v3() -> Recorder {
    let server = Server::builder()
        .ack_level(AckLevel::Processed)
        .max_sessions(1)
        .max_connection_age(Duration::from_millis(1500))
        .keep_alive(Duration::from_millis(100));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let mut recorder = Recorder::start(addr).await;
    let client = Client::builder()
        .ack_level(AckLevel::Processed)
        .timeout(Duration::from_secs(5))
        .keep_alive(Duration::from_millis(100))
        .application("dissector", "1");
    let client = client.connect(recorder.addr.as_str()).await.unwrap();
    let mut accepted = within("the session", server.accept()).await.unwrap();

    let second = within("the refusal", Client::connect(recorder.addr.as_str())).await;
    assert!(second.is_err());
    // It never reads, so what is sent to it stays unacknowledged, and a server that shuts down announces that.
    let (client, _receiver) = client.split();
    let _receipt = client.enqueue(&message(1)).await.unwrap();
    assert!(client.send_volatile(&message(2)).unwrap());
    let _receipt = client.enqueue_raw(&b"\xff\xfe"[..]).await.unwrap();
    let _receipt = accepted.enqueue(&message(3)).await.unwrap();
    let said = async {
        let before = [
            "VOLATILE",
            "ACK",
            "PING",
            "PONG",
            "REJECT",
            "WELCOME resumed",
        ];
        recorder.wait_for(&before).await;
        let announced = async {
            recorder.wait_for(&["GOAWAY"]).await;
            // A connection may get too old just now, and find nobody then; what was said until then is enough.
            let _ = client.close().await;
        };
        tokio::join!(server.shut_down(Duration::from_secs(5), None), announced);
    };
    let heard = async {
        while let Ok(Some(message)) = accepted.recv().await {
            accepted.done(&message);
        }
    };
    within("the end", async { tokio::join!(said, heard) }).await;
    recorder
}

/// A conversation of v2.
pub(crate) async fn v2() -> Recorder {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let addr = server.local_addr().unwrap().to_string();
    let recorder = Recorder::start(addr).await;
    let client = v2_client().connect(recorder.addr.as_str()).await.unwrap();
    let serve = async {
        let mut accepted = within("the session", server.accept()).await.unwrap();
        while let Some(_message) = accepted.recv().await.unwrap() {}
    };
    let speak = async {
        for number in 0..3 {
            client.send(&message(number)).await.unwrap();
        }
        client.close().await.unwrap();
    };
    tokio::join!(speak, within("the end", serve));
    recorder
}

fn message(number: u64) -> Value {
    Value::Map(vec![("number".into(), number.into())])
}
