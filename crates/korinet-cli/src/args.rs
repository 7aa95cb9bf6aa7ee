mod bench;
mod cert;
mod chaos;
mod file;
mod inspect;
mod secure;
mod session;
mod shell;
mod tunnel;

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use korinet::Protocol;

pub(crate) use bench::Bench;
pub(crate) use cert::{Cert, MAX_DAYS};
pub(crate) use chaos::Chaos;
pub(crate) use file::{ReceiveFile, SendFile};
pub(crate) use inspect::{Input, Inspect};
pub(crate) use secure::{ListenSecurity, PeerSecurity};
pub(crate) use session::Service;
pub(crate) use shell::{Completions, Man};
pub(crate) use tunnel::{Tunnel, TunnelConnect, TunnelEnd, TunnelListen};

/// Structured conversations over TCP that survive broken connections.
#[derive(Debug, Parser)]
#[command(name = "korinet", version, arg_required_else_help = true)]
pub(crate) struct Command {
    #[command(subcommand)]
    pub(crate) action: Action,
}

impl Command {
    /// The command line; where it is wrong, that is told, and the program ends.
    pub(crate) fn parse_or_exit() -> Self {
        let command = Self::parse();
        if let Err((name, text)) = command.action.check() {
            let mut whole = Self::command();
            // The usage that is told is that of the subcommand.
            whole.build();
            let part = whole.find_subcommand_mut(name);
            let error = part.map(|part| part.error(ErrorKind::ArgumentConflict, text));
            error.map_or_else(|| unreachable!("{name} is a subcommand"), |it| it.exit());
        }
        command
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Print the messages of all who connect
    ///
    /// Each message is one line of JSON on stdout, {"id": …, "data": …}, and is acknowledged once
    /// that line is written and flushed. One that may have come before, in a session that was lost, has
    /// "redelivered": true. What happens to connections is told on stderr.
    #[command(after_help = "Example: korinet listen 127.0.0.1:1235 --reply '{\"status\": true}'")]
    Listen(Listen),
    /// Send each line of stdin as a message
    ///
    /// Each line is one JSON value; they are sent in order, in protocol v2 each after the one before it
    /// is acknowledged. Received messages are printed as `korinet listen` prints them. When stdin ends
    /// and everything is acknowledged, the command ends.
    #[command(after_help = "Example: echo '{\"type\": \"ping\"}' | korinet connect 127.0.0.1:1235")]
    Connect(Connect),
    /// Measure acknowledged round trips
    #[command(after_help = "Example: korinet ping 127.0.0.1:1235 -c 100 -i 0s")]
    Ping(Ping),
    /// Forward connections, and break, delay or split them
    ///
    /// Any protocol is forwarded. What happens to connections is told on stderr; when the command is
    /// ended by Ctrl-C, all that was done is counted on stdout. Without any fault, everything is
    /// forwarded as it is. The same seed does the same to connections that come in the same order.
    #[command(
        after_help = "Example: korinet chaos 127.0.0.1:1236 127.0.0.1:1235 --cut-random 20k --delay 50ms"
    )]
    Chaos(Chaos),
    /// Make certificates to try TLS with
    ///
    /// An authority, ca.pem and ca.key, is made once and used again; it is for development. The server
    /// gets server.pem and server.key. No file is overwritten, and the server's stay where --client alone
    /// is given.
    #[command(after_help = "Example: korinet cert --dir certs --name localhost --client bob")]
    Cert(Cert),
    /// Measure what messages take, by their size
    ///
    /// Round trips are messages that each wait for the acknowledgement of the one before; streams are messages that do
    /// not. Both sides are this machine's, each on a thread of its own, unless ADDR is given: a `korinet bench --serve`
    /// there, or any other server, which has to do something with what it gets. Of several rounds the middle one counts,
    /// and the others are told.
    #[command(after_help = "Example: korinet bench --sizes 16,4k,1M --svg bench.svg")]
    Bench(Bench),
    /// Print what bytes of the protocol say, frame by frame
    ///
    /// They are hex digits as in PROTOCOL.md and its test vectors, the bytes of one direction of a connection, or a
    /// capture (pcap or pcapng); which of them, and whether v2 or v3 is spoken, is found out. Of what is malformed, the
    /// reason and the place are told, and the next connection follows; the exit code is 1 then. Keys, proofs and
    /// credentials are not shown; payloads are, unless --payload 0 is given.
    #[command(after_help = "Example: tcpdump -U -i lo -w - tcp port 1235 | korinet inspect")]
    Inspect(Inspect),
    /// Print a script that completes this command in a shell
    #[command(after_help = "Example: korinet completions bash > /etc/bash_completion.d/korinet")]
    Completions(Completions),
    /// Print the manual page, of this command or of a subcommand
    #[command(after_help = "Example: korinet man chaos | man -l -")]
    Man(Man),
    /// Carry TCP connections over sessions, so that they survive broken links
    ///
    /// Any protocol over TCP is carried as it is: ssh, psql, redis-cli. Neither its client nor its server notices
    /// when the link between the two ends breaks and comes back. A session that is lost for good ends its connection by
    /// RST, never as if it had come to its end.
    Tunnel(Tunnel),
    /// Receive files, each whole or not at all
    ///
    /// What has come of a file is kept beside its place, as NAME.korinet-part, and when the file is offered again that is
    /// where it goes on, unless it has become another. A file gets to its place when its SHA-256 is right and all of it
    /// is on the disk. It keeps the time when it was changed, and whether it is a program. Whoever may connect may fill
    /// the disk.
    #[command(after_help = "Example: korinet receive-file 127.0.0.1:1235 --dir incoming")]
    ReceiveFile(ReceiveFile),
    /// Send files to `korinet receive-file`
    ///
    /// The command succeeds once the receiver has all of them on its disk and in their places, with the SHA-256 that
    /// they have here. Otherwise the same command goes on where it ended.
    #[command(after_help = "Example: korinet send-file 127.0.0.1:1235 backup.tar")]
    SendFile(SendFile),
}

