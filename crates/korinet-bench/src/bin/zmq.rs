//! ZeroMQ by libzmq: REQ and REP where there are answers, PUSH and PULL in a stream, in which nothing is acknowledged.
//! Its sockets block, so each is used from a thread of its own.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, Workload, run, tell};
use tokio::task::spawn_blocking;
use zmq::{Context, Socket, SocketType};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Zmq>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct Zmq;

struct Link {
    socket: Socket,
    message: Vec<u8>,
}

fn socket(options: &Options, one_way: SocketType, asking: SocketType) -> Result<Socket, Failure> {
    let kind = match options.workload {
        Workload::Stream | Workload::Duplex => one_way,
        Workload::Rtt | Workload::Connect | Workload::Resume | Workload::Idle => asking,
    };
    Ok(Context::new().socket(kind)?)
}

impl Peer for Zmq {
    /// One socket serves all clients.
    type Listener = std::sync::Mutex<Option<Link>>;
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let socket = socket(options, zmq::PULL, zmq::REP)?;
        socket.bind(&format!("tcp://{}:*", Ipv4Addr::LOCALHOST))?;
        let bound = socket
            .get_last_endpoint()?
            .map_err(|_| "an address that is no text")?;
        let port = bound.rsplit(':').next().unwrap_or_default().parse()?;
        let message = Vec::new();
        let link = Link { socket, message };
        Ok((Some(link).into(), Endpoint::plain(port)))
    }

    async fn accept(listener: &mut Self::Listener) -> Result<Link, Failure> {
        let link = listener.get_mut().ok().and_then(Option::take);
        match link {
            Some(link) => Ok(link),
            None => std::future::pending().await,
        }
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let socket = socket(options, zmq::PUSH, zmq::REQ)?;
        socket.connect(&format!("tcp://{}:{}", Ipv4Addr::LOCALHOST, options.port))?;
        let message = vec![7; options.size];
        Ok(Link { socket, message })
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        // There is nothing else to be done on this thread meanwhile.
        link.socket.send(&link.message, 0)?;
        std::hint::black_box(link.socket.recv_msg(0)?);
        Ok(())
    }

    async fn answer(link: Link, mut tally: Tally) -> Result<(), Failure> {
        let answering = move || loop {
            let message = link.socket.recv_msg(0)?;
            link.socket.send(message, 0)?;
            tally.add(1);
        };
        spawn_blocking(answering).await?
    }

    async fn pump(link: Link, mut flow: Flow) -> Result<(), Failure> {
        let pumping = move || loop {
            if flow.sends {
                link.socket.send(&link.message, 0)?;
            } else {
                std::hint::black_box(link.socket.recv_msg(0)?);
                flow.tally.add(1);
            }
        };
        spawn_blocking(pumping).await?
    }
}
