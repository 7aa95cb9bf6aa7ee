//! Bare TCP, by tokio: the floor. In a stream it is bytes divided by the message's size, so it is a limit of what
//! copying costs, and no peer.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How much is written and read at once in a stream.
const PIECE: usize = 256 * 1024;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(failure) => return tell(&failure),
    };
    match options.variant.as_str() {
        "" => run::<Tcp>(options, Flavour::CurrentThread),
        _ => tell(&options.unknown_variant(&["none"])),
    }
}

struct Tcp;

struct Link {
    stream: TcpStream,
    message: Vec<u8>,
}

impl Link {
    fn new(stream: TcpStream, size: usize) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            message: vec![7; size],
        })
    }
}

impl Peer for Tcp {
    type Listener = (TcpListener, usize);
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(((listener, options.size), Endpoint::plain(port)))
    }

    async fn accept((listener, size): &mut Self::Listener) -> Result<Link, Failure> {
        Link::new(listener.accept().await?.0, *size)
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        Link::new(stream, options.size)
    }

    async fn ask(Link { stream, message }: &mut Link) -> Result<(), Failure> {
        stream.write_all(message).await?;
        stream.read_exact(message).await?;
        Ok(())
    }

    async fn answer(link: Link, mut tally: Tally) -> Result<(), Failure> {
        let Link {
            mut stream,
            mut message,
        } = link;
        loop {
            stream.read_exact(&mut message).await?;
            stream.write_all(&message).await?;
            tally.add(1);
        }
    }

    async fn pump(link: Link, flow: Flow) -> Result<(), Failure> {
        let (read, write) = link.stream.into_split();
        match (flow.sends, flow.receives) {
            (true, false) => send(write).await,
            (false, true) => receive(read, flow).await,
            _ => {
                let sending = tokio::spawn(send(write));
                receive(read, flow).await?;
                sending.await?
            }
        }
    }
}

async fn send(mut stream: impl AsyncWrite + Unpin) -> Result<(), Failure> {
    let piece = vec![7; PIECE];
    loop {
        stream.write_all(&piece).await?;
    }
}

async fn receive(mut stream: impl AsyncRead + Unpin, mut flow: Flow) -> Result<(), Failure> {
    let mut piece = vec![0; PIECE];
    let mut rest = 0;
    loop {
        rest += match stream.read(&mut piece).await? {
            0 => return Ok(()),
            len => len,
        };
        flow.tally.add(u64::try_from(rest / flow.size)?);
        rest %= flow.size;
    }
}
