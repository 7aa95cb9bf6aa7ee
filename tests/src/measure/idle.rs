//! Many sessions at once: what memory they take, and how a crowd comes back.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use korinet::{Client, Server, Session, State};
use korinet_chaos::{Faults, Proxy};

/// The memory that this process has now, in bytes, by the system's count.
#[must_use]
pub fn resident() -> u64 {
    of_status("VmRSS:")
}

/// What the system says of this process's memory under this name, in bytes.
#[must_use]
pub fn of_status(name: &str) -> u64 {
    of_status_of("self", name)
}

/// The same of another process, by its id.
#[must_use]
pub fn of_status_of(process: &str, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Clients with their sessions, all in this process; they come by `addr`.
async fn clients(addr: &str, count: usize) -> Vec<Session> {
    let mut sessions = Vec::with_capacity(count);
    let client = Client::builder().keep_alive(Duration::from_secs(60));
    for _ in 0..count {
        sessions.push(client.connect(addr).await.expect("the server is there"));
    }
    sessions
}

/// A server that accepts `count` sessions and keeps them.
async fn keep(server: &Server, count: usize) -> Vec<Session> {
    let mut sessions = Vec::with_capacity(count);
    while sessions.len() < count {
        sessions.push(server.accept().await.expect("the server is open"));
    }
    sessions
}

/// How a crowd came back after its server was gone and another was started.
#[derive(Debug)]
pub struct Storm {
    /// From the new server's start until the last client was attached.
    pub all_back: Duration,
    /// Connections that came to the port, attempts included.
    pub connections: u64,
}

/// `count` clients lose their server at one moment; another takes its place `down` later.
pub async fn storm(count: usize, down: Duration) -> Storm {
    let first = Server::builder().max_sessions(count);
    let first = first.bind("127.0.0.1:0").await.expect("a port is free");
    let local: SocketAddr = "127.0.0.1:0".parse().expect("it is an address");
    let target = first.local_addr().expect("it is TCP");
    let proxy = Proxy::bind(local, target, Faults::new(0)).await;
    let proxy = proxy.expect("a port is free");
    let addr = proxy.addr().to_string();
    let (clients, kept) = tokio::join!(clients(&addr, count), keep(&first, count));
    let before = proxy.counts().connections;
    proxy.close_port().await;
    first.shut_down(Duration::ZERO, None).await;
    drop((kept, first));
    tokio::time::sleep(down).await;
    let second = Server::builder().max_sessions(count);
    let second = second.bind("127.0.0.1:0").await.expect("a port is free");
    proxy.set_target(second.local_addr().expect("it is TCP"));
    proxy.open_port().await.expect("it is free");
    let start = Instant::now();
    let accepting = tokio::spawn(async move { keep(&second, count).await });
    for client in &clients {
        let mut state = client.state();
        let attached = state.wait_for(|state| *state == State::Attached).await;
        attached.expect("the session is not over");
    }
    let _kept = accepting.await.expect("it does not panic");
    Storm {
        all_back: start.elapsed(),
        connections: proxy.counts().connections - before,
    }
}
