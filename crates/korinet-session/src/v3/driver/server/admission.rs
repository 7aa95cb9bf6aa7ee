use std::fmt;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use korinet_proto::v3::Transmit;
use korinet_wire::v3::Code;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Span;

use super::authenticator::{Applicant, Authenticated};
use super::host::{Host, Retire, Serving};
use super::introduction::Introduced;
use crate::ConnectionError;
use crate::clock::now;
use crate::v3::deadline::later;
use crate::v3::driver::alarm::Alarm;
use crate::v3::driver::linger::linger;
use crate::v3::driver::link::Link;
use crate::v3::driver::shared::Guard;
use crate::v3::{Channel, Credential, Greeting, Principal, Refused};

/// A connection that has its session.
#[must_use = "its session goes on while it runs"]
pub struct Admitted<Io> {
    link: Link<Io>,
    span: Span,
    guard: Guard,
    // They are dropped in this order: a session that is given up is over before it is remembered as such.
    _retire: Retire,
    _serving: Serving,
}

impl<Io> fmt::Debug for Admitted<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Admitted");
        shown
            .field("attach", &self.guard.attach)
            .finish_non_exhaustive()
    }
}

/// A connection that gets no session.
#[must_use = "its client is told why while it finishes"]
pub struct TurnedAway<Io> {
    io: Io,
    refused: Refused,
    _serving: Option<Serving>,
}

impl<Io> fmt::Debug for TurnedAway<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TurnedAway");
        let reason = &self.refused.reason;
        shown.field("reason", reason).finish_non_exhaustive()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static> Admitted<Io> {
    /// Serves the session over this connection, and after it until another takes its place or the session is over.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection, and ends its session.
    #[expect(
        clippy::manual_async_fn,
        reason = "what an async function is given it has room for twice"
    )]
    pub fn run(mut self) -> impl Future<Output = ()> + Send {
        async move {
            let last = {
                let mut serving = pin!(self.link.run(&self.guard.shared));
                poll_fn(|cx| self.span.in_scope(|| serving.as_mut().poll(cx))).await
            };
            // Apart, so that a session that has its connection has no memory for it.
            Box::pin(self.keep(last)).await;
        }
    }

    /// Keeps the session without its connection, which is ended by what it has to say last.
    async fn keep(self, last: Option<Bytes>) {
        // Given up, they are dropped the other way round, as the fields are: the session is over before it is retired.
        let Self {
            _serving,
            _retire,
            guard,
            link,
            ..
        } = self;
        let mut alarm = Alarm::default();
        let kept = poll_fn(|cx| poll_kept(cx, &guard, &mut alarm));
        match last {
            Some(last) => _ = tokio::join!(link.end(last), kept),
            None => {
                drop(link);
                kept.await;
            }
        }
        drop(guard);
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> TurnedAway<Io> {
    /// A connection that is refused before a server has seen it.
    pub const fn new(io: Io, refused: Refused) -> Self {
        Self {
            io,
            refused,
            _serving: None,
        }
    }

    /// One that is refused by a server, which serves it until it has finished.
    pub(super) const fn served(io: Io, refused: Refused, serving: Serving) -> Self {
        Self {
            io,
            refused,
            _serving: Some(serving),
        }
    }

    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &ConnectionError {
        &self.refused.reason
    }

    /// Tells the client, and ends the connection in good order; at most 5 s.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future drops the connection.
    pub async fn finish(self) {
        let mut out = Transmit::new();
        out.push(self.refused.answer);
        Box::pin(linger(self.io, out)).await;
    }
}

/// Finds the session that the client asks for, or opens one.
pub(super) async fn admit<Io: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    host: &Arc<Host>,
    introduced: Introduced<Io>,
) -> Result<Admitted<Io>, TurnedAway<Io>> {
    let Introduced {
        io,
        channel,
        certificates,
        fault,
        peer,
        since,
        greeting,
        serving,
    } = introduced;
    let admitted = async {
        if let Some(fault) = fault {
            let reason = ConnectionError::CertificateInvalid(fault);
            return Err(greeting.refuse_because(Code::AUTHENTICATION_EXPIRED, reason));
        }
        let deadline = later(since, host.config.settings.handshake_timeout);
        let asked = authenticate(host, &greeting, &channel, certificates, peer);
        let who = match tokio::time::timeout_at(deadline.into(), asked).await {
            Ok(who) => who?,
            Err(_) => return Err(greeting.refuse_for_now(Code::TIMEOUT)),
        };
        host.route(&greeting, &channel, &who, peer, deadline).await
    };
    let attach = greeting.attach();
    match admitted.await {
        Ok(shared) => {
            let link = Link::new(io, attach);
            let span = link.span(peer);
            shared.lock().name(&span);
            Ok(Admitted {
                link,
                span,
                guard: Guard {
                    shared: Arc::clone(&shared),
                    attach: Some(attach),
                },
                _retire: Retire {
                    host: Arc::clone(host),
                    shared,
                },
                _serving: serving,
            })
        }
        Err(refused) => Err(TurnedAway::served(io, refused, serving)),
    }
}

/// Finds out who the client is, before anything that it says is believed (V3-32).
async fn authenticate(
    host: &Host,
    greeting: &Greeting,
    channel: &Channel,
    certificates: Vec<Bytes>,
    peer: Option<SocketAddr>,
) -> Result<Authenticated, Refused> {
    let Some(authenticator) = &host.authenticator else {
        let principal = certificates.first().map(|it| Principal::of_certificate(it));
        return Ok(Authenticated {
            principal: principal.unwrap_or_default(),
            valid_for: None,
        });
    };
    let hello = greeting.hello();
    let credential = hello
        .as_ref()
        .and_then(|hello| hello.authentication.as_ref());
    let application = hello.as_ref().and_then(|hello| hello.application.as_ref());
    let applicant = Applicant {
        credential: credential.map(|shown| Credential {
            mechanism: shown.mechanism.to_owned(),
            bytes: shown.bytes.to_vec(),
        }),
        certificates,
        is_secured: channel.is_secured(),
        peer,
        application: application.map(|it| (it.name.to_owned(), it.version.to_owned())),
    };
    let answer = authenticator.ask(applicant).await;
    answer.map_err(|refusal| greeting.refuse_with(refusal.code, refusal.text, refusal.retry_after))
}

/// Keeps a session that has no connection; ready when it has another one, or is over.
fn poll_kept(cx: &mut Context<'_>, guard: &Guard, alarm: &mut Alarm) -> Poll<()> {
    loop {
        let deadline = {
            let mut inner = guard.shared.lock();
            let is_kept = guard
                .attach
                .is_some_and(|attach| inner.core.is_current(attach));
            if inner.ending.is_some() || !is_kept {
                return Poll::Ready(());
            }
            inner.sleep(cx.waker());
            inner.poll_timeout()
        };
        ready!(alarm.poll(cx, deadline));
        guard
            .shared
            .with(|inner, wakes| inner.handle_timeout(now(), wakes));
    }
}
