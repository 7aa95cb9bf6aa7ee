//! The `korinet` command as a shell sees it: its lines, its exit codes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod authority;
mod bench;
mod cert;
mod chaos;
mod client_certs;
mod connect;
mod dir;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod files_hostile;
#[cfg(unix)]
mod files_resumed;
mod inspect;
#[cfg(unix)]
mod kill;
mod listen;
mod openssl;
mod ping;
mod plaintext;
mod refused;
mod run;
mod shell;
mod tls;
mod tls_usage;
mod token;
#[cfg(unix)]
mod tunnel;
#[cfg(unix)]
mod tunnel_ends;
#[cfg(unix)]
mod tunnel_programs;
