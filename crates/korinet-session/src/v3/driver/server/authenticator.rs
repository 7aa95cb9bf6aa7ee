use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use korinet_wire::v3::{Class, Code};

use crate::v3::{Credential, Principal};

/// Who asks for a session, or for the one that it has: what a server knows to find out who it is.
///
/// Of all this the certificates alone are verified, and only where the transport is secured and was told whom to
/// trust.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Applicant {
    /// What the client shows.
    pub credential: Option<Credential>,
    /// The client's certificates in DER, its own first; none where it has shown none.
    pub certificates: Vec<Bytes>,
    /// Whether nobody can read along.
    pub is_secured: bool,
    /// The client's address, where there is one.
    pub peer: Option<SocketAddr>,
    /// The name and version that the client's application gives itself.
    pub application: Option<(String, String)>,
}

/// Who a client is, and for how long that is sure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authenticated {
    /// Who it is. All connections of a session must have the same.
    pub principal: Principal,
    /// After this time the connection is ended, for the client to come back with a new credential. Without it, the
    /// server's longest age of a connection counts alone.
    pub valid_for: Option<Duration>,
}

impl Authenticated {
    /// Sure for as long as a connection lasts.
    #[must_use]
    pub fn new(principal: impl Into<String>) -> Self {
        Self {
            principal: Principal(principal.into()),
            valid_for: None,
        }
    }

    /// Sure for this long.
    #[must_use]
    pub const fn valid_for(mut self, time: Duration) -> Self {
        self.valid_for = Some(time);
        self
    }
}

/// Why a client gets no session, as it is told. Its class says what the client does then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// For any reason that is not *done*; at most 256 bytes of the text reach the client, which may be anybody.
    #[must_use]
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        let code = match code.class() {
            Class::Done => Code::NOT_AUTHORIZED,
            Class::Retry
            | Class::RetryLater
            | Class::Authenticate
            | Class::NewSession
            | Class::Fatal => code,
        };
        Self {
            code,
            text: text.into(),
            retry_after: None,
        }
    }

    /// The client has shown nothing; it asks for its credentials and tries again, once.
    #[must_use]
    pub fn required() -> Self {
        Self::new(Code::AUTHENTICATION_REQUIRED, "")
    }

    /// The client is not who it says; it asks for its credentials and tries again, once.
    #[must_use]
    pub fn failed() -> Self {
        Self::new(Code::AUTHENTICATION_FAILED, "")
    }

    /// What the client shows is no longer valid; it asks for its credentials and tries again, once.
    #[must_use]
    pub fn expired() -> Self {
        Self::new(Code::AUTHENTICATION_EXPIRED, "")
    }

    /// The client may not have a session, and stops.
    #[must_use]
    pub fn not_authorized() -> Self {
        Self::new(Code::NOT_AUTHORIZED, "")
    }

    /// It cannot be found out now; the client tries again after this time.
    #[must_use]
    pub fn retry_after(time: Duration) -> Self {
        Self {
            retry_after: Some(time),
            ..Self::new(Code::STARTING, "")
        }
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Authenticated, Refusal>> + Send>>;

/// How a server finds out who its clients are.
#[derive(Clone)]
pub struct Authenticator(Arc<dyn Fn(Applicant) -> Answer + Send + Sync>);

impl Authenticator {
    /// Asks `authenticate` for each connection anew, before anything of the client's is believed. It may take until
    /// the handshake's time is up.
    #[must_use]
    pub fn new<A, F>(authenticate: A) -> Self
    where
        A: Fn(Applicant) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Authenticated, Refusal>> + Send + 'static,
    {
        Self(Arc::new(move |applicant| Box::pin(authenticate(applicant))))
    }

    /// Who it is. Where the application panics instead of answering, the client is told that it is not its fault, and
    /// may try again; otherwise its connection would be gone without a word, and nobody told of it.
    pub(super) async fn ask(&self, applicant: Applicant) -> Result<Authenticated, Refusal> {
        let broken = || Refusal::new(Code::INTERNAL, "");
        let asking = AssertUnwindSafe(|| (self.0)(applicant));
        let mut answer = catch_unwind(asking).map_err(|_| broken())?;
        let polled = |cx: &mut Context<'_>| {
            let polling = AssertUnwindSafe(|| answer.as_mut().poll(cx));
            // It is not polled again after that.
            catch_unwind(polling).unwrap_or_else(|_| Poll::Ready(Err(broken())))
        };
        poll_fn(polled).await
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator(..)")
    }
}
