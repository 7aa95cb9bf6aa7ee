use std::fmt;
use std::str::FromStr;

use korinet_wire::v3::MAX_TRACE_STATE;

tokio::task_local! {
    /// Of the request that this task works on.
    static CURRENT: TraceContext;
}

/// Where a request stands in a trace across programs: the context of [W3C Trace Context], which a request carries.
///
/// While [`Requests::serve`](super::Requests::serve) or [`for_each`](super::Requests::for_each) work on a request that
/// has one, it is the [`current`](Self::current) one, and requests made there carry a child of it.
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context/
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
    state: Option<String>,
}

/// What was to be read is no trace context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "trace context is {found:?}, expected 00-(32 hex digits)-(16 hex digits)-(2 hex digits), the first two not all zero"
)]
pub struct ParseTraceContextError {
    found: String,
}

impl TraceContext {
    /// The beginning of a new trace, which is to be recorded. Its ids are drawn at random.
    #[must_use]
    pub fn root() -> Self {
        Self {
            trace: random(),
            span: random(),
            flags: 1,
            state: None,
        }
    }

    /// The same trace one step further.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            span: random(),
            ..self.clone()
        }
    }

    /// That of the request that the present task works on.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Does `work` with this as the [`current`](Self::current) one.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The trace's id, in hex digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The id of the step, in hex digits.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }

    /// `tracestate`: what systems of tracing add.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The same with this `tracestate`; one above 512 bytes is left out.
    #[must_use]
    pub fn with_state(mut self, state: impl Into<String>) -> Self {
        self.state = Some(state.into()).filter(|state| state.len() <= MAX_TRACE_STATE);
        self
    }

    /// That of a request; none where it is not one.
    pub(super) fn received(parent: Option<&str>, state: Option<&str>) -> Option<Self> {
        let context: Self = parent?.parse().ok()?;
        Some(Self {
            state: state.map(str::to_owned),
            ..context
        })
    }
}

/// A number that is drawn at random, and not zero.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness the system has other worries; the ids only tell traces apart.
    let _ = getrandom::fill(&mut bytes);
    if bytes == [0; N] {
        bytes = [1; N];
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trace, span, flags, ..
        } = self;
        write!(f, "00-{}-{}-{flags:02x}", hex(trace), hex(span))
    }
}

/// Reads `traceparent`; of a version above 00 what is known of it, as the standard asks for.
impl FromStr for TraceContext {
    type Err = ParseTraceContextError;

    fn from_str(text: &str) -> Result<Self, ParseTraceContextError> {
        let parse = || {
            let mut parts = text.split('-');
            let [version] = of_hex(parts.next()?)?;
            let trace = of_hex(parts.next()?)?;
            let span = of_hex(parts.next()?)?;
            let [flags] = of_hex(parts.next()?)?;
            let has_more = parts.next().is_some();
            let is_legal = version != 0xff
                && (version != 0 || !has_more)
                && trace != [0; 16]
                && span != [0; 8];
            is_legal.then_some(Self {
                trace,
                span,
                flags: flags & 1,
                state: None,
            })
        };
        parse().ok_or_else(|| ParseTraceContextError {
            found: text.chars().take(80).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn contexts_are_their_text() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let child = context.child();
        assert_eq!(child.trace_id(), context.trace_id());
        assert_ne!(child.span_id(), context.span_id());
        let later = EXAMPLE.replacen("00", "01", 1) + "-more";
        assert_eq!(later.parse::<TraceContext>(), Ok(context));
    }

    #[test]
    fn what_is_no_context_is_refused() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b7-01",
        ] {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_scope_has_its_context() {
        let context = TraceContext::root().with_state("k=v");
        assert_eq!(TraceContext::current(), None);
        let inside = context.clone().scope(async { TraceContext::current() });
        assert_eq!(inside.await, Some(context.clone()));
        assert_eq!(context.with_state("x".repeat(513)).state(), None);
    }
}
