use std::time::Duration;

use korinet_session::v3;
use korinet_wire::v3::{Ran, Request, RequestMeta};
use minicbor::{Decode, Encode};
use tokio::time::Instant;
use tracing::Instrument;

use super::{Call, CallError, TraceContext};
use crate::session::{Encoded, with_encoded};
use crate::{Message, Sender};

/// A request that is about to be made; see [`Sender::call`].
#[derive(Debug)]
#[must_use = "the request is made by `open` or `answer`"]
pub struct CallBuilder<'a, T: ?Sized> {
    sender: &'a Sender,
    request: &'a T,
    deadline: Option<Duration>,
    trace: Option<TraceContext>,
}

impl<'a, T: Encode<()> + ?Sized> CallBuilder<'a, T> {
    pub(crate) fn new(sender: &'a Sender, request: &'a T) -> Self {
        Self {
            sender,
            request,
            deadline: None,
            trace: None,
        }
    }

    /// How long the answer may take, from now on; then the request is given up. The peer is told this time, and does
    /// not begin what it finds too late. There is none by default: a call then lasts as long as its session.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The trace that the request belongs to; by default, a child of the [current](TraceContext::current) one.
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Makes the request; resolves when it is accepted for sending. It waits while 256 requests of this side are not
    /// answered (see [`CallLimits`](super::CallLimits)).
    ///
    /// # Errors
    ///
    /// See [`CallError`]: the request does not run.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: where the future is given up the request is not made.
    pub async fn open(self) -> Result<Call, CallError> {
        let current = || TraceContext::current().map(|trace| trace.child());
        let trace = self.trace.or_else(current);
        let parent = trace.as_ref().map(ToString::to_string);
        let meta = RequestMeta {
            timeout: self.deadline,
            trace_parent: parent.as_deref(),
            trace_state: trace.as_ref().and_then(TraceContext::state),
        };
        let payload = with_encoded(self.request, |body| {
            let mut payload = Vec::with_capacity(body.len() + 128);
            let written = Request { body, meta }.encode(&mut payload);
            written.map(|()| payload)
        })?;
        let payload = payload.map_err(|error| crate::EncodeError::Value(error.to_string()))?;
        let payload = Encoded::raw(payload.into());
        let deadline = self.deadline.map(|after| (after, later(after)));
        let calling = self.sender.v3("requests")?.call(false, payload.borrow());
        let call: v3::Call = match deadline {
            None => calling.await,
            Some((after, at)) => match tokio::time::timeout_at(at, calling).await {
                Ok(called) => called,
                // Where it was not accepted it was not sent.
                Err(_) => {
                    return Err(CallError::Deadline {
                        after,
                        ran: Ran::No,
                    });
                }
            },
        }
        .map_err(crate::SendError::from)?;
        let span = tracing::debug_span!(
            "request",
            seq = call.seq().get(),
            trace = trace.as_ref().map(|trace| trace.trace_id()),
        );
        Ok(Call::new(call, deadline, span))
    }

    /// Makes the request and waits for its answer.
    ///
    /// # Errors
    ///
    /// See [`CallError`]; its [`ran`](CallError::ran) says whether the request ran.
    ///
    /// # Cancel safety
    ///
    /// Where the future is given up the request is, too: it may have run.
    pub async fn answer<R: for<'b> Decode<'b, ()>>(self) -> Result<R, CallError> {
        let message = self.message().await?;
        let decoded = message.decode();
        decoded.map_err(|error| CallError::Answer(error.to_string()))
    }

    /// As [`answer`](Self::answer), for an answer that is to be decoded later, or is raw bytes.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// As there.
    pub async fn message(self) -> Result<Message, CallError> {
        let call = self.open().await?;
        let span = call.span().clone();
        let answering = async {
            let answer = call.answer().await;
            match &answer {
                Ok(_) => tracing::debug!("answered"),
                Err(error) => tracing::debug!(%error, "not answered"),
            }
            answer
        };
        answering.instrument(span).await
    }
}

/// So much later; what is too far away is so far that nobody waits for it.
fn later(after: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + after.min(FAR)
}
