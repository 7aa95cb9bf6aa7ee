use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Protocols, parse_protocols};

/// The most bytes of a frame that are taken, unless it is said: more than any peer should send.
const MAX_FRAME: u32 = 64 * 1024 * 1024;

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// What to read; - for stdin
    #[arg(value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,
    /// What FILE holds: hex, raw (the bytes of one direction of a connection), capture (pcap or pcapng), or flight (what
    /// the flight recorder of a session tells)
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) input: Input,
    /// Which protocol is spoken: v2 or v3, or auto to find out
    #[arg(long, value_name = "VERSION", default_value = "auto", value_parser = parse_protocols)]
    pub(crate) protocol: Protocols,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    /// Of a capture, show connections with this port only
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Show so many characters of a payload; 0 for none. JSON has all of it, or none
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) payload: usize,
    /// Take longer frames for malformed
    #[arg(long, value_name = "BYTES", default_value_t = MAX_FRAME,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_frame: u32,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Input {
    Auto,
    Hex,
    Raw,
    Capture,
    Flight,
}
