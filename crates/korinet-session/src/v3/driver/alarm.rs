use std::pin::Pin;
use std::sync::{LazyLock, mpsc};
use std::task::{Context, Poll};
use std::time::Instant;
use std::{future, io, thread};

use tokio::runtime::{Builder, Handle};
use tokio::time::{Sleep, sleep_until};

/// Keeps the time of all connections of the process, in a thread of its own that sleeps until there is something to do.
///
/// A runtime that has a timer, however far away, looks at its clock before and after each wait for the network, and has the
/// system set a timer and stop it again: together about a twentieth of a round trip on the same machine. There is none where
/// the system had no thread left for it.
static TIMEKEEPER: LazyLock<Option<Handle>> = LazyLock::new(|| {
    let thread = thread::Builder::new().name("korinet-time".to_owned());
    start_timekeeper(thread).ok()
});

fn start_timekeeper(thread: thread::Builder) -> io::Result<Handle> {
    let (tell, told) = mpsc::channel();
    // It is made where it stays: one that is given up within another runtime would panic.
    thread.spawn(move || {
        let runtime = Builder::new_current_thread().enable_time().build();
        // Who asked waits for it.
        let _ = tell.send(runtime.as_ref().map(|it| it.handle().clone()).ok());
        if let Ok(runtime) = runtime {
            runtime.block_on(future::pending::<()>());
        }
    })?;
    let handle = told.recv().ok().flatten();
    handle.ok_or_else(|| io::Error::other("no runtime could be made"))
}

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
        let sleep = self.sleep.get_or_insert_with(|| set(deadline));
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

fn set(deadline: tokio::time::Instant) -> Pin<Box<Sleep>> {
    // Nobody but this runtime knows of the time that a test has paused and moves by hand.
    let timekeeper = match is_time_paused() {
        true => None,
        false => TIMEKEEPER.as_ref(),
    };
    let _entered = timekeeper.map(Handle::enter);
    Box::pin(sleep_until(deadline))
}

/// Whether the clock of this runtime stands still. One that is too coarse to tell is taken for it, which does no harm.
fn is_time_paused() -> bool {
    let now = tokio::time::Instant::now();
    (0..100).all(|_| tokio::time::Instant::now() == now)
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

    #[test]
    fn the_runtime_of_the_application_has_no_timer_for_it() {
        // One that could not even have one.
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let deadline = now() + Duration::from_millis(1);
            let mut alarm = Alarm::default();
            poll_fn(|cx| alarm.poll(cx, Some(deadline))).await;
            assert!(now() >= deadline);
        });
    }

    #[tokio::test]
    async fn without_a_thread_there_is_no_timekeeper_and_no_panic() {
        let thread = thread::Builder::new().stack_size(1 << 60);
        assert!(start_timekeeper(thread).is_err());
    }
}
