use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// A timer for a deadline that moves with every byte.
///
/// It is set anew only for an earlier deadline; where the deadline has moved on when it rings, it is set
/// for the rest.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Ready when `deadline` is reached; otherwise the task is woken then.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) -> Poll<()> {
        let Some(deadline) = deadline.map(tokio::time::Instant::from_std) else {
            return Poll::Pending;
        };
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if deadline < sleep.deadline() {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if deadline <= tokio::time::Instant::now() {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::clock::now;

    #[tokio::test(start_paused = true)]
    async fn it_rings_at_the_deadline_that_was_asked_for_last() {
        let start = now();
        let mut alarm = Alarm::default();
        let second = Duration::from_secs(1);
        for (first, then) in [(5, 2), (2, 5), (3, 3)] {
            let started = now();
            let mut poll_for = |cx: &mut Context<'_>, seconds: u32| {
                alarm.poll(cx, Some(started + second * seconds))
            };
            poll_fn(|cx| {
                assert!(poll_for(cx, first).is_pending());
                Poll::Ready(())
            })
            .await;
            poll_fn(|cx| poll_for(cx, then)).await;
            assert_eq!(now() - started, second * then);
        }
        assert_eq!(now() - start, second * 10);
    }

    #[tokio::test]
    async fn without_a_deadline_it_is_silent() {
        let mut alarm = Alarm::default();
        poll_fn(|cx| {
            assert!(alarm.poll(cx, None).is_pending());
            Poll::Ready(())
        })
        .await;
    }
}
