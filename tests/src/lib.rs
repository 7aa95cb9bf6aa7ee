//! What the tests that cross the crates are made of: a Python peer, numbered messages, the bodies of the fuzz
//! targets, and models for a checker.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "this crate is test code: a failed unwrap is a failed test, and so is what nobody expects"
)]

mod deadline;
pub mod endurance;
pub mod fuzz;
mod host;
pub mod hostile;
pub mod measure;
pub mod model;
pub mod numbered;
pub mod over;
pub mod pitfalls;
pub mod pki;
pub mod python;
pub mod reference;
pub mod set_back;
pub mod sim;
pub mod transfer;
pub mod vectors;

pub use deadline::within;

/// An error with all its causes, as a user would read it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}

/// The examples of the README, compiled as documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// Settings of a client of protocol v2.
pub fn v2_client() -> korinet::ClientBuilder {
    korinet::Client::builder().protocol(korinet::Protocol::V2)
}

/// Settings of a server of protocol v2 alone: its sessions begin with their connections.
pub fn v2_server() -> korinet::ServerBuilder {
    korinet::Server::builder().protocols(&[korinet::Protocol::V2])
}
