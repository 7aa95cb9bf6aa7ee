use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use korinet_session::{ConnectionError, v3};
use korinet_wire::Detection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout_at;

use super::Shared;
use super::gate::{Entered, PROTECTION, Turn};
use crate::transport::Counted;
use crate::{Protocol, Session};

/// A peer that says nothing for so long is one of protocol v2, which waits to be spoken to: one of v3 speaks first.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(1);

// Otherwise a peer of v2 that waits to be spoken to would make room for others before it is known for one.
const _: () = assert!(SILENCE.as_millis() < PROTECTION.as_millis());

/// As much as any protocol begins with: a connection that is closed with bytes unread is reset, and its peer told
/// nothing but that.
const OPENING: usize = 2048;

/// However long a handshake may take, no more than what can be added to any time.
const LONGEST_HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

/// A connection until it is known what it is and whose: what it speaks, TLS where there is any, and whether it gets a
/// session. All of that takes no longer than a handshake may.
pub(super) struct Reception {
    pub(super) shared: Arc<Shared>,
    pub(super) entered: Arc<Entered>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) since: Instant,
}

/// Whether a connection gets a session.
type Admission<Io> = Result<v3::Admitted<Io>, v3::TurnedAway<Io>>;

/// What comes of a connection when it begins to speak.
enum Beginning {
    V2,
    V3,
    Tls,
}

