//! What one writes by hand with tokio-util: frames with a length, an acknowledgement for each, batched flushes, and a
//! window of messages.

mod both;
mod one_way;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// The first byte of a frame.
const DATA: u8 = 0;
const ACK: u8 = 1;

/// The bytes that may be unacknowledged at the most, whatever the window of messages.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The bytes that are gathered before they are written.
const GATHERED: usize = 64 * 1024;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(failure) => return tell(&failure),
    };
    match options.variant.as_str() {
        "" | "w16384" => run::<Hand>(options, Flavour::CurrentThread),
        _ => tell(&options.unknown_variant(&["none", "w16384"])),
    }
}

struct Hand;

struct Link {
    frames: Framed<TcpStream, LengthDelimitedCodec>,
    size: usize,
    window: usize,
}

impl Link {
    fn new(stream: TcpStream, options: &Options) -> Result<Self, Failure> {
        stream.set_nodelay(true)?;
        let codec = LengthDelimitedCodec::builder()
            .max_frame_length(4 * 1024 * 1024)
            .new_codec();
        let mut frames = Framed::new(stream, codec);
        frames.set_backpressure_boundary(GATHERED);
        let messages = match options.variant.as_str() {
            "w16384" => 16_384,
            _ => 1024,
        };
        let bytes = options.window.unwrap_or(MOST_BYTES);
        Ok(Self {
            frames,
            size: options.size,
            window: messages.min(bytes / options.size).max(1),
        })
    }

    /// The message with its first byte.
    fn data(&self) -> Bytes {
        data(self.size)
    }
}

fn data(size: usize) -> Bytes {
    let mut data = BytesMut::with_capacity(1 + size);
    data.put_u8(DATA);
    data.put_bytes(7, size);
    data.freeze()
}

/// What acknowledges the message with this number.
fn ack(number: u64) -> Bytes {
    let mut ack = BytesMut::with_capacity(9);
    ack.put_u8(ACK);
    ack.put_u64(number);
    ack.freeze()
}

impl Peer for Hand {
    type Listener = (TcpListener, Options);
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(((listener, options.clone()), Endpoint::plain(port)))
    }

    async fn accept((listener, options): &mut Self::Listener) -> Result<Link, Failure> {
        Link::new(listener.accept().await?.0, options)
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        Link::new(stream, options)
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        let data = link.data();
        link.frames.send(data).await?;
        match link.frames.next().await {
            Some(frame) => frame.map(drop).map_err(Failure::from),
            None => Err("the server closed".into()),
        }
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        let mut number = 0;
        while let Some(frame) = link.frames.next().await {
            frame?;
            number += 1;
            link.frames.send(ack(number)).await?;
            tally.add(1);
        }
        Ok(())
    }

    async fn pump(link: Link, flow: Flow) -> Result<(), Failure> {
        match (flow.sends, flow.receives) {
            (true, false) => one_way::send(link).await,
            (false, true) => one_way::receive(link, flow).await,
            _ => both::exchange(link, flow).await,
        }
    }
}
