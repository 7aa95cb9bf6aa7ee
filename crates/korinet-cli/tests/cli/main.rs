//! The `korinet` command as a shell sees it: its lines, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod connect;
#[cfg(unix)]
mod kill;
mod listen;
mod ping;
mod refused;
mod run;