/// What is left to do with a connection that has a session.
pub(super) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Reception {
    /// Of a connection that was accepted; nothing, if it is one too many.
    pub(super) fn of(shared: &Arc<Shared>, peer: Option<SocketAddr>) -> Option<Self> {
        shared.counters.count_accepted();
        let since = tokio::time::Instant::now().into_std();
        match shared.gate.enter(since, peer) {
            Ok(entered) => Some(Self {
                shared: Arc::clone(shared),
                entered: Arc::new(entered),
                peer,
                since,
            }),
            Err((limit, max)) => {
                shared.tell_refused(peer, &ConnectionError::LimitReached { limit, max });
                None
            }
        }
    }

    /// When it has taken too long.
    pub(super) fn deadline(&self) -> tokio::time::Instant {
        let timeout = self.shared.handshake_timeout.min(LONGEST_HANDSHAKE);
        (self.since + timeout).into()
    }

    /// Serves a connection to its end.
    pub(super) async fn run<Io>(self, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Apart, so that a session that is only there has no memory for it.
        let serving = Box::pin(self.receive(io)).await;
        if let Some(serving) = serving {
            serving.await;
        }
    }

    /// Goes through the handshake of a connection; what is to be done with it then, if it came to anything.
    async fn receive<Io>(self, io: Io) -> Option<Serving>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = Counted::new(io, Arc::clone(&self.entered));
        let turn = self.begin().await?;
        let mut read = BytesMut::with_capacity(OPENING);
        let detecting = self.detect(&mut io, &mut read);
        let Some(beginning) = self.hear(&turn, detecting).await? else {
            self.refuse(&ConnectionError::ClosedByPeer);
            return None;
        };
        match beginning {
            Beginning::V2 if self.shared.speaks(Protocol::V2) => {
                self.serve_v2(io, read, turn).await
            }
            // What is not of v2 is refused by its decoder.
            Beginning::V3 if !self.shared.speaks(Protocol::V3) => {
                self.serve_v2(io, read, turn).await
            }
            // What is not of v3 either is refused by name.
            Beginning::V2 | Beginning::V3 if self.shared.takes_plaintext() => {
                let accepted = v3::Accepted {
                    read,
                    peer: self.peer,
                    since: self.since,
                    ..v3::Accepted::new(io)
                };
                self.serve_v3(accepted, turn).await
            }
            Beginning::V3 => {
                self.refuse_plaintext(io, read, turn).await;
                None
            }
            Beginning::V2 => {
                self.refuse(&ConnectionError::PlaintextRefused);
                None
            }
            Beginning::Tls => self.receive_tls(io, read, turn).await,
        }
    }

    /// Waits for its turn.
    async fn begin(&self) -> Option<Turn> {
        let mut turn = self.entered.queue();
        if timeout_at(self.deadline(), turn.granted()).await.is_ok() {
            return Some(turn);
        }
        let (limit, max) = turn.obstacle();
        self.refuse(&ConnectionError::LimitReached { limit, max });
        None
    }

    /// Waits for what the peer says: until it has taken too long, or its handshake has to make room for another.
    pub(super) async fn hear<T>(&self, turn: &Turn, said: impl Future<Output = T>) -> Option<T> {
        let heard = self.unless_preempted(turn, timeout_at(self.deadline(), said));
        let Ok(heard) = heard.await? else {
            let timeout = ConnectionError::HandshakeTimeout(self.shared.handshake_timeout);
            self.refuse(&timeout);
            return None;
        };
        Some(heard)
    }

    /// The same, where the time is somebody else's matter.
    pub(super) async fn unless_preempted<T>(
        &self,
        turn: &Turn,
        said: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::select! {
            biased;
            heard = said => Some(heard),
            () = turn.preempted() => {
                self.make_room();
                None
            }
        }
    }

    /// What the peer speaks, by its first bytes; nothing, if there are none.
    async fn detect<Io: AsyncRead + Unpin>(
        &self,
        io: &mut Io,
        read: &mut BytesMut,
    ) -> Option<Beginning> {
        loop {
            match Detection::of(read) {
                Detection::V3 => return Some(Beginning::V3),
                Detection::Tls => return Some(Beginning::Tls),
                Detection::NeedMore { .. } => {}
                // Its decoder says what is wrong with what is not of v2 either.
                Detection::V2 | Detection::Unknown(_) => return Some(Beginning::V2),
            }
            let reading = io.read_buf(read);
            let came = if self.shared.speaks(Protocol::V2) {
                match tokio::time::timeout(SILENCE, reading).await {
                    Ok(came) => came,
                    Err(_) => return Some(Beginning::V2),
                }
            } else {
                reading.await
            };
            match came {
                Ok(0) | Err(_) if read.is_empty() => return None,
                Ok(0) | Err(_) => return Some(Beginning::V2),
                Ok(_) => {}
            }
        }
    }

    async fn serve_v2<Io>(self, io: Io, read: BytesMut, turn: Turn) -> Option<Serving>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        drop(turn);
        let Self {
            shared,
            entered,
            peer,
            ..
        } = self;
        let permit = shared.v2_sessions.reserve().await.ok()?;
        let ip = peer.map(|peer| peer.ip());
        let (session, serving) = shared.v2.serve(io, read, ip);
        shared.counters.count_admitted();
        permit.send(Session::from_v2(session, peer));
        drop(shared);
        Some(Box::pin(async move {
            serving.await;
            drop(entered);
        }))
    }

    pub(super) async fn serve_v3<Io>(
        self,
        accepted: v3::Accepted<Io>,
        turn: Turn,
    ) -> Option<Serving>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let admitted = self.admit(accepted, &turn).await?;
        drop(turn);
        match admitted {
            Ok(admitted) => {
                self.shared.counters.count_admitted();
                Some(Box::pin(admitted.run()))
            }
            Err(turned_away) => {
                self.refuse(turned_away.reason());
                turned_away.finish().await;
                None
            }
        }
    }

    /// Has a connection admitted. While its HELLO is waited for, the handshake may have to make room for another.
    async fn admit<Io>(&self, accepted: v3::Accepted<Io>, turn: &Turn) -> Option<Admission<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let v3 = &self.shared.v3;
        let introduced = self.unless_preempted(turn, v3.introduce(accepted)).await?;
        if !turn.keep() {
            self.make_room();
            return None;
        }
        Some(match introduced {
            Ok(introduced) => v3.admit(introduced).await,
            Err(turned_away) => Err(turned_away),
        })
    }
}
