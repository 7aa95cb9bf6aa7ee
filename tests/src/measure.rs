//! Figures of sessions beside bare TCP in the same process and the same run: for programs that print ratios, not
//! for tests, which assert no times.

mod bare;
pub mod idle;
pub mod pipe;
pub mod round_trip;
pub mod stream;

use std::net::Ipv4Addr;
use std::time::Duration;

use korinet::{Client, Server, Session};

/// A client and its session at a server of this process.
pub async fn pair() -> (Session, Session) {
    let server = Server::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port is free");
    let addr = server.local_addr().expect("it is TCP").to_string();
    pair_at(&server, addr).await
}

/// As [`pair`], at this server, dialled at `addr`.
pub async fn pair_at(server: &Server, addr: String) -> (Session, Session) {
    let client = Client::builder();
    let (client, accepted) = tokio::join!(client.connect(addr), server.accept());
    let client = client.expect("the server is there");
    (client, accepted.expect("the server is open"))
}

/// The value in the middle.
#[must_use]
pub fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("numbers compare"));
    values[values.len() / 2]
}

/// A runtime of one thread, where nothing is measured but the work itself.
#[must_use]
pub fn one_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime starts")
}

/// A runtime as an application has it by default.
#[must_use]
pub fn threads() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().expect("a runtime starts")
}

fn per_second(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}
