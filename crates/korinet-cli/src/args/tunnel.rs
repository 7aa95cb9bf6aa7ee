use clap::{Args, Subcommand};

use super::parse_addr;
use super::session::{Remote, Service};

#[derive(Debug, Args)]
pub(crate) struct Tunnel {
    #[command(subcommand)]
    pub(crate) end: TunnelEnd,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TunnelEnd {
    /// Be the far end: take sessions, and connect each to a target
    ///
    /// Whoever may open a session here reaches the target, and nothing else. What happens to connections is told
    /// on stderr.
    #[command(after_help = "Example: korinet tunnel listen 127.0.0.1:1235 --to 127.0.0.1:22")]
    Listen(TunnelListen),
    /// Be the near end: take TCP connections, and carry each to the far end
    ///
    /// Each is a session of its own. A connection that comes while the far end cannot be reached waits until it can, or
    /// until --timeout.
    #[command(
        after_help = "Example: korinet tunnel connect 127.0.0.1:1235 --listen 127.0.0.1:2222\n         \
                      ssh -p 2222 localhost"
    )]
    Connect(TunnelConnect),
}

#[derive(Debug, Args)]
pub(crate) struct TunnelListen {
    /// Where connections go on to, HOST:PORT, looked up anew for each
    #[arg(long, value_name = "TARGET", value_parser = parse_addr)]
    pub(crate) to: String,
    /// Tell what happens as lines of JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) service: Service,
}

#[derive(Debug, Args)]
pub(crate) struct TunnelConnect {
    /// Where to take TCP connections, HOST:PORT; port 0 lets the system choose
    #[arg(long, value_name = "LOCAL", value_parser = parse_addr)]
    pub(crate) listen: String,
    /// Tell what happens as lines of JSON on stdout
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}
