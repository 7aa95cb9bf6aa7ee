//! The `korinet` command as a shell sees it: its lines, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cert;
mod chaos;
mod connect;
mod dir;
#[cfg(unix)]
mod kill;
mod listen;
mod ping;
mod refused;
mod run;