impl Action {
    /// What of the options does not go together, and in which subcommand.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let (name, checked) = match self {
            Self::Listen(args) => ("listen", args.security.check(&args.protocol)),
            Self::Connect(args) => ("connect", args.peer.check()),
            Self::Ping(args) => ("ping", args.peer.check()),
            Self::Cert(args) => ("cert", args.check()),
            Self::Bench(args) => ("bench", args.check()),
            Self::Chaos(_)
            | Self::Inspect(_)
            | Self::Completions(_)
            | Self::Man(_)
            | Self::Tunnel(_)
            | Self::ReceiveFile(_)
            | Self::SendFile(_) => {
                return Ok(());
            }
        };
        checked.map_err(|text| (name, text))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where to listen, HOST:PORT; port 0 lets the system choose
    #[arg(value_name = "ADDR", value_parser = parse_addr)]
    pub(crate) addr: String,
    /// Which protocol peers may speak: auto, v2 or v3
    #[arg(long, value_name = "VERSION", default_value = "auto", value_parser = parse_protocols)]
    pub(crate) protocol: Protocols,
    /// How often an idle peer is asked whether it is there, at the most; 0s for never
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub(crate) keepalive: Option<Duration>,
    /// How long to keep a session whose connection is lost, at the most
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,
    /// After each message, send this one to its sender
    #[arg(long, value_name = "JSON", conflicts_with = "echo", value_parser = parse_message)]
    pub(crate) reply: Option<korinet::Value>,
    /// Send each message back to its sender
    #[arg(long)]
    pub(crate) echo: bool,
    /// End after this many messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    #[command(flatten)]
    pub(crate) security: ListenSecurity,
}

#[derive(Debug, Args)]
pub(crate) struct Connect {
    /// Also wait until this many messages were received
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) receive: u64,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

#[derive(Debug, Args)]
pub(crate) struct Ping {
    /// How many to send
    #[arg(short = 'c', long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// The pause between them
    #[arg(short, long, value_name = "DUR", default_value = "200ms",
          value_parser = humantime::parse_duration)]
    pub(crate) interval: Duration,
    /// Print one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) peer: Peer,
}

/// Whom to connect to, and how.
#[derive(Debug, Args)]
pub(crate) struct Peer {
    /// Whom to connect to, HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_addr)]
    pub(crate) addr: String,
    /// Which protocol to speak: v2 or v3
    #[arg(long, value_name = "VERSION", default_value = "v3")]
    pub(crate) protocol: Protocol,
    /// How often an idle peer is asked whether it is there; 0s for never [default: 15s]
    #[arg(long, value_name = "DUR", value_parser = humantime::parse_duration)]
    pub(crate) keepalive: Option<Duration>,
    /// How long to go on reconnecting after a loss, such as 500ms, 2m or 1h30m
    #[arg(long, value_name = "DUR", default_value = "2m", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) security: PeerSecurity,
}

impl Peer {
    fn check(&self) -> Result<(), String> {
        self.security.check(self.protocol)
    }
}

/// The protocols that `--protocol` of a listener names.
#[derive(Debug, Clone)]
pub(crate) enum Protocols {
    /// All that this version speaks.
    Auto,
    Only(Protocol),
}

fn parse_protocols(text: &str) -> Result<Protocols, String> {
    match text {
        "auto" => Ok(Protocols::Auto),
        text => match text.parse() {
            Ok(protocol) => Ok(Protocols::Only(protocol)),
            Err(_) => Err("expected auto, v2 or v3".to_owned()),
        },
    }
}

fn parse_addr(text: &str) -> Result<String, String> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err("expected HOST:PORT, the port is missing".to_owned());
    };
    if host.is_empty() {
        return Err("expected HOST:PORT, the host is missing".to_owned());
    }
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err("expected an IPv6 address in brackets, as in [::1]:1235".to_owned());
    }
    match port.parse::<u16>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("port \"{port}\" is no number from 0 to 65535")),
    }
}

fn parse_message(text: &str) -> Result<korinet::Value, String> {
    match crate::json::parse(text.as_bytes()) {
        Ok(value @ korinet::Value::Map(_)) => Ok(value),
        Ok(_) => Err("expected a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds_together() {
        Command::command().debug_assert();
    }

    #[test]
    fn addresses_need_host_and_port() {
        for good in ["localhost:1", "127.0.0.1:0", "[::1]:65535"] {
            assert_eq!(parse_addr(good).as_deref(), Ok(good));
        }
        for bad in [
            "localhost",
            ":1",
            "::1:80",
            "host:",
            "host:65536",
            "host:-1",
            "host:http",
        ] {
            assert!(parse_addr(bad).is_err(), "{bad}");
        }
    }
}
