//! A session that wants nothing but to be left alone, in a thread of its own.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use korinet::{ClientBuilder, Session};
use tokio::sync::{mpsc, oneshot};

use super::placement::{by_bystander, go_beside_attackers};
use crate::measure::one_thread;
use crate::within;

/// How many messages it exchanges at the least while it is watched.
const LEAST: usize = 20;

/// How long it is quiet between two of them: it is there all the time, and takes no processor for itself.
const PAUSE: Duration = Duration::from_millis(1);

/// The session.
pub(crate) struct Healthy {
    commands: mpsc::UnboundedSender<Command>,
    thread: JoinHandle<()>,
}

enum Command {
    /// Exchange so many.
    Exchange(usize, oneshot::Sender<Vec<Duration>>),
    /// Exchange until there is another command.
    Go,
    /// Tell the round trips since then.
    Stop(oneshot::Sender<Vec<Duration>>),
    Close(oneshot::Sender<Account>),
}

/// What came of it all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    /// Messages that were sent and acknowledged.
    pub(crate) sent: u64,
    /// Those that came back, in order, each once.
    pub(crate) received: u64,
    /// Connections that it needed.
    pub(crate) connections: u64,
    /// Sessions that it lost.
    pub(crate) lost: u64,
}

impl Healthy {
    /// Connects, and stays.
    pub(crate) async fn connect(client: ClientBuilder, addr: String) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let (ready, is_ready) = oneshot::channel();
        let live = async move {
            let session = client.connect(addr).await.expect("the server is there");
            let session = play(session).await;
            ready.send(()).expect("somebody waits for it");
            live(session, received).await;
        };
        let thread = by_bystander(async move {
            std::thread::spawn(move || {
                go_beside_attackers();
                one_thread().block_on(live);
            })
        });
        let thread = thread.await;
        is_ready.await.expect("the healthy session begins");
        Self { commands, thread }
    }

    /// Exchanges so many messages; how long each took.
    pub(crate) async fn exchange(&self, count: usize) -> Vec<Duration> {
        self.ask(|reply| Command::Exchange(count, reply)).await
    }

    /// From now on it exchanges messages all the time.
    pub(crate) fn go(&self) {
        let sent = self.commands.send(Command::Go);
        sent.expect("the healthy session goes on");
    }

    /// No more; how long each took.
    pub(crate) async fn stop(&self) -> Vec<Duration> {
        self.ask(Command::Stop).await
    }

    /// Closes it in good order.
    pub(crate) async fn close(self) -> Account {
        let account = self.ask(Command::Close).await;
        self.thread.join().expect("the healthy session goes on");
        account
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, replied) = oneshot::channel();
        let sent = self.commands.send(command(reply));
        sent.expect("the healthy session goes on");
        let replied = within("the healthy session", replied).await;
        replied.expect("the healthy session goes on")
    }
}

/// Tells the server's application what it is there for.
async fn play(mut session: Session) -> Session {
    session.send_raw("echo").await.expect("the server is there");
    let ready = session.recv().await.expect("the server is there");
    assert_eq!(&ready.expect("an answer").data()[..], b"ready");
    session
}

async fn live(mut session: Session, mut commands: mpsc::UnboundedReceiver<Command>) {
    let mut number = 0;
    while let Some(command) = commands.recv().await {
        match command {
            Command::Exchange(count, reply) => {
                let mut times = Vec::with_capacity(count);
                for _ in 0..count {
                    times.push(exchange(&mut session, &mut number).await);
                    tokio::time::sleep(PAUSE).await;
                }
                reply.send(times).expect("somebody waits for it");
            }
            Command::Go => {
                let mut times = Vec::new();
                let reply = loop {
                    times.push(exchange(&mut session, &mut number).await);
                    tokio::time::sleep(PAUSE).await;
                    if times.len() >= LEAST
                        && let Ok(Command::Stop(reply)) = commands.try_recv()
                    {
                        break reply;
                    }
                };
                reply.send(times).expect("somebody waits for it");
            }
            Command::Stop(_) => panic!("it was not told to go"),
            Command::Close(reply) => {
                let account = close(session, number).await;
                reply.send(account).expect("somebody waits for it");
                return;
            }
        }
    }
}

/// A message there, acknowledged, and the same back; anything else is an error.
async fn exchange(session: &mut Session, number: &mut u64) -> Duration {
    *number += 1;
    let message = number.to_be_bytes();
    let start = Instant::now();
    let sent = session.send_raw(message.to_vec()).await;
    sent.expect("the healthy session goes on");
    let back = session.recv().await.expect("the healthy session goes on");
    let time = start.elapsed();
    let back = back.expect("there is one more");
    assert_eq!(back.data()[..], message, "lost, doubled or out of order");
    time
}

async fn close(session: Session, number: u64) -> Account {
    let stats = session.stats().expect("it is of v3");
    // The first of each side were about the role.
    let account = Account {
        sent: stats.settled - 1,
        received: stats.received - 1,
        connections: stats.connections,
        lost: stats.lost,
    };
    assert_eq!((account.sent, account.received), (number, number));
    let closed = session.close().await;
    closed.expect("the healthy session ends in good order");
    account
}
