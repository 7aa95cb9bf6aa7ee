use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use korinet::Protocol;

use super::chaos::parse_bytes;
use super::{Peer, PeerSecurity, parse_addr};

/// How long to go on reconnecting: a round with an outage in it is measured with it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The sizes that are measured, unless it is said.
const SIZES: &str = "16,256,4096,65536";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Measure to this peer, HOST:PORT [default: a server of its own, on this machine]
    #[arg(value_name = "ADDR", value_parser = parse_addr)]
    addr: Option<String>,
    /// Be the peer that another `korinet bench` measures to, at HOST:PORT: take all messages, and do nothing with them
    #[arg(long, value_name = "ADDR", value_parser = parse_addr,
          conflicts_with_all = ["addr", "sizes", "rounds", "duration", "json", "svg"])]
    pub(crate) serve: Option<String>,
    /// With --serve, also take connections from other machines, without TLS
    #[arg(long, requires = "serve")]
    pub(crate) allow_plaintext: bool,
    /// Sizes of messages, such as 16,4k,1M
    #[arg(long, value_name = "BYTES", default_value = SIZES, value_delimiter = ',', value_parser = parse_bytes)]
    pub(crate) sizes: Vec<NonZeroU64>,
    /// How often each is measured
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// How long each of those takes, at the least
    #[arg(long, value_name = "DUR", default_value = "200ms", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Also draw what was measured into this file, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    security: PeerSecurity,
}

impl Bench {
    /// Whom to measure to, if it is somebody else.
    pub(crate) fn into_peer(self) -> Option<Peer> {
        Some(Peer {
            addr: self.addr?,
            protocol: Protocol::V3,
            keepalive: None,
            timeout: TIMEOUT,
            security: self.security,
        })
    }

    /// What does not go together.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.addr.is_none() && self.security.has_tls() {
            return Err(
                "--tls and --tls-ca need ADDR: the server of its own has no TLS".to_owned(),
            );
        }
        Ok(())
    }
}
