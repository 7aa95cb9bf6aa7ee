use std::fmt::Display;
use std::time::Duration;

/// Far beyond what anything here takes, so that it is only ever over when something hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits for what must happen.
///
/// # Panics
///
/// Naming `what` was awaited, if it does not happen.
pub async fn within<F: Future>(what: impl Display, future: F) -> F::Output {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {LIMIT:?} in vain: {what}"),
    }
}
