//! gRPC, by tonic: one call with a stream in each direction for each session, and an acknowledgement for each message.

mod outbound;
mod service;

use std::net::Ipv4Addr;
use std::process::ExitCode;

use korinet_bench::{Endpoint as Where, Failure, Flavour, Flow, Options, Peer, Tally, run, tell};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

use outbound::{Outbound, Outgoing};
use service::{Frame, Service};

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(options) if options.variant.is_empty() => run::<Tonic>(options, Flavour::CurrentThread),
        Ok(options) => tell(&options.unknown_variant(&["none"])),
        Err(failure) => tell(&failure),
    }
}

struct Tonic;

pub(crate) struct Link {
    outgoing: Outgoing,
    inbound: Streaming<Frame>,
}

impl Link {
    async fn next(&mut self) -> Result<Option<Frame>, Failure> {
        Ok(self.inbound.message().await?)
    }
}

impl Peer for Tonic {
    type Listener = mpsc::Receiver<Link>;
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Where), Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let (calls, accepted) = mpsc::channel(64);
        let service = Service::new(calls, options.size);
        let window = options.window.map(u32::try_from).transpose()?;
        let server = Server::builder()
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .add_service(service)
            .serve_with_incoming(incoming);
        tokio::spawn(server);
        Ok((accepted, Where::plain(port)))
    }

    async fn accept(listener: &mut Self::Listener) -> Result<Link, Failure> {
        let link = listener.recv().await;
        link.ok_or_else(|| "the server has stopped".into())
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let window = options.window.map(u32::try_from).transpose()?;
        let addr = format!("http://{}:{}", Ipv4Addr::LOCALHOST, options.port);
        let channel = Endpoint::from_shared(addr)?
            .tcp_nodelay(true)
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .connect()
            .await?;
        let mut client = tonic::client::Grpc::new(channel);
        client.ready().await?;
        let (outgoing, outbound) = Outbound::new(options.size);
        let path = PathAndQuery::from_static(service::PATH);
        let codec = ProstCodec::<Frame, Frame>::default();
        let response = client
            .streaming(Request::new(outbound), path, codec)
            .await?;
        let inbound = response.into_inner();
        Ok(Link { outgoing, inbound })
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        link.outgoing.send(1);
        let acknowledgement = link.next().await?;
        acknowledgement
            .map(drop)
            .ok_or_else(|| "the server closed".into())
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        while link.next().await?.is_some() {
            link.outgoing.acknowledge();
            tally.add(1);
        }
        Ok(())
    }

    async fn pump(mut link: Link, mut flow: Flow) -> Result<(), Failure> {
        if flow.sends {
            link.outgoing.send(u64::MAX);
        }
        while let Some(frame) = link.next().await? {
            if frame.data.is_empty() {
                continue;
            }
            std::hint::black_box(&frame.data);
            link.outgoing.acknowledge();
            flow.tally.add(1);
        }
        Ok(())
    }
}
