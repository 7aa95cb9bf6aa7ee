use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use korinet_session::{CertificateFault, ConnectionError, v3};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::gate::{Entered, Turn};
use super::reception::{Reception, Serving};
use crate::tls::{ALPN, ServerTls, TlsIo, explain, fault_of};
use crate::transport::Counted;

/// The alert `no_application_protocol` (RFC 7301, 3.2).
const NO_APPLICATION_PROTOCOL: [u8; 7] = [21, 3, 3, 0, 2, 2, 120];

/// A connection that counts among those that there are.
type Held<Io> = Counted<Io, Arc<Entered>>;

/// A connection that did not come to speak TLS, and why.
struct Failed<Io> {
    io: Option<Io>,
    reason: ConnectionError,
    answer: Bytes,
}

impl Reception {
    /// Goes on with TLS, where the peer begins with it.
    pub(super) async fn receive_tls<Io>(
        self,
        mut io: Held<Io>,
        read: BytesMut,
        turn: Turn,
    ) -> Option<Serving>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(tls) = self.shared.tls.clone() else {
            self.refuse_tls(io, turn).await;
            return None;
        };
        io.put_back(read);
        let shaking = Box::pin(shake_hands(&tls, io));
        let failed = match self.hear(&turn, shaking).await? {
            Ok(shaken) => {
                let io = shaken.io;
                let accepted = v3::Accepted {
                    channel: io.channel.clone(),
                    certificates: shaken.certificates,
                    fault: shaken.fault,
                    peer: self.peer,
                    since: self.since,
                    ..v3::Accepted::new(io)
                };
                return self.serve_v3(accepted, turn).await;
            }
            Err(failed) => failed,
        };
        self.refuse(&failed.reason);
        drop(turn);
        if let Some(io) = failed.io {
            let Failed { reason, answer, .. } = failed;
            let turned_away = v3::TurnedAway::new(io, v3::Refused { reason, answer });
            turned_away.finish().await;
        }
        None
    }
}

/// A connection with TLS.
struct Shaken<Io> {
    io: TlsIo<TlsStream<Io>>,
    certificates: Vec<Bytes>,
    fault: Option<CertificateFault>,
}

async fn shake_hands<Io>(tls: &ServerTls, io: Io) -> Result<Shaken<Io>, Failed<Io>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let failed = |io, error| Failed {
        io,
        reason: explain(error).into(),
        answer: Bytes::new(),
    };
    let current = tls.current();
    let mut acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io);
    let start = match (&mut acceptor).await {
        Ok(start) => start,
        Err(error) => return Err(failed(acceptor.take_io(), error)),
    };
    // The library refuses who asks for other protocols, but not who asks for none.
    if start.client_hello().alpn().is_none() {
        return Err(Failed {
            io: Some(start.io),
            reason: ConnectionError::NotOverTls(ALPN),
            answer: Bytes::from_static(&NO_APPLICATION_PROTOCOL),
        });
    }
    let accepting = start.into_stream(current.config.clone()).into_fallible();
    let stream = match accepting.await {
        Ok(stream) => stream,
        Err((error, io)) => return Err(failed(Some(io), error)),
    };
    let connection = stream.get_ref().1;
    let certificates = connection.peer_certificates().unwrap_or_default();
    let is_resumed = connection.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
    // What a ticket says was verified when it was given.
    let fault = if is_resumed {
        current.verify_again(certificates).err()
    } else {
        None
    };
    let fault = fault.map(|error| fault_of(&error));
    let certificates = certificates.iter();
    let certificates = certificates.map(|it| Bytes::copy_from_slice(it)).collect();
    let io = TlsIo::new(stream).map_err(|error| failed(None, error))?;
    Ok(Shaken {
        io,
        certificates,
        fault,
    })
}
