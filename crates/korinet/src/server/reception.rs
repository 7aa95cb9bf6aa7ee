use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use korinet_session::{ConnectionError, Limit, v3};
use korinet_wire::Detection;
use korinet_wire::v3::{Class, Preface, preface};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout_at;

use super::Shared;
use super::gate::{Entered, Underway};
use crate::transport::Counted;
use crate::{Protocol, Session};

/// A peer that says nothing for so long is one of protocol v2, which waits to be spoken to: one of v3 speaks first.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(1);

/// As much as any protocol begins with: a connection that is closed with bytes unread is reset, and its peer told
/// nothing but that.
const OPENING: usize = 2048;

/// However long a handshake may take, no more than what can be added to any time.
const LONGEST_HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3600);

/// What a server without TLS answers to a hello of TLS: the alert `protocol_version` (RFC 8446, 6).
const NO_TLS: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

/// A connection until it is known what it is and whose: what it speaks, TLS where there is any, and whether it gets a
/// session. All of that takes no longer than a handshake may.
pub(super) struct Reception {
    pub(super) shared: Arc<Shared>,
    pub(super) entered: Arc<Entered>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) since: Instant,
}

/// A connection that counts among those that there are.
pub(super) type Held<Io> = Counted<Io, Arc<Entered>>;

/// What comes of a connection when it begins to speak.
enum Beginning {
    V2,
    V3,
    Tls,
}

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

    pub(super) async fn receive<Io>(self, io: Io)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut io = Counted::new(io, Arc::clone(&self.entered));
        let Some(underway) = self.begin().await else {
            return;
        };
        let mut read = BytesMut::with_capacity(OPENING);
        let beginning = match timeout_at(self.deadline(), self.detect(&mut io, &mut read)).await {
            Ok(Some(beginning)) => beginning,
            Ok(None) => return self.refuse(&ConnectionError::ClosedByPeer),
            Err(_) => {
                let timeout = ConnectionError::HandshakeTimeout(self.shared.handshake_timeout);
                return self.refuse(&timeout);
            }
        };
        match beginning {
            Beginning::V2 if self.shared.speaks(Protocol::V2) => {
                self.serve_v2(io, read, underway).await;
            }
            // What is not of v2 is refused by its decoder.
            Beginning::V3 if !self.shared.speaks(Protocol::V3) => {
                self.serve_v2(io, read, underway).await;
            }
            // What is not of v3 either is refused by name.
            Beginning::V2 | Beginning::V3 if self.shared.takes_plaintext() => {
                let accepted = v3::Accepted {
                    read,
                    peer: self.peer,
                    since: self.since,
                    ..v3::Accepted::new(io)
                };
                self.serve_v3(accepted, underway).await;
            }
            Beginning::V3 => self.refuse_plaintext(io, read, underway).await,
            Beginning::V2 => {
                self.refuse(&ConnectionError::PlaintextRefused);
            }
            Beginning::Tls => self.receive_tls(io, read, underway).await,
        }
    }

    /// Waits for its turn.
    async fn begin(&self) -> Option<Underway> {
        let mut waiting_for = (Limit::Handshakes, 0);
        let begun = timeout_at(self.deadline(), self.entered.begin(&mut waiting_for)).await;
        if let Ok(underway) = begun {
            return underway;
        }
        let (limit, max) = waiting_for;
        self.refuse(&ConnectionError::LimitReached { limit, max });
        None
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

    async fn serve_v2<Io>(self, io: Io, read: BytesMut, underway: Underway)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        drop(underway);
        let Self {
            shared,
            entered,
            peer,
            ..
        } = self;
        let Ok(permit) = shared.v2_sessions.reserve().await else {
            return;
        };
        let ip = peer.map(|peer| peer.ip());
        let (session, serving) = shared.v2.serve(io, read, ip);
        shared.counters.count_admitted();
        permit.send(Session::from_v2(session, peer));
        drop(shared);
        serving.await;
        drop(entered);
    }

    pub(super) async fn serve_v3<Io>(self, accepted: v3::Accepted<Io>, underway: Underway)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Apart, so that a session that is only there has no memory for it.
        let v3 = &self.shared.v3;
        let admitting = async { v3.admit(v3.introduce(accepted).await?).await };
        let admitted = Box::pin(admitting).await;
        drop(underway);
        match admitted {
            Ok(admitted) => {
                self.shared.counters.count_admitted();
                // A session that has lost its connection is none.
                drop(self);
                admitted.run().await;
            }
            Err(turned_away) => {
                self.refuse(turned_away.reason());
                turned_away.finish().await;
            }
        }
    }

    /// Says to a client that comes without TLS that it is to come with it.
    async fn refuse_plaintext<Io>(self, mut io: Io, mut read: BytesMut, underway: Underway)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        // No server says anything before it has read the preface (V3-2).
        let reading = async {
            while let Ok(Preface::Partial { .. }) = preface(&read) {
                if io.read_buf(&mut read).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            matches!(preface(&read), Ok(Preface::Complete))
        };
        let is_ours = timeout_at(self.deadline(), reading).await.unwrap_or(false);
        self.refuse(&ConnectionError::PlaintextRefused);
        drop(underway);
        if is_ours {
            let turned_away = v3::TurnedAway::new(io, v3::Refused::without_tls());
            turned_away.finish().await;
        }
    }

    /// The connection gets no session.
    pub(super) fn refuse(&self, reason: &ConnectionError) {
        if !is_our_own(reason) {
            self.entered.fail(tokio::time::Instant::now().into_std());
        }
        self.shared.tell_refused(self.peer, reason);
    }
}

/// Whether the peer can do nothing about a refusal.
fn is_our_own(reason: &ConnectionError) -> bool {
    if let ConnectionError::RefusedHere { code, .. } = reason {
        return code.class() == Class::RetryLater;
    }
    matches!(reason, ConnectionError::LimitReached { .. })
}

/// Ends a connection of TLS at a server that has none.
#[cfg(not(feature = "tls"))]
impl Reception {
    async fn receive_tls<Io>(self, io: Held<Io>, _: BytesMut, underway: Underway)
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.refuse_tls(io, underway).await;
    }
}

impl Reception {
    /// Says to a client that begins with TLS that there is none.
    pub(super) async fn refuse_tls<Io>(self, io: Io, underway: Underway)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.refuse(&ConnectionError::TlsUnserved);
        drop(underway);
        let refused = v3::Refused {
            reason: ConnectionError::TlsUnserved,
            answer: Bytes::from_static(&NO_TLS),
        };
        v3::TurnedAway::new(io, refused).finish().await;
    }
}
