//! Remote calls, by tarpc: each message is the argument of a call, and the return is its acknowledgement; 1,024 calls
//! are under way in a stream.

use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use korinet_bench::{Endpoint, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use tarpc::context::Context;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;
use tarpc::{client, context, serde_transport};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::{Framed, LengthDelimitedCodec};

/// Calls under way at once, in each session.
const WINDOW: usize = 1024;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Tarpc>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

#[tarpc::service]
trait Sink {
    async fn take(message: Bytes) -> u64;
}

#[derive(Clone)]
struct Counting(Arc<Mutex<(u64, Tally)>>);

impl Sink for Counting {
    async fn take(self, _: Context, message: Bytes) -> u64 {
        std::hint::black_box(&message);
        let mut count = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count.0 += 1;
        count.1.add(1);
        count.0
    }
}

struct Tarpc;

enum Link {
    Client(SinkClient, Bytes),
    Server(TcpStream),
}

/// Answers calls until the caller is gone.
async fn serve(link: Link, tally: Tally) -> Result<(), Failure> {
    let Link::Server(stream) = link else {
        return Err("a client cannot serve".into());
    };
    let framed = Framed::new(stream, LengthDelimitedCodec::new());
    let transport = serde_transport::new(framed, Bincode::default());
    let service = Counting(Arc::new(Mutex::new((0, tally))));
    BaseChannel::with_defaults(transport)
        .execute(service.serve())
        .for_each_concurrent(None, |response| response)
        .await;
    Ok(())
}

impl Peer for Tarpc {
    type Listener = TcpListener;
    type Link = Link;

    async fn listen(_: &Options) -> Result<(TcpListener, Endpoint), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok((listener, Endpoint::plain(port)))
    }

    async fn accept(listener: &mut TcpListener) -> Result<Link, Failure> {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(Link::Server(stream))
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        stream.set_nodelay(true)?;
        let framed = Framed::new(stream, LengthDelimitedCodec::new());
        let transport = serde_transport::new(framed, Bincode::default());
        let mut config = client::Config::default();
        config.max_in_flight_requests = WINDOW;
        config.pending_request_buffer = WINDOW;
        let client = SinkClient::new(config, transport).spawn();
        Ok(Link::Client(client, Bytes::from(vec![7; options.size])))
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        let Link::Client(client, message) = link else {
            return Err("a server cannot call".into());
        };
        std::hint::black_box(client.take(context::current(), message.clone()).await?);
        Ok(())
    }

    async fn answer(link: Link, tally: Tally) -> Result<(), Failure> {
        serve(link, tally).await
    }

    async fn pump(link: Link, flow: Flow) -> Result<(), Failure> {
        let Link::Client(client, message) = link else {
            return serve(link, flow.tally).await;
        };
        let call = || {
            let (client, message) = (client.clone(), message.clone());
            async move { client.take(context::current(), message).await }
        };
        let mut under_way: FuturesUnordered<_> =
            std::iter::repeat_with(call).take(WINDOW).collect();
        while let Some(taken) = under_way.next().await {
            std::hint::black_box(taken?);
            under_way.push(call());
        }
        Ok(())
    }
}
