use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use korinet_proto::v3::GoAway;
use korinet_session::v3::{Channel, Credential};
use korinet_session::{ConnectionError, Dial};

type Answer = Pin<Box<dyn Future<Output = Result<Credential, String>> + Send>>;

/// Where a client's credentials come from.
#[derive(Clone)]
pub(crate) struct Credentials(Arc<dyn Fn() -> Answer + Send + Sync>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

impl Credentials {
    pub(crate) fn new<P, F, E>(provide: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Credential, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Arc::new(move || {
            let provided = provide();
            Box::pin(async { provided.await.map_err(|error| told(&*error.into())) })
        }))
    }
}

/// An error with its causes.
fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// A transport whose client has something to show.
#[derive(Debug)]
pub(crate) struct Showing<D> {
    pub(crate) dial: D,
    pub(crate) credentials: Option<Credentials>,
}

impl<D: Dial> Dial for Showing<D> {
    type Io = D::Io;

    async fn dial(&mut self) -> io::Result<D::Io> {
        self.dial.dial().await
    }

    async fn credential(&mut self) -> io::Result<Option<Credential>> {
        let Some(Credentials(provide)) = &self.credentials else {
            return Ok(None);
        };
        let credential = provide().await.map_err(ConnectionError::NoCredential);
        credential.map(Some).map_err(io::Error::other)
    }

    fn channel(&self, io: &D::Io) -> Channel {
        self.dial.channel(io)
    }

    fn peer_addr(&self, io: &D::Io) -> Option<SocketAddr> {
        self.dial.peer_addr(io)
    }

    fn handle_go_away(&mut self, go_away: &GoAway) {
        self.dial.handle_go_away(go_away);
    }
}
