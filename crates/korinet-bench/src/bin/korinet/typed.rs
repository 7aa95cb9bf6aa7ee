//! Messages of a derived type, encoded and decoded one by one, on the runtime that an application has by default.

use bytes::Bytes;
use korinet::minicbor::{self, Decode, Encode};
use korinet::{Receiver, Sender, Server, Session};
use korinet_bench::{Endpoint, Failure, Flow, Options, Peer, Relay, Tally};

pub(crate) struct Typed;

#[derive(Debug, Clone, Encode, Decode)]
pub(crate) struct Reading {
    #[n(0)]
    number: u64,
    #[cbor(n(1), with = "korinet::shared_bytes")]
    data: Bytes,
}

pub(crate) struct Link {
    session: Session,
    message: Reading,
}

impl Link {
    fn new(session: Session, size: usize) -> Self {
        let data = Bytes::from(vec![7; size]);
        let message = Reading { number: 1, data };
        Self { session, message }
    }
}

impl Peer for Typed {
    type Listener = (Server, usize);
    type Link = Link;

    async fn listen(options: &Options) -> Result<(Self::Listener, Endpoint), Failure> {
        let (server, endpoint) = crate::listen(options).await?;
        Ok(((server, options.size), endpoint))
    }

    async fn accept((server, size): &mut Self::Listener) -> Result<Link, Failure> {
        Ok(Link::new(crate::accept(server).await?, *size))
    }

    async fn connect(options: &Options) -> Result<Link, Failure> {
        Ok(Link::new(crate::connect(options).await?, options.size))
    }

    async fn ask(Link { session, message }: &mut Link) -> Result<(), Failure> {
        Ok(session.send(message).await?)
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        while let Some(message) = link.session.recv_as::<Reading>().await? {
            std::hint::black_box(message);
            tally.add(1);
        }
        Ok(())
    }

    async fn pump(Link { session, message }: Link, flow: Flow) -> Result<(), Failure> {
        let (sender, receiver) = session.split();
        match (flow.sends, flow.receives) {
            (true, false) => {
                let sent = send(sender, message).await;
                // A session ends with both of its halves, and this one is not to end before the other.
                drop(receiver);
                sent
            }
            (false, true) => receive(receiver, flow).await,
            _ => {
                let sending = tokio::spawn(send(sender, message));
                receive(receiver, flow).await?;
                sending.await?
            }
        }
    }

    async fn echo(link: Link, mut tally: Tally) -> Result<(), Failure> {
        let mut session = link.session;
        while let Some(message) = session.recv_as::<Reading>().await? {
            let _receipt = session.enqueue(&message).await?;
            tally.add(1);
        }
        Ok(())
    }

    async fn resume(mut link: Link, relay: &Relay, options: &Options) -> Result<Link, Failure> {
        relay.lose();
        let _receipt = link.session.enqueue(&link.message).await?;
        relay.until_lost(options.size).await?;
        relay.cut();
        let answer = link.session.recv().await?;
        answer.ok_or("the session ended")?;
        Ok(link)
    }

    async fn close(link: Link) -> Result<(), Failure> {
        Ok(link.session.close().await?)
    }
}

async fn send(sender: Sender, mut message: Reading) -> Result<(), Failure> {
    loop {
        message.number += 1;
        sender.feed(&message).await?;
    }
}

async fn receive(mut receiver: Receiver, mut flow: Flow) -> Result<(), Failure> {
    while let Some(message) = receiver.recv_as::<Reading>().await? {
        std::hint::black_box(message);
        flow.tally.add(1);
    }
    Ok(())
}
