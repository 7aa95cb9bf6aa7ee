//! Bytes as they are: the fastest path.

use bytes::Bytes;
use korinet::{Receiver, Sender, Server, Session};
use korinet_bench::{Endpoint, Failure, Flow, Options, Peer, Relay, Tally};

pub(crate) struct Raw;

pub(crate) struct Link {
    session: Session,
    message: Bytes,
}

impl Link {
    fn new(session: Session, size: usize) -> Self {
        let message = Bytes::from(vec![7; size]);
        Self { session, message }
    }
}

impl Peer for Raw {
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
        Ok(session.send_raw(message.clone()).await?)
    }

    async fn answer(mut link: Link, mut tally: Tally) -> Result<(), Failure> {
        while link.session.recv().await?.is_some() {
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
        while let Some(message) = session.recv().await? {
            let _receipt = session.sender().enqueue_raw(message.data().clone()).await?;
            tally.add(1);
        }
        Ok(())
    }

    async fn resume(mut link: Link, relay: &Relay, options: &Options) -> Result<Link, Failure> {
        relay.lose();
        let _receipt = link
            .session
            .sender()
            .enqueue_raw(link.message.clone())
            .await?;
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

/// Up to this many bytes a message is copied anyway, and many of them are sent at once.
const SMALL: usize = 8 * 1024;

async fn send(sender: Sender, message: Bytes) -> Result<(), Failure> {
    if message.len() <= SMALL {
        let messages = vec![message; 64];
        loop {
            sender.feed_many_raw(&messages).await?;
        }
    }
    loop {
        sender.feed_raw(message.clone()).await?;
    }
}

/// As many as the window holds by default.
const BATCH: usize = 4096;

async fn receive(mut receiver: Receiver, mut flow: Flow) -> Result<(), Failure> {
    while let Some(batch) = receiver.recv_batch(BATCH).await? {
        for message in batch.iter() {
            std::hint::black_box(message.data());
            flow.tally.add(1);
        }
    }
    Ok(())
}
