use std::collections::VecDeque;
use std::fmt::{self, Formatter};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::carry::Connection;
use crate::{Counts, Event, Faults, Plan, What};

/// How long to wait when the system has no socket left to accept with.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long to wait for a port that is in use.
const PORT_PAUSE: Duration = Duration::from_millis(5);

/// A running proxy; dropped, it ends, and with it all its connections.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listeners: mpsc::Sender<Change>,
    task: JoinHandle<()>,
}

/// The listener to go on with, if any, and where to tell that the one before is closed.
type Change = (Option<TcpListener>, oneshot::Sender<()>);

/// What all connections share.
pub(crate) struct Shared {
    target: Mutex<String>,
    plans: Mutex<VecDeque<Plan>>,
    faults: Faults,
    pub(crate) counts: watch::Sender<Counts>,
    observer: Box<dyn Fn(Event) + Send + Sync>,
}

impl Proxy {
    /// Starts a proxy without faults, but those of plans to come, on a free port of this machine.
    ///
    /// # Errors
    ///
    /// There is no free port.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up there is no proxy.
    pub async fn start(target: impl ToString) -> io::Result<Self> {
        Self::bind((Ipv4Addr::LOCALHOST, 0), target, Faults::default()).await
    }

    /// Starts a proxy. Each connection goes on to `target`, HOST:PORT, which is looked up anew each time.
    ///
    /// # Errors
    ///
    /// It cannot listen there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up there is no proxy.
    pub async fn bind(
        listen: impl ToSocketAddrs,
        target: impl ToString,
        faults: Faults,
    ) -> io::Result<Self> {
        Self::bind_observed(listen, target, faults, |_| {}).await
    }

    /// As [`bind`](Self::bind), and tells `observer` what happens to connections, of each in its order. The
    /// connections wait for it meanwhile.
    ///
    /// # Errors
    ///
    /// It cannot listen there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up there is no proxy.
    pub async fn bind_observed(
        listen: impl ToSocketAddrs,
        target: impl ToString,
        faults: Faults,
        observer: impl Fn(Event) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target: Mutex::new(target.to_string()),
            plans: Mutex::default(),
            faults,
            counts: watch::Sender::default(),
            observer: Box::new(observer),
        });
        let (listeners, changes) = mpsc::channel(1);
        let task = tokio::spawn(run(listener, changes, Arc::clone(&shared)));
        Ok(Self {
            addr,
            shared,
            listeners,
            task,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections that come from now on go there.
    pub fn set_target(&self, target: impl ToString) {
        *lock(&self.shared.target) = target.to_string();
    }

    /// The plans of the connections to come, after those that are still left.
    pub fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        lock(&self.shared.plans).extend(plans);
    }

    /// How many plans no connection has come for.
    #[must_use]
    pub fn plans_left(&self) -> usize {
        lock(&self.shared.plans).len()
    }

    /// Closes the port, so that the system refuses connections. Those that exist go on.
    ///
    /// # Cancel safety
    ///
    /// The port changes all the same.
    pub async fn close_port(&self) {
        self.listen_with(None).await;
        self.shared.count(|counts| counts.closed_port += 1);
    }

    /// Opens the port again, and waits for that while somebody else uses it.
    ///
    /// # Errors
    ///
    /// It cannot listen there any more.
    ///
    /// # Cancel safety
    ///
    /// The port changes all the same.
    pub async fn open_port(&self) -> io::Result<()> {
        self.listen_with(None).await;
        let listener = bind_again(self.addr).await?;
        self.listen_with(Some(listener)).await;
        Ok(())
    }

    async fn listen_with(&self, listener: Option<TcpListener>) {
        let (closed, is_closed) = oneshot::channel();
        // A proxy whose runtime is gone listens nowhere, which is told to whoever connects.
        if self.listeners.send((listener, closed)).await.is_ok() {
            let _ = is_closed.await;
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until what was done is as wanted.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn wait_for(&self, wanted: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        match counts.wait_for(wanted).await {
            Ok(counts) => *counts,
            // The sender is right here, so this does not happen.
            Err(_) => self.counts(),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    pub(crate) fn tell(&self, connection: u64, what: What) {
        (self.observer)(Event { connection, what });
    }

    /// What happens to the connection that came as the one with this number.
    fn plan_of(&self, number: u64) -> Plan {
        let given = lock(&self.plans).pop_front();
        given.unwrap_or_else(|| self.faults.plan(number))
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            target,
            plans,
            faults,
            counts,
            observer: _,
        } = self;
        f.debug_struct("Shared")
            .field("target", target)
            .field("plans", plans)
            .field("faults", faults)
            .field("counts", counts)
            .finish_non_exhaustive()
    }
}

/// Nothing that holds a lock can panic in between.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections; they end with this task, whose `JoinSet` they are in.
async fn run(listener: TcpListener, mut changes: mpsc::Receiver<Change>, shared: Arc<Shared>) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            (client, peer) = accept(listener.as_ref()) => {
                number += 1;
                let connection = Connection {
                    number,
                    plan: shared.plan_of(number),
                    target: lock(&shared.target).clone(),
                    shared: Arc::clone(&shared),
                };
                // Counted when its plan is taken, so that plans given after that are for the next.
                shared.count(|counts| counts.connections += 1);
                shared.tell(number, What::Came(peer));
                connections.spawn(connection.carry(client));
            }
            Some(_) = connections.join_next() => {}
            Some((next, closed)) = changes.recv() => {
                listener = next;
                // Whoever asked may have given up.
                let _ = closed.send(());
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The port can be in use for a moment: as the near end of somebody's outgoing connection.
async fn bind_again(addr: SocketAddr) -> io::Result<TcpListener> {
    loop {
        match TcpListener::bind(addr).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(PORT_PAUSE).await;
            }
            bound => return bound,
        }
    }
}
