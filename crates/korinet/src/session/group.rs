use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt;
use korinet_proto::v3::Payload;
use korinet_session::v3;
use korinet_wire::v3::{Code, Kind};
use minicbor::Encode;

use super::encoding::{Encoded, offer, with_encoded};
use super::sender::{Sender, Side};
use crate::{EncodeError, SendError};

/// From how many members on it is looked, when one joins, for such whose sessions are over.
const PRUNE_FROM: usize = 16;

/// Sends each message to many sessions, without waiting for any of them.
///
/// A message is encoded once; from 16 KiB on it is in memory once, whoever still has to get it, although it counts for
/// each of them in [`max_memory`](crate::ServerBuilder::max_memory). It goes into the
/// [window](crate::ServerBuilder::window) of each member, which is the queue of those that are slow, and is delivered as
/// all messages of that session are: once, in order, through broken connections. All members get the messages of a
/// group in the same order. What becomes of a member that does not keep up, [`OnFull`] says.
///
/// Clones are the same group. A group does not keep the sessions of its members open.
///
/// ```
/// use korinet::{Client, Group, Server};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::bind("127.0.0.1:0").await?;
/// # let addr = server.local_addr()?.to_string();
/// # let client = async || Client::connect(addr.clone()).await;
/// # let (a, b) = tokio::join!(client(), client());
/// # let (mut a, mut b) = (a?, b?);
/// let room = Group::new();
/// let mut members = Vec::new();
/// for _ in 0..2 {
///     let session = server.accept().await.expect("the server is open");
///     let member = room.join(session.sender())?; // leaves when it is dropped
///     members.push((session, member));
/// }
///
/// let report = room.send("hello, all")?;
/// assert_eq!(report.accepted, 2);
/// # for client in [&mut a, &mut b] {
/// #     assert_eq!(client.recv().await?.expect("one message").decode::<&str>()?, "hello, all");
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Group {
    members: Arc<Mutex<Members>>,
}

/// What becomes of a member that cannot take a message: its window is full, it has no connection and is not to
/// [wait](crate::WhenDetached) for one, or the message is larger than its peer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnFull {
    /// It leaves the group and its session is closed, with the code 200 `overloaded`: it gets what was sent before, and is
    /// told that there was more. So whoever stays has all of it. What the peer does not take is waited for as by
    /// [`Sender::close`]; [`stall_timeout`](crate::ServerBuilder::stall_timeout) ends that.
    #[default]
    Close,
    /// It does not get this message, and is not told: for messages of which the next one makes up for it. How many it
    /// missed, [`Member::skipped`] says.
    Skip,
}

/// What became of one message to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct GroupReport {
    /// The members that it goes to.
    pub accepted: usize,
    /// Those that do not get it.
    pub skipped: usize,
    /// Those that do not get it and are no members any more, since their sessions are closed for it.
    pub closed: usize,
}

/// A session's being in a [`Group`]; dropped, the session leaves. It leaves by itself when it is over.
#[derive(Debug)]
#[must_use = "dropped, the session leaves the group"]
pub struct Member {
    members: Arc<Mutex<Members>>,
    id: u64,
    skipped: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct Members {
    /// By number, in the order in which they joined.
    all: BTreeMap<u64, Entry>,
    last_id: u64,
    /// How many there were when those that are over were last looked for.
    pruned: usize,
}

#[derive(Debug)]
struct Entry {
    sender: v3::WeakSender,
    on_full: OnFull,
    skipped: Arc<AtomicU64>,
}

/// What became of a message to one member.
enum Outcome {
    Accepted,
    Skipped,
    Closed,
    /// It is a member no more.
    Over,
}

impl Group {
    /// A group without members.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has a session get what is sent from now on, by [`OnFull::Close`]. One that joins twice gets it twice.
    ///
    /// # Errors
    ///
    /// [`SendError::NeedsV3`]: protocol v2 has one message under way at a time, and so nowhere for others to wait.
    pub fn join(&self, sender: &Sender) -> Result<Member, SendError> {
        self.join_with(sender, OnFull::default())
    }

    /// As [`join`](Self::join), and says what becomes of the member when it cannot take a message.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn join_with(&self, sender: &Sender, on_full: OnFull) -> Result<Member, SendError> {
        let Side::V3(sender) = &sender.0 else {
            return Err(SendError::NeedsV3 { what: "groups" });
        };
        let skipped = Arc::new(AtomicU64::new(0));
        let entry = Entry {
            sender: sender.downgrade(),
            on_full,
            skipped: Arc::clone(&skipped),
        };
        Ok(Member {
            id: self.lock().insert(entry),
            members: Arc::clone(&self.members),
            skipped,
        })
    }

