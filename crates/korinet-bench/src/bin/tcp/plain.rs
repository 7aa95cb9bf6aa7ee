use std::net::Ipv4Addr;

use korinet_bench::{Endpoint, Failure, Flow, Options, Peer, Tally};
use tokio::net::{TcpListener, TcpStream};

use crate::{Link, pump};

pub(crate) struct Plain;

impl Peer for Plain {
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
        Ok(Link::new(stream, *size))
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, options.port)).await?;
        stream.set_nodelay(true)?;
        Ok(Link::new(stream, options.size))
    }

    async fn ask(link: &mut Link) -> Result<(), Failure> {
        link.ask().await
    }

    async fn answer(link: Link, tally: Tally) -> Result<(), Failure> {
        link.answer(tally).await
    }

    async fn pump(link: Link, flow: Flow) -> Result<(), Failure> {
        let (read, write) = link.stream.into_split();
        pump(read, write, flow).await
    }
}
