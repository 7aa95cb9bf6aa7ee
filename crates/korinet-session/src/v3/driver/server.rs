use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use korinet_proto::v3::{GoAway, Transmit};
use korinet_wire::v3::{Code, InstanceId, SessionId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tracing::Instrument;

use super::alarm::Alarm;
use super::config::DriverConfig;
use super::core::Core;
use super::linger::linger;
use super::link::Link;
use super::session::Session;
use super::shared::{Guard, Shared};
use crate::ConnectionError;
use crate::clock::now;
use crate::v3::{
    Channel, Grant, Greeted, Greeter, Greeting, Principal, Refused, Registry, Route, ServerConfig,
    ServerSession, SessionKey,
};

/// How many new sessions may wait to be accepted; further clients wait with them.
const BACKLOG: usize = 128;

/// What the sessions of one server share. Clones are the same server.
#[derive(Clone)]
pub struct Server {
    host: Arc<Host>,
}

/// Fills memory with random bytes.
type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

struct Host {
    config: ServerConfig,
    driver: DriverConfig,
    instance: InstanceId,
    registry: Mutex<Registry<Arc<Shared>>>,
    entropy: Mutex<Entropy>,
    new_sessions: mpsc::Sender<Session>,
    /// How many connections are being served.
    serving: watch::Sender<usize>,
}

/// A connection that is being served.
struct Serving<'a>(&'a Host);

impl<'a> Serving<'a> {
    fn new(host: &'a Host) -> Self {
        host.serving.send_modify(|count| *count += 1);
        Self(host)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.serving.send_modify(|count| *count -= 1);
    }
}

/// The new sessions of a server.
#[derive(Debug)]
pub struct Incoming {
    sessions: mpsc::Receiver<Session>,
}

/// A connection that was accepted, and what is known of it.
#[derive(Debug)]
pub struct Accepted<Io> {
    /// The connection.
    pub io: Io,
    /// What was read from it to find out what it speaks.
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
        let Accepted {
            mut io,
            mut read,
            channel,
            principal,
            peer,
        } = accepted;
        let greeted = self.greet(&mut io, &mut read).await;
        let routed = match greeted {
            Ok(greeting) => {
                let routed = self.host.route(&greeting, &channel, &principal, peer);
                routed.await.map(|shared| (shared, greeting.attach()))
            }
            Err(refused) => Err(refused),
        };
        match routed {
            Ok((shared, attach)) => {
                let _retire = Retire {
                    host: &self.host,
                    shared: &shared,
                };
                let guard = Guard {
                    shared: Arc::clone(&shared),
                    attach: Some(attach),
                };
                let link = Link::new(io, attach, read);
                let span = link.span(peer);
                shared.lock().name(&span);
                let ending = link.run(&shared).instrument(span).await;
                let mut alarm = Alarm::default();
                tokio::join!(ending, poll_fn(|cx| poll_kept(cx, &guard, &mut alarm)));
            }
            Err(Refused { reason, answer }) => {
                tracing::debug!(peer = peer.map(tracing::field::display), %reason, "connection refused");
                let mut out = Transmit::new();
                out.push(answer);
                linger(io, out).await;
            }
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

    /// Ends all sessions in good order (V3-42): clients are told that their connections will be closed within
    /// `deadline`, what they have not acknowledged is waited for until then, then their connections are closed,
    /// and the sessions are over. Clients find their session at another server or lose it.
    ///
    /// How many messages were not acknowledged.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future leaves sessions as they are; it can be called again.
    pub async fn shut_down(&self, deadline: Duration, retry_after: Option<Duration>) -> usize {
        let sessions: Vec<_> = {
            let mut registry = self.host.registry();
            registry
                .iter_mut()
                .map(|(_, shared)| Arc::clone(shared))
                .collect()
        };
        for shared in &sessions {
            shared.with(|inner, wakes| {
                if let Core::Server(session) = &mut inner.core {
                    session.go_away(GoAway {
                        code: Code::DRAINING,
                        text: String::new(),
                        deadline,
                        retry_after,
                        addresses: Vec::new(),
                    });
                }
                inner.wake_task(wakes);
            });
        }
        let acknowledged = async {
            for shared in &sessions {
                poll_fn(|cx| poll_acknowledged(cx, shared)).await;
            }
        };
        let end = tokio::time::Instant::now() + deadline;
        // What is left then is counted below.
        let _ = tokio::time::timeout_at(end, acknowledged).await;
        let mut left = 0;
        for shared in &sessions {
            left += shared.lock().core.in_flight().0;
            shared.with(|inner, wakes| {
                if let Core::Server(session) = &mut inner.core {
                    session.shut_down(now(), "server is shut down");
                }
                inner.settle(wakes);
            });
        }
        // A connection that is not ended in good order can take the last words with it.
        let mut serving = self.host.serving.subscribe();
        let all_ended = serving.wait_for(|count| *count == 0);
        let _ = tokio::time::timeout_at(end, all_ended).await;
        left
    }
}

impl Host {
    fn registry(&self) -> MutexGuard<'_, Registry<Arc<Shared>>> {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.handle_timeout(now());
        registry
    }

