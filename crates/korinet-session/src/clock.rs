//! The only place that reads a clock; it is tokio's, so a test can pause it.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
