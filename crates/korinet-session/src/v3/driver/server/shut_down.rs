use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use korinet_proto::v3::GoAway;
use korinet_wire::v3::Code;

use super::Server;
use crate::clock::now;
use crate::v3::driver::core::Core;
use crate::v3::driver::shared::Shared;

impl Server {
    /// Ends all sessions in good order (V3-42): clients are told that their connections will be closed within
    /// `deadline`, what they have not acknowledged is waited for until then, then their connections are closed,
    /// and the sessions are over. Clients find their session at another server or lose it.
    ///
    /// How many messages were not acknowledged.
    ///
    /// # Cancel safety
    ///
    /// Giving up the future leaves sessions as they are; it can be called again.
    pub async fn shut_down(&self, deadline: Duration, retry_after: Option<Duration>) -> usize {
        let sessions: Vec<_> = {
            let mut registry = self.host.registry();
            registry
                .iter_mut()
                .map(|(_, shared)| Arc::clone(shared))
                .collect()
        };
        for shared in &sessions {
            shared.with(|inner, wakes| {
                if let Core::Server(session) = &mut inner.core {
                    session.go_away(GoAway {
                        code: Code::DRAINING,
                        text: String::new(),
                        deadline,
                        retry_after,
                        addresses: Vec::new(),
                    });
                }
                inner.wake_task(wakes);
            });
        }
        let acknowledged = async {
            for shared in &sessions {
                poll_fn(|cx| poll_acknowledged(cx, shared)).await;
            }
        };
        let end = tokio::time::Instant::now() + deadline;
        // What is left then is counted below.
        let _ = tokio::time::timeout_at(end, acknowledged).await;
        let mut left = 0;
        for shared in &sessions {
            left += shared.lock().core.in_flight().0;
            shared.with(|inner, wakes| {
                if let Core::Server(session) = &mut inner.core {
                    session.shut_down(now(), "server is shut down");
                }
                inner.settle(wakes);
            });
        }
        // A connection that is not ended in good order can take the last words with it.
        let mut serving = self.host.serving.subscribe();
        let all_ended = serving.wait_for(|count| *count == 0);
        let _ = tokio::time::timeout_at(end, all_ended).await;
        left
    }
}

/// Ready when nothing is in flight any more, or nothing can be.
fn poll_acknowledged(cx: &Context<'_>, shared: &Shared) -> Poll<()> {
    let mut inner = shared.lock();
    if inner.core.in_flight().0 == 0 || inner.ending.is_some() || !inner.core.is_attached() {
        return Poll::Ready(());
    }
    let newest = inner.core.accepted();
    inner.last_receipt.0 += 1;
    let id = inner.last_receipt;
    inner.receipts.insert((newest, id), cx.waker().clone());
    Poll::Pending
}
