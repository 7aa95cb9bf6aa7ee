//! A TCP proxy that breaks connections where it is told to.
//!
//! Each connection has a [`Plan`]; without one, it is forwarded as it is. Plans are used in the order in which
//! connections come. Faults are counted when they are done, so a test can tell a fault survived from a fault
//! that never happened.

mod carry;
mod gate;
mod plan;

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

pub use plan::{Cut, Direction, Place, Plan};

use crate::within;

/// A running proxy; dropped, it ends, and with it all its connections.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    target: Mutex<SocketAddr>,
    plans: Mutex<VecDeque<Plan>>,
    counts: watch::Sender<Counts>,
    /// Whether the port should be open, and whether it is.
    wanted: watch::Sender<bool>,
    open: watch::Sender<bool>,
}

/// What a proxy did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that came.
    pub connections: u64,
    /// Connections cut by [`Cut::Fin`].
    pub fin: u64,
    /// Connections cut by [`Cut::Reset`].
    pub reset: u64,
    /// Connections cut by [`Cut::Silence`].
    pub silence: u64,
    /// Connections accepted only to be reset.
    pub refused: u64,
    /// Connections reset because there was nobody at the target.
    pub unreachable: u64,
    /// Times that the port was closed.
    pub closed_port: u64,
    /// Bytes written alone.
    pub single_bytes: u64,
}

impl Counts {
    /// Connections cut, by any means.
    pub fn cuts(&self) -> u64 {
        self.fin + self.reset + self.silence
    }
}

impl Proxy {
    /// Starts a proxy on a free port of this machine.
    pub async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port is free");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        // Subscribed here, so that no change is missed before the task runs.
        let (wanted_sender, wanted) = watch::channel(true);
        let shared = Arc::new(Shared {
            target: Mutex::new(target),
            plans: Mutex::default(),
            counts: watch::Sender::new(Counts::default()),
            wanted: wanted_sender,
            open: watch::Sender::new(true),
        });
        let task = tokio::spawn(run(listener, addr, wanted, Arc::clone(&shared)));
        Self { addr, shared, task }
    }

    /// Where clients connect to.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Connections that come from now on go there.
    pub fn set_target(&self, target: SocketAddr) {
        *self.shared.target.lock().unwrap() = target;
    }

    /// The plans of the connections to come, after those that are still left.
    pub fn plan(&self, plans: impl IntoIterator<Item = Plan>) {
        self.shared.plans.lock().unwrap().extend(plans);
    }

    /// How many plans no connection has come for.
    pub fn plans_left(&self) -> usize {
        self.shared.plans.lock().unwrap().len()
    }

    /// Closes the port, so that the system refuses connections. Those that exist go on.
    pub async fn close_port(&self) {
        self.set_open(false).await;
        self.shared
            .counts
            .send_modify(|counts| counts.closed_port += 1);
    }

    /// Opens the port again.
    pub async fn open_port(&self) {
        self.set_open(true).await;
    }

    async fn set_open(&self, open: bool) {
        self.shared.wanted.send_replace(open);
        let mut state = self.shared.open.subscribe();
        let reached = within(
            "the proxy's port to change",
            state.wait_for(|state| *state == open),
        );
        reached.await.expect("the sender is right here");
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until what was done is as wanted.
    pub async fn wait_for(&self, what: &str, wanted: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        let reached = within(what, counts.wait_for(wanted)).await;
        *reached.expect("the sender is right here")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections; they end with this task, whose `JoinSet` they are in.
async fn run(
    listener: TcpListener,
    addr: SocketAddr,
    mut wanted: watch::Receiver<bool>,
    shared: Arc<Shared>,
) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(listener.as_ref()) => accepted,
            Some(_) = connections.join_next() => continue,
            changed = wanted.changed() => {
                changed.expect("the sender is in `shared`");
                let open = *wanted.borrow_and_update();
                listener = None;
                if open {
                    listener = Some(within("the proxy's port to be free", bind_again(addr)).await);
                }
                shared.open.send_replace(open);
                continue;
            }
        };
        let Ok(client) = accepted else { continue };
        let plan = shared.plans.lock().unwrap().pop_front().unwrap_or_default();
        let target = *shared.target.lock().unwrap();
        shared.counts.send_modify(|counts| counts.connections += 1);
        let shared = Arc::clone(&shared);
        connections.spawn(async move { carry::carry(client, target, plan, &shared.counts).await });
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<tokio::net::TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// The port can be in use for a moment: as the near end of somebody's outgoing connection.
async fn bind_again(addr: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(addr).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    }
}
