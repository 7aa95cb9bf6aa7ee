use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::Transmit;
use korinet_wire::v3::{AttachNumber, InstanceId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tracing::{Instrument, Span};

use super::alarm::Alarm;
use super::config::DriverConfig;
use super::linger::linger;
use super::link::Link;
use super::session::Session;
use super::shared::{Guard, Shared};
use crate::ConnectionError;
use crate::clock::now;
use crate::v3::{Channel, Greeted, Greeter, Greeting, Principal, Refused, Registry, ServerConfig};

mod host;
mod shut_down;

use host::{Host, Retire, Serving};

/// How many new sessions may wait to be accepted; further clients wait with them.
const BACKLOG: usize = 128;

/// What the sessions of one server share. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    host: Arc<Host>,
}

/// The new sessions of a server.
#[derive(Debug)]
pub struct Incoming {
    sessions: mpsc::Receiver<Session>,
}

/// A connection that was accepted, and what is known of it.
pub struct Accepted<Io> {
    /// The connection.
    pub io: Io,
    /// What was read from it to find out what it speaks; not shown by `Debug`, since it may hold a
    /// credential.
    pub read: BytesMut,
    /// What the transport gives to the session.
    pub channel: Channel,
    /// Who the client is.
    pub principal: Principal,
    /// The client's address, where there is one.
    pub peer: Option<SocketAddr>,
}

impl<Io> Accepted<Io> {
    /// A plain connection of which nothing is known, and nothing was read.
    #[must_use]
    pub fn new(io: Io) -> Self {
        Self {
            io,
            read: BytesMut::new(),
            channel: Channel::Plain,
            principal: Principal::default(),
            peer: None,
        }
    }
}

impl<Io: fmt::Debug> fmt::Debug for Accepted<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("io", &self.io)
            .field("read", &format_args!("{} bytes", self.read.len()))
            .field("channel", &self.channel)
            .field("principal", &self.principal)
            .field("peer", &self.peer)
            .finish()
    }
}

impl Incoming {
    /// The session of the next client that opens one; `None` when the server is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn accept(&mut self) -> Option<Session> {
        self.sessions.recv().await
    }

    /// As [`accept`](Self::accept), for who polls.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Session>> {
        self.sessions.poll_recv(cx)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("instance", &self.host.instance)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server without sessions. `entropy` fills memory with random bytes that nobody can guess: the names and
    /// keys of sessions are made of them.
    #[must_use]
    pub fn new(
        config: ServerConfig,
        driver: DriverConfig,
        mut entropy: impl FnMut(&mut [u8]) + Send + 'static,
    ) -> (Self, Incoming) {
        let (new_sessions, sessions) = mpsc::channel(BACKLOG);
        let mut instance = [0; 16];
        entropy(&mut instance);
        let host = Host {
            registry: Mutex::new(Registry::new(&config)),
            config,
            driver,
            instance: InstanceId::from_bytes(instance),
            entropy: Mutex::new(Box::new(entropy)),
            new_sessions,
            serving: watch::Sender::new(0),
        };
        let host = Arc::new(host);
        (Self { host }, Incoming { sessions })
    }

    /// How many sessions there are, those without a connection included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.host.registry().len()
    }

    /// Serves a connection, from its HELLO on. A new session goes to [`Incoming`]; one that existed goes on over
    /// this connection. Resolves when the connection is over and the session over, too, or served by another.
    ///
    /// To be spawned, one task for each connection.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection, and ends its session.
    pub async fn serve<Io>(&self, accepted: Accepted<Io>)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _serving = Serving::new(&self.host);
        let peer = accepted.peer;
        // Apart, so that a session that is only there has no memory for it.
        match Box::pin(self.welcome(accepted)).await {
            Ok((io, shared, attach)) => {
                let link = Link::new(io, attach);
                let span = link.span(peer);
                shared.lock().name(&span);
                self.keep(link, &shared, attach, span).await;
            }
            Err((io, Refused { reason, answer })) => {
                tracing::debug!(peer = peer.map(tracing::field::display), %reason, "connection refused");
                let mut out = Transmit::new();
                out.push(answer);
                Box::pin(linger(io, out)).await;
            }
        }
    }

    /// Finds the session that the client asks for, or opens one.
    async fn welcome<Io: AsyncRead + Unpin>(
        &self,
        accepted: Accepted<Io>,
    ) -> Result<(Io, Arc<Shared>, AttachNumber), (Io, Refused)> {
        let Accepted {
            mut io,
            mut read,
            channel,
            principal,
            peer,
        } = accepted;
        // A client that says more than its HELLO before it is answered is refused (V3-14), so nothing is left.
        let greeting = match self.greet(&mut io, &mut read).await {
            Ok(greeting) => greeting,
            Err(refused) => return Err((io, refused)),
        };
        let routed = self.host.route(&greeting, &channel, &principal, peer);
        match routed.await {
            Ok(shared) => Ok((io, shared, greeting.attach())),
            Err(refused) => Err((io, refused)),
        }
    }

    /// Serves a session over this connection, and after it until another takes its place or the session is over.
    async fn keep<Io>(&self, link: Link<Io>, shared: &Arc<Shared>, attach: AttachNumber, span: Span)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _retire = Retire {
            host: &self.host,
            shared,
        };
        let guard = Guard {
            shared: Arc::clone(shared),
            attach: Some(attach),
        };
        let ending = link.run(shared).instrument(span).await;
        let mut alarm = Alarm::default();
        let kept = poll_fn(|cx| poll_kept(cx, &guard, &mut alarm));
        match ending {
            Some(ending) => _ = tokio::join!(ending, kept),
            None => kept.await,
        }
    }

    /// Reads the HELLO.
    async fn greet<Io: AsyncRead + Unpin>(
        &self,
        io: &mut Io,
        read: &mut BytesMut,
    ) -> Result<Greeting, Refused> {
        let settings = &self.host.config.settings;
        let mut greeter = Greeter::new(now(), settings);
        loop {
            match greeter.handle_bytes(read) {
                Some(Greeted::Hello(greeting)) => return Ok(greeting),
                Some(Greeted::Refused(refused)) => return Err(refused),
                None => {}
            }
            let deadline = greeter.poll_timeout().unwrap_or_else(now);
            let reading = tokio::time::timeout_at(deadline.into(), io.read_buf(read));
            let reason = match reading.await {
                Ok(Ok(0)) => ConnectionError::ClosedByPeer,
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => error.into(),
                Err(_) => match greeter.handle_timeout(now(), settings) {
                    Some(refused) => return Err(refused),
                    None => continue,
                },
            };
            let answer = Bytes::new();
            return Err(Refused { reason, answer });
        }
    }
}

/// Keeps a session that has no connection; ready when it has another one, or is over.
fn poll_kept(cx: &mut Context<'_>, guard: &Guard, alarm: &mut Alarm) -> Poll<()> {
    loop {
        let deadline = {
            let mut inner = guard.shared.lock();
            let is_kept = guard
                .attach
                .is_some_and(|attach| inner.core.is_current(attach));
            if inner.ending.is_some() || !is_kept {
                return Poll::Ready(());
            }
            inner.sleep(cx.waker());
            inner.poll_timeout()
        };
        ready!(alarm.poll(cx, deadline));
        guard
            .shared
            .with(|inner, wakes| inner.handle_timeout(now(), wakes));
    }
}
