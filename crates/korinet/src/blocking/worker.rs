use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{Builder, Handle};

static WORKER: Mutex<Option<Worker>> = Mutex::new(None);

/// The thread that does the work of all sessions.
#[derive(Debug, Clone)]
pub(super) struct Worker(Handle);

impl Worker {
    /// The one of this process, which is started if it is not there yet.
    pub(super) fn of_process() -> io::Result<Self> {
        let mut worker = WORKER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(worker) = &*worker {
            return Ok(worker.clone());
        }
        let started = Self::start()?;
        *worker = Some(started.clone());
        Ok(started)
    }

    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let work = move || runtime.block_on(std::future::pending::<()>());
        thread::Builder::new()
            .name("korinet".to_owned())
            .spawn(work)?;
        Ok(Self(handle))
    }

    /// Waits for a future on the thread that calls, whatever else that does: not by tokio, which does not allow it
    /// within a runtime.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        let _context = self.0.enter();
        // Within a task of tokio there may be nothing left of what that may do in one turn, and no other turn comes.
        let mut future = pin!(tokio::task::unconstrained(future));
        let parked = Arc::new(Parked {
            thread: thread::current(),
            is_woken: AtomicBool::new(false),
        });
        let waker = Waker::from(Arc::clone(&parked));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            // It may also wake up for nothing.
            while !parked.is_woken.swap(false, Ordering::Acquire) {
                thread::park();
            }
        }
    }
}

struct Parked {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
