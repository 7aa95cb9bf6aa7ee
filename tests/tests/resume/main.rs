//! Sessions of protocol v3 over real TCP links that break.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod every_byte;
mod half_open;
mod many_cuts;

use std::time::Duration;

use korinet::{Client, ClientBuilder, FirstConnect};
use korinet_tests::over::Over;

/// A client that comes back at once.
fn client(over: Over) -> ClientBuilder {
    over.client(Client::builder())
        .first_connect(FirstConnect::Retry)
        .backoff(Duration::from_millis(1), Duration::from_millis(10))
}
