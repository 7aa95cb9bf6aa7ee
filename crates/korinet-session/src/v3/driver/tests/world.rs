//! A server and its clients without a network: connections are buffers that can be cut.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use korinet_proto::v3::Payload;
use korinet_wire::v3::Kind;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use crate::v3::driver::{
    Accepted, DriverConfig, Events, Incoming, Receiver, Sender, Server, Session, connect,
};
use crate::v3::{ClientConfig, Delivery, ServerConfig};
use crate::{Dial, SessionError};

/// How connections behave.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Attempts to connect fail.
    pub(super) is_down: AtomicBool,
    pub(super) dialled: AtomicU64,
    /// After how many bytes, of both directions, each connection to come is cut; the first is the next.
    pub(super) budgets: Mutex<VecDeque<usize>>,
    cuts: Mutex<Vec<Arc<Cut>>>,
}

#[derive(Debug, Default)]
struct Cut {
    is_cut: AtomicBool,
    is_silent: AtomicBool,
    /// How many bytes may still be written.
    budget: Option<AtomicUsize>,
    wakers: Mutex<Vec<Waker>>,
}

impl Network {
    /// Resets all connections.
    pub(super) fn cut(&self) {
        for cut in self.cuts.lock().unwrap().drain(..) {
            cut.cut();
        }
    }

    /// Lets all connections go silent: what is written is lost, and nothing comes.
    pub(super) fn silence(&self) {
        for cut in self.cuts.lock().unwrap().iter() {
            cut.is_silent.store(true, Ordering::SeqCst);
        }
    }
}

impl Cut {
    fn cut(&self) {
        self.is_cut.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        self.wakers.lock().unwrap().drain(..).for_each(Waker::wake);
    }

    fn is_used_up(&self) -> bool {
        let budget = self.budget.as_ref();
        budget.is_some_and(|budget| budget.load(Ordering::SeqCst) == 0)
    }
}

/// One end of a connection.
#[derive(Debug)]
pub(super) struct End {
    stream: DuplexStream,
    cut: Arc<Cut>,
}

impl End {
    fn check(&self, cx: &Context<'_>) -> io::Result<bool> {
        self.cut.wakers.lock().unwrap().push(cx.waker().clone());
        if self.cut.is_cut.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(self.cut.is_silent.load(Ordering::SeqCst))
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.check(cx)? {
            return Poll::Pending;
        }
        let is_used_up = self.cut.is_used_up();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        // What was written before is read.
        if read.is_pending() && is_used_up {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        read
    }
}

impl AsyncWrite for End {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.check(cx)? {
            return Poll::Ready(Ok(buf.len()));
        }
        let cut = Arc::clone(&self.cut);
        let Some(budget) = &cut.budget else {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        };
        let left = budget.load(Ordering::SeqCst);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let part = &buf[..buf.len().min(left)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, part))?;
        if budget.fetch_sub(written, Ordering::SeqCst) == written {
            cut.wake();
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.check(cx)? {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[derive(Debug)]
pub(super) struct Dialer {
    network: Arc<Network>,
    connections: mpsc::UnboundedSender<End>,
}

impl Dial for Dialer {
    type Io = End;

    async fn dial(&mut self) -> io::Result<End> {
        self.network.dialled.fetch_add(1, Ordering::SeqCst);
        if self.network.is_down.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (here, there) = tokio::io::duplex(16 * 1024);
        let budget = self.network.budgets.lock().unwrap().pop_front();
        let cut = Arc::new(Cut {
            budget: budget.map(AtomicUsize::new),
            ..Cut::default()
        });
        self.network.cuts.lock().unwrap().push(Arc::clone(&cut));
        let there = End {
            stream: there,
            cut: Arc::clone(&cut),
        };
        let refused = |_| io::Error::from(io::ErrorKind::ConnectionRefused);
        self.connections.send(there).map_err(refused)?;
        Ok(End { stream: here, cut })
    }
}

pub(super) struct World {
    pub(super) network: Arc<Network>,
    pub(super) server: Server,
    pub(super) incoming: Incoming,
    connections: mpsc::UnboundedSender<End>,
    server_sender: Arc<Mutex<Server>>,
    server_config: ServerConfig,
    pub(super) driver: DriverConfig,
    pub(super) client_config: ClientConfig,
    clients: u8,
}

fn random() -> impl FnMut(&mut [u8]) + Send {
    let mut next = 0_u64;
    move |bytes| {
        next += 1;
        let drawn = next.to_le_bytes();
        let endless = drawn.iter().cycle();
        bytes
            .iter_mut()
            .zip(endless)
            .for_each(|(byte, drawn)| *byte = *drawn);
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(ServerConfig::default(), DriverConfig::default())
    }

    pub(super) fn with(server_config: ServerConfig, driver: DriverConfig) -> Self {
        let (server, incoming) = Server::new(server_config.clone(), driver, None, random());
        let (connections, mut accepted) = mpsc::unbounded_channel();
        let server_sender = Arc::new(Mutex::new(server.clone()));
        let target = Arc::clone(&server_sender);
        tokio::spawn(async move {
            while let Some(io) = accepted.recv().await {
                let server = target.lock().unwrap().clone();
                tokio::spawn(async move { server.serve(Accepted::new(io)).await });
            }
        });
        Self {
            network: Arc::default(),
            server,
            incoming,
            connections,
            server_sender,
            server_config,
            driver,
            client_config: ClientConfig::new(7),
            clients: 0,
        }
    }

    /// Another server process takes the place of this one; connections are lost.
    pub(super) fn restart_server(&mut self) {
        let (server, incoming) =
            Server::new(self.server_config.clone(), self.driver, None, random());
        *self.server_sender.lock().unwrap() = server.clone();
        self.server = server;
        self.incoming = incoming;
        self.network.cut();
    }

    pub(super) fn dialer(&self) -> Dialer {
        Dialer {
            network: Arc::clone(&self.network),
            connections: self.connections.clone(),
        }
    }

    pub(super) async fn connect(&mut self) -> Result<Session, SessionError> {
        self.clients += 1;
        let seed = [self.clients; 32];
        let dialer = self.dialer();
        connect(dialer, self.client_config.clone(), self.driver, seed, None).await
    }

    /// A client and its session at the server.
    pub(super) async fn pair(&mut self) -> (Session, Session) {
        let client = self.connect().await.unwrap();
        (client, self.incoming.accept().await.unwrap())
    }
}

pub(super) async fn send(sender: &Sender, number: u64) {
    sender
        .send(Kind::RAW, None, Payload::Copied(&number.to_be_bytes()))
        .await
        .unwrap();
}

pub(super) fn number(delivery: &Delivery) -> u64 {
    u64::from_be_bytes(delivery.message.payload[..].try_into().unwrap())
}

/// Receives numbers until one is `last`; they have to be those from `first` on.
pub(super) async fn receive_up_to(receiver: &mut Receiver, first: u64, last: u64) {
    for expected in first..=last {
        let delivery = receiver.recv().await.unwrap().unwrap();
        assert_eq!(number(&delivery), expected);
        assert!(!delivery.message.kind.redelivered);
    }
}

pub(super) async fn wait_for(
    events: &mut Events,
    mut wanted: impl FnMut(&crate::v3::Event) -> bool,
) -> crate::v3::Event {
    let found = async {
        loop {
            let event = events.recv().await.expect("the session is not over");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(2000), found)
        .await
        .expect("the event comes")
}
