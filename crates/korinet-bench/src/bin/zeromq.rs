//! ZeroMQ's protocol, by the crate of that name, which is written in Rust: REQ and REP where there are answers, PUSH and
//! PULL in a stream, in which nothing is acknowledged.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use bytes::Bytes;
use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, Workload, run, tell};
use zeromq::{
    Endpoint as Bound, PullSocket, PushSocket, RepSocket, ReqSocket, Socket, SocketRecv, SocketSend,
};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<ZeroMq>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct ZeroMq;

struct Link {
    socket: Kind,
    message: Bytes,
}

enum Kind {
    Req(ReqSocket),
    Rep(RepSocket),
    Push(PushSocket),
    Pull(PullSocket),
}

impl Link {
    fn wrong(&self) -> Failure {
        let kind = match self.socket {
            Kind::Req(_) => "REQ",
            Kind::Rep(_) => "REP",
            Kind::Push(_) => "PUSH",
            Kind::Pull(_) => "PULL",
        };
        format!("a {kind} socket cannot do this").into()
    }
}

const fn is_one_way(options: &Options) -> bool {
    matches!(options.workload, Workload::Stream | Workload::Duplex)
}

impl Peer for ZeroMq {
    /// One socket serves all clients.
    type Listener = Option<Link>;
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let addr = format!("tcp://{}:0", Ipv4Addr::LOCALHOST);
        let (socket, bound) = if is_one_way(options) {
            let mut socket = PullSocket::new();
            let bound = socket.bind(&addr).await?;
            (Kind::Pull(socket), bound)
        } else {
            let mut socket = RepSocket::new();
            let bound = socket.bind(&addr).await?;
            (Kind::Rep(socket), bound)
        };
        let Bound::Tcp(_, port) = bound else {
            return Err("bound to what is not TCP".into());
        };
        let message = Bytes::new();
        Ok((Some(Link { socket, message }), Endpoint::plain(port)))
    }

    async fn accept(listener: &mut Self::Listener) -> Result<Link, Failure> {
        match listener.take() {
            Some(link) => Ok(link),
            None => std::future::pending().await,
        }
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let addr = format!("tcp://{}:{}", Ipv4Addr::LOCALHOST, options.port);
        let socket = if is_one_way(options) {
            let mut socket = PushSocket::new();
            socket.connect(&addr).await?;
            Kind::Push(socket)
        } else {
            let mut socket = ReqSocket::new();
            socket.connect(&addr).await?;
            Kind::Req(socket)
        };
        let message = Bytes::from(vec![7; options.size]);
        Ok(Link { socket, message })
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        let Kind::Req(socket) = &mut link.socket else {
            return Err(link.wrong());
        };
        socket.send(link.message.clone().into()).await?;
        std::hint::black_box(socket.recv().await?);
        Ok(())
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        let Kind::Rep(socket) = &mut link.socket else {
            return Err(link.wrong());
        };
        loop {
            let message = socket.recv().await?;
            socket.send(message).await?;
            tally.add(1);
        }
    }

    async fn pump(mut link: Link, mut flow: Flow) -> Result<(), Failure> {
        match &mut link.socket {
            Kind::Push(socket) => loop {
                socket.send(link.message.clone().into()).await?;
            },
            Kind::Pull(socket) => loop {
                std::hint::black_box(socket.recv().await?);
                flow.tally.add(1);
            },
            Kind::Req(_) | Kind::Rep(_) => Err(link.wrong()),
        }
    }
}
