//! WebSocket, by tokio-tungstenite. In a stream nothing is acknowledged; it writes when its buffer is full.

use std::net::Ipv4Addr;
use std::process::ExitCode;

use bytes::Bytes;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => {
            run::<WebSocket>(options, Flavour::CurrentThread)
        }
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct WebSocket;

struct Link {
    socket: WebSocketStream<TcpStream>,
    message: Bytes,
}

impl Link {
    fn new(socket: WebSocketStream<TcpStream>, size: usize) -> Self {
        let message = Bytes::from(vec![7; size]);
        Self { socket, message }
    }
}

impl Peer for WebSocket {
    type Listener = (TcpListener, usize);
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(((listener, options.size), Endpoint::plain(port)))
    }

    async fn accept((listener, size): &mut Self::Listener) -> Result<Link, Failure> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Link::new(accept_async(stream).await?, *size))
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let addr = (Ipv4Addr::LOCALHOST, options.port);
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{}:{}/", addr.0, addr.1);
        let (socket, _) = client_async(url, stream).await?;
        Ok(Link::new(socket, options.size))
    }

    async fn ask(Link { socket, message }: &mut Link) -> Result<(), Failure> {
        socket.send(Message::Binary(message.clone())).await?;
        let answer = socket.next().await.ok_or("the server closed")?;
        std::hint::black_box(answer?);
        Ok(())
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        while let Some(message) = link.socket.next().await {
            link.socket.send(message?).await?;
            tally.add(1);
        }
        Ok(())
    }

    async fn pump(Link { socket, message }: Link, flow: Flow) -> Result<(), Failure> {
        match (flow.sends, flow.receives) {
            (true, false) => send(socket, message).await,
            (false, true) => receive(socket, flow).await,
            _ => {
                let (sink, stream) = socket.split();
                let sending = tokio::spawn(send(sink, message));
                receive(stream, flow).await?;
                sending.await?
            }
        }
    }
}

async fn send(
    mut sink: impl Sink<Message, Error = Error> + Unpin,
    message: Bytes,
) -> Result<(), Failure> {
    loop {
        sink.feed(Message::Binary(message.clone())).await?;
    }
}

async fn receive(
    mut stream: impl Stream<Item = Result<Message, Error>> + Unpin,
    mut flow: Flow,
) -> Result<(), Failure> {
    while let Some(message) = stream.next().await {
        std::hint::black_box(message?.into_data());
        flow.tally.add(1);
    }
    Ok(())
}
