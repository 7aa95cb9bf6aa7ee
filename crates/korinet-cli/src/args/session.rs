//! What the commands have in common that speak protocol v3 only.

use std::time::Duration;

use clap::Args;
use korinet::Protocol;

use super::{ListenSecurity, Peer, PeerSecurity, parse_addr};

/// Where sessions come in, and how.
#[derive(Debug, Args)]
pub(crate) struct Service {
    /// Where to listen, HOST:PORT; port 0 lets the system choose
    #[arg(value_name = "ADDR", value_parser = parse_addr)]
    pub(crate) addr: String,
    /// How often an idle peer is asked whether it is there, at the most; 0s for never
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub(crate) keepalive: Option<Duration>,
    /// How long to keep a session whose connection is lost, at the most
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) security: ListenSecurity,
}

/// Whom to open sessions with, and how.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// Whom to connect to, HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_addr)]
    addr: String,
    /// How often an idle peer is asked whether it is there; 0s for never [default: 15s]
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    keepalive: Option<Duration>,
    /// How long to go on connecting, at the beginning and after a loss, such as 500ms, 2m or 1h30m
    #[arg(long, value_name = "DUR", default_value = "2m", value_parser = humantime::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    security: PeerSecurity,
}

impl Remote {
    /// The same as a peer of protocol v3.
    pub(crate) fn into_peer(self) -> Peer {
        let Self {
            addr,
            keepalive,
            timeout,
            security,
        } = self;
        Peer {
            addr,
            protocol: Protocol::V3,
            keepalive,
            timeout,
            security,
        }
    }
}
