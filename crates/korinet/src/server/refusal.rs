use bytes::{Bytes, BytesMut};
use korinet_session::{ConnectionError, v3};
use korinet_wire::v3::{Class, Preface, preface};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::timeout_at;

use super::gate::Turn;
use super::reception::Reception;

/// What a server without TLS answers to a hello of TLS: the alert `protocol_version` (RFC 8446, 6).
const NO_TLS: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

impl Reception {
    /// The connection gets no session.
    pub(super) fn refuse(&self, reason: &ConnectionError) {
        if !is_our_own(reason) {
            self.entered.fail(tokio::time::Instant::now().into_std());
        }
        self.shared.tell_refused(self.peer, reason);
    }

    /// Its handshake has made room for another.
    pub(super) fn make_room(&self) {
        let (limit, max) = self.shared.gate.most_handshakes();
        self.refuse(&ConnectionError::LimitReached { limit, max });
    }

    /// Says to a client that comes without TLS that it is to come with it.
    pub(super) async fn refuse_plaintext<Io>(self, mut io: Io, mut read: BytesMut, turn: Turn)
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
        let reading = timeout_at(self.deadline(), reading);
        let Some(is_ours) = self.unless_preempted(&turn, reading).await else {
            return;
        };
        self.refuse(&ConnectionError::PlaintextRefused);
        drop(turn);
        if is_ours.unwrap_or(false) {
            let turned_away = v3::TurnedAway::new(io, v3::Refused::without_tls());
            turned_away.finish().await;
        }
    }

    /// Says to a client that begins with TLS that there is none.
    pub(super) async fn refuse_tls<Io>(self, io: Io, turn: Turn)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.refuse(&ConnectionError::TlsUnserved);
        drop(turn);
        let refused = v3::Refused {
            reason: ConnectionError::TlsUnserved,
            answer: Bytes::from_static(&NO_TLS),
        };
        v3::TurnedAway::new(io, refused).finish().await;
    }
}

/// Ends a connection of TLS at a server that has none.
#[cfg(not(feature = "tls"))]
impl Reception {
    pub(super) async fn receive_tls<Io>(
        self,
        io: Io,
        _: BytesMut,
        turn: Turn,
    ) -> Option<super::reception::Serving>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.refuse_tls(io, turn).await;
        None
    }
}

/// Whether the peer can do nothing about a refusal.
fn is_our_own(reason: &ConnectionError) -> bool {
    if let ConnectionError::RefusedHere { code, .. } = reason {
        return code.class() == Class::RetryLater;
    }
    matches!(reason, ConnectionError::LimitReached { .. })
}
