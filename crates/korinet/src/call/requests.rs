use std::sync::Arc;

use korinet_session::v3;
use korinet_wire::v3::FailureCode;
use minicbor::{Decode, Encode};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{Failure, Request};
use crate::SessionError;

/// The requests of the peer; see [`Session::requests`](crate::Session::requests).
///
/// Clones share them: each request goes to one. When the last is dropped, requests are answered as `unhandled`.
#[derive(Debug, Clone)]
pub struct Requests(Side);

#[derive(Debug, Clone)]
enum Side {
    /// Protocol v2 has none.
    V2,
    V3(v3::Requests),
}

impl Requests {
    pub(crate) const fn from_v2() -> Self {
        Self(Side::V2)
    }

    pub(crate) const fn from_v3(requests: v3::Requests) -> Self {
        Self(Side::V3(requests))
    }

    /// The next request; `None` once the session has ended in good order, and at once in protocol v2. What is no
    /// request of the protocol is answered as `malformed` and not shown.
    ///
    /// # Errors
    ///
    /// Why the session ended otherwise.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but for a malformed request, which may then be answered as `unanswered`.
    pub async fn recv(&mut self) -> Result<Option<Request>, SessionError> {
        let Side::V3(requests) = &mut self.0 else {
            return Ok(None);
        };
        while let Some(request) = requests.recv().await? {
            let (request, failure) = Request::new(request);
            let Some(failure) = failure else {
                return Ok(Some(request));
            };
            // Whoever is gone needs no answer.
            let _ = request.fail(failure).await;
        }
        Ok(None)
    }

    /// Answers each request by what `handler` makes of it, all at the same time, until the session ends.
    ///
    /// What is no `T` is answered as `malformed`, what comes too late as `too-late`; both do not run. Where the peer
    /// gives up a request its handler's future is dropped, as are those that are left at the end. One that panics is
    /// answered as `unanswered`.
    ///
    /// # Errors
    ///
    /// Why the session ended, if not in good order.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up all handlers' futures are dropped.
    pub async fn serve<T, R, F>(
        self,
        handler: impl Fn(T) -> F + Send + Sync + 'static,
    ) -> Result<(), SessionError>
    where
        T: for<'b> Decode<'b, ()> + Send + 'static,
        R: Encode<()> + Send + Sync + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.for_each(move |request| {
            let handler = Arc::clone(&handler);
            async move {
                let asked = match request.decode() {
                    Ok(asked) => asked,
                    Err(error) => {
                        let failure = Failure::with_code(FailureCode::MALFORMED, error.to_string());
                        let _ = request.fail(failure).await;
                        return;
                    }
                };
                let answer = tokio::select! {
                    answer = handler(asked) => answer,
                    () = request.given_up() => return,
                };
                // Whoever is gone needs no answer.
                let _ = match answer {
                    Ok(answer) => request.respond(&answer).await,
                    Err(failure) => request.fail(failure).await,
                };
            }
        })
        .await
    }

    /// Hands each request to `handler`, all at the same time, until the session ends; those that come too late are
    /// answered as `too-late`. Each has a span of `tracing`, and its [trace](super::TraceContext) is the current one.
    ///
    /// # Errors
    ///
    /// As [`serve`](Self::serve).
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn for_each<F>(
        mut self,
        handler: impl Fn(Request) -> F + Send + Sync + 'static,
    ) -> Result<(), SessionError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut handlers = JoinSet::new();
        while let Some(request) = self.recv().await? {
            while handlers.try_join_next().is_some() {}
            if request.time_left().is_some_and(|left| left.is_zero()) {
                let failure = Failure::with_code(FailureCode::TOO_LATE, "");
                let _ = request.fail(failure).await;
                continue;
            }
            let trace = request.trace().cloned();
            let span = tracing::debug_span!(
                "request",
                seq = request.number().get(),
                trace = trace.as_ref().map(|trace| trace.trace_id()),
            );
            let work = handler(request);
            match trace {
                Some(trace) => handlers.spawn(trace.scope(work).instrument(span)),
                None => handlers.spawn(work.instrument(span)),
            };
        }
        Ok(())
    }
}