    /// Sends a message to all members; it is accepted by each or not when this returns, which does not wait.
    ///
    /// # Errors
    ///
    /// It is no message, and nobody gets it.
    pub fn send<T: Encode<()> + ?Sized>(&self, message: &T) -> Result<GroupReport, EncodeError> {
        let sent = offer(message, |payload| {
            Some(self.lock().send(Kind::MESSAGE, payload))
        })?;
        Ok(sent.unwrap_or_default())
    }

    /// As [`send`](Self::send), with bytes as they are.
    pub fn send_raw(&self, bytes: impl Into<Bytes>) -> GroupReport {
        let payload = Encoded::raw(bytes.into());
        self.lock().send(Kind::RAW, &payload.borrow())
    }

    /// As [`Sender::send_volatile`], to all members: those that it was dropped for at once are skipped, whatever
    /// [`OnFull`] says.
    ///
    /// # Errors
    ///
    /// It is no message, and nobody gets it.
    pub fn send_volatile<T: Encode<()> + ?Sized>(
        &self,
        message: &T,
    ) -> Result<GroupReport, EncodeError> {
        with_encoded(message, |encoded| self.lock().send_volatile(false, encoded))
    }

    /// As [`send_volatile`](Self::send_volatile), with bytes as they are.
    pub fn send_volatile_raw(&self, bytes: &[u8]) -> GroupReport {
        self.lock().send_volatile(true, bytes)
    }

    /// How many members there are whose sessions are not over.
    #[must_use]
    pub fn len(&self) -> usize {
        let mut members = self.lock();
        members.prune();
        members.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Members> {
        lock(&self.members)
    }
}

impl Member {
    /// How many messages it did not get, while it was to be [skipped](OnFull::Skip); volatile ones included.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Leaves the group, as dropping it does.
    pub fn leave(self) {}
}

impl Drop for Member {
    fn drop(&mut self) {
        lock(&self.members).all.remove(&self.id);
    }
}

impl Members {
    fn insert(&mut self, entry: Entry) -> u64 {
        if self.all.len() >= PRUNE_FROM.max(2 * self.pruned) {
            self.prune();
        }
        self.last_id += 1;
        self.all.insert(self.last_id, entry);
        self.last_id
    }

    /// Forgets those whose sessions are over.
    fn prune(&mut self) {
        self.all.retain(|_, entry| entry.sender.upgrade().is_some());
        self.pruned = self.all.len();
    }

    fn send(&mut self, kind: Kind, payload: &Payload<'_>) -> GroupReport {
        self.each(|entry| entry.send(kind, payload))
    }

    fn send_volatile(&mut self, is_raw: bool, payload: &[u8]) -> GroupReport {
        self.each(|entry| entry.send_volatile(is_raw, payload))
    }

    fn each(&mut self, send: impl Fn(&Entry) -> Outcome) -> GroupReport {
        let mut report = GroupReport::default();
        self.all.retain(|_, entry| match send(entry) {
            Outcome::Accepted => {
                report.accepted += 1;
                true
            }
            Outcome::Skipped => {
                report.skipped += 1;
                entry.skipped.fetch_add(1, Ordering::Relaxed);
                true
            }
            Outcome::Closed => {
                report.closed += 1;
                false
            }
            Outcome::Over => false,
        });
        report
    }
}

impl Entry {
    fn send(&self, kind: Kind, payload: &Payload<'_>) -> Outcome {
        let Some(sender) = self.sender.upgrade() else {
            return Outcome::Over;
        };
        let Err(error) = sender.try_feed(kind, None, payload) else {
            return Outcome::Accepted;
        };
        match (error, self.on_full) {
            (
                korinet_session::SendError::Closed
                | korinet_session::SendError::NotSent(_)
                | korinet_session::SendError::Unacknowledged(_),
                _,
            ) => Outcome::Over,
            (_, OnFull::Skip) => Outcome::Skipped,
            (_, OnFull::Close) => {
                // It closes at the first poll; who waits for the end of it is the session.
                let _ = sender
                    .close_with(Code::OVERLOADED, "too slow for its group")
                    .now_or_never();
                Outcome::Closed
            }
        }
    }

    fn send_volatile(&self, is_raw: bool, payload: &[u8]) -> Outcome {
        let Some(sender) = self.sender.upgrade() else {
            return Outcome::Over;
        };
        match sender.send_volatile(is_raw, payload) {
            Ok(true) => Outcome::Accepted,
            Ok(false) | Err(_) => Outcome::Skipped,
        }
    }
}

fn lock(members: &Mutex<Members>) -> MutexGuard<'_, Members> {
    members.lock().unwrap_or_else(PoisonError::into_inner)
}
