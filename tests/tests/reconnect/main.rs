//! Rust peers over connections that break: at every byte, at random, in silence, by refusal, with a server that
//! comes back.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod at_random;
mod every_byte;
mod outage;
mod restart;
mod silence;

use std::time::Duration;

use korinet::ClientBuilder;
use korinet_tests::v2_client;

/// Settings with which a client connects again at once.
fn quick() -> ClientBuilder {
    v2_client().backoff(Duration::from_millis(1), Duration::from_millis(10))
}
