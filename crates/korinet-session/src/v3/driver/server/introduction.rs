use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::admission::TurnedAway;
use super::host::{Host, Serving};
use crate::clock::now;
use crate::v3::{Channel, Greeted, Greeter, Greeting, Refused};
use crate::{CertificateFault, ConnectionError};

/// A connection that was accepted, and what is known of it.
pub struct Accepted<Io> {
    /// The connection.
    pub io: Io,
    /// What was read from it to find out what it speaks; not shown by `Debug`, since it may hold a credential.
    pub read: BytesMut,
    /// What the transport gives to the session.
    pub channel: Channel,
    /// The client's certificates in DER, its own first, as the transport has verified them.
    pub certificates: Vec<Bytes>,
    /// What is wrong with them now, where the transport has verified them some time ago.
    pub fault: Option<CertificateFault>,
    /// The client's address, where there is one.
    pub peer: Option<SocketAddr>,
    /// When it was accepted: the time for the handshake counts from there.
    pub since: Instant,
}

impl<Io> Accepted<Io> {
    /// A plain connection of now, of which nothing is known, and nothing was read.
    #[must_use]
    pub fn new(io: Io) -> Self {
        Self {
            io,
            read: BytesMut::new(),
            channel: Channel::Plain,
            certificates: Vec::new(),
            fault: None,
            peer: None,
            since: now(),
        }
    }
}

impl<Io: fmt::Debug> fmt::Debug for Accepted<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accepted")
            .field("io", &self.io)
            .field("read", &format_args!("{} bytes", self.read.len()))
            .field("channel", &self.channel)
            .field("fault", &self.fault)
            .field("peer", &self.peer)
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}

/// A connection whose HELLO was read: what there is to wait for is no more the peer's to say.
#[must_use = "its client is to be admitted"]
pub struct Introduced<Io> {
    pub(super) io: Io,
    pub(super) channel: Channel,
    pub(super) certificates: Vec<Bytes>,
    pub(super) fault: Option<CertificateFault>,
    pub(super) peer: Option<SocketAddr>,
    pub(super) since: Instant,
    pub(super) greeting: Greeting,
    pub(super) serving: Serving,
}

impl<Io> fmt::Debug for Introduced<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introduced")
            .field("attach", &self.greeting.attach())
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// Reads the HELLO.
pub(super) async fn introduce<Io: AsyncRead + AsyncWrite + Unpin>(
    host: &Arc<Host>,
    accepted: Accepted<Io>,
) -> Result<Introduced<Io>, TurnedAway<Io>> {
    let serving = Serving::new(host);
    let Accepted {
        mut io,
        mut read,
        channel,
        certificates,
        fault,
        peer,
        since,
    } = accepted;
    // A client that says more than its HELLO before it is answered is refused (V3-14), so nothing is left.
    match greet(host, &mut io, &mut read, since).await {
        Ok(greeting) => Ok(Introduced {
            io,
            channel,
            certificates,
            fault,
            peer,
            since,
            greeting,
            serving,
        }),
        Err(refused) => Err(TurnedAway::served(io, refused, serving)),
    }
}

/// How much of a HELLO is read at once: more than most have, so that what comes with it, right behind it, is seen and
/// refused (V3-14), whatever the lengths.
const READ_SIZE: usize = 1024;

/// Reads the HELLO.
async fn greet<Io: AsyncRead + Unpin>(
    host: &Host,
    io: &mut Io,
    read: &mut BytesMut,
    since: Instant,
) -> Result<Greeting, Refused> {
    let settings = &host.config.settings;
    let mut greeter = Greeter::new(since, settings);
    loop {
        match greeter.handle_bytes(read) {
            Some(Greeted::Hello(greeting)) => return Ok(greeting),
            Some(Greeted::Refused(refused)) => return Err(refused),
            None => {}
        }
        let deadline = greeter.poll_timeout().unwrap_or_else(now);
        read.reserve(READ_SIZE);
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