    /// The session of a HELLO, with its connection being this one's.
    async fn route(
        &self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
        peer: Option<SocketAddr>,
    ) -> Result<Arc<Shared>, Refused> {
        if let Some(shared) = self.find(greeting, channel, principal)? {
            return shared
                .with(|inner, wakes| {
                    let Core::Server(session) = &mut inner.core else {
                        return Ok(());
                    };
                    session.handle_greeting(now(), greeting, channel)?;
                    inner.link(greeting.attach());
                    inner.peer = peer;
                    inner.settle(wakes);
                    inner.wake_task(wakes);
                    Ok(())
                })
                .map(|()| shared);
        }
        // A new session needs somebody to take it.
        let limit = self.config.settings.handshake_timeout;
        let permit = match tokio::time::timeout(limit, self.new_sessions.reserve()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(greeting.refuse_for_now(Code::DRAINING)),
            Err(_) => return Err(greeting.refuse_for_now(Code::OVERLOADED)),
        };
        let grant = self.grant();
        let opened = ServerSession::open(now(), greeting, channel, &grant, &self.config)?;
        let shared = Shared::new(Core::Server(Box::new(opened)), self.driver);
        {
            let mut registry = self.registry();
            // Another connection of the same client may have come first.
            match registry.route(greeting, channel, principal) {
                Route::New => {}
                Route::Refused(refused) => return Err(refused),
                Route::Session(..) => return Err(greeting.refuse_for_now(Code::OVERLOADED)),
            }
            registry.insert(
                greeting,
                principal.clone(),
                grant.session,
                Arc::clone(&shared),
            );
        }
        let session = Session::new(&shared);
        shared.with(|inner, wakes| {
            inner.link(greeting.attach());
            inner.peer = peer;
            inner.settle(wakes);
        });
        permit.send(session);
        Ok(shared)
    }

    /// The session that a HELLO is for, if it is there already.
    fn find(
        &self,
        greeting: &Greeting,
        channel: &Channel,
        principal: &Principal,
    ) -> Result<Option<Arc<Shared>>, Refused> {
        match self.registry().route(greeting, channel, principal) {
            Route::New => Ok(None),
            Route::Session(_, shared) => Ok(Some(Arc::clone(shared))),
            Route::Refused(refused) => Err(refused),
        }
    }

    fn grant(&self) -> Grant {
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut id, mut key) = ([0; 16], [0; 32]);
        entropy(&mut id);
        entropy(&mut key);
        Grant {
            session: SessionId::from_bytes(id),
            key: SessionKey::from_bytes(key),
            instance: self.instance,
        }
    }

    /// Has the registry remember a session that is over as such.
    fn retire(&self, shared: &Shared) {
        let ended = match &shared.lock().core {
            Core::Server(session) => session
                .tombstone()
                .map(|tombstone| (session.id(), tombstone.clone())),
            Core::Client(_) => None,
        };
        if let Some((id, tombstone)) = ended {
            self.registry().retire(now(), id, tombstone);
        }
    }
}

/// Retires a session that is over when its task ends, in whatever way.
struct Retire<'a> {
    host: &'a Host,
    shared: &'a Shared,
}

impl Drop for Retire<'_> {
    fn drop(&mut self) {
        self.host.retire(self.shared);
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

/// Ready when nothing is in flight any more, or nothing can be.
fn poll_acknowledged(cx: &Context<'_>, shared: &Shared) -> Poll<()> {
    let mut inner = shared.lock();
    if inner.core.in_flight().0 == 0 || inner.ending.is_some() || !inner.core.is_attached() {
        return Poll::Ready(());
    }
    let newest = inner.core.accepted();
    inner.last_receipt.0 += 1;
    let id = inner.last_receipt;
    inner.receipts.insert((newest, id), cx.waker().clone());
    Poll::Pending
}
