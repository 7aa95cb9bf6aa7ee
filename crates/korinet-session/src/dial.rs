use std::io;
use std::net::SocketAddr;

use korinet_proto::v3::GoAway;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::v3::{Channel, Credential};

/// A transport that can be dialled again: what a client's session reconnects through.
pub trait Dial: Send + Sync + 'static {
    /// One connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Makes one attempt to connect.
    ///
    /// It is called for the first connection and after each loss, and should look up names anew each
    /// time. How long an attempt may take is the caller's business: the future is dropped when that
    /// is over.
    fn dial(&mut self) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// What the next attempt shows to tell who this side is; nothing, by default. Asked before each
    /// [`dial`](Self::dial), and within its time.
    ///
    /// An error ends the attempt; where it holds a [`ConnectionError`](crate::ConnectionError), that is the reason.
    fn credential(&mut self) -> impl Future<Output = io::Result<Option<Credential>>> + Send {
        std::future::ready(Ok(None))
    }

    /// What this connection gives to a session of protocol v3; nothing, by default.
    fn channel(&self, io: &Self::Io) -> Channel {
        let _ = io;
        Channel::Plain
    }

    /// The address at the other end of this connection, where there is one; none, by default.
    fn peer_addr(&self, io: &Self::Io) -> Option<SocketAddr> {
        let _ = io;
        None
    }

    /// The peer said that it would close the last connection, and maybe where else to connect; told before
    /// the next attempt. Ignored by default.
    fn handle_go_away(&mut self, go_away: &GoAway) {
        let _ = go_away;
    }
}
