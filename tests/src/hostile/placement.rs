//! Who gets the processors: attackers and clients come from elsewhere, and what they take of this machine is not what
//! they take of the server.

use std::sync::OnceLock;
use std::thread::JoinHandle;

use core_affinity::CoreId;
use thread_priority::{
    NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::measure::one_thread;

/// The processors, where everybody has a place.
static PLACES: OnceLock<Places> = OnceLock::new();

#[derive(Debug, Clone, Copy)]
struct Places {
    server: CoreId,
    others: CoreId,
}

/// A runtime for attackers that have a processor of their own, but for what the healthy session takes of it; the
/// server has another one. To be called first of all: from here on this thread attacks, too, and there is no way back.
///
/// Where there are not two processors, only the attackers stand back.
#[must_use]
pub fn apart() -> Runtime {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    if let [server, others, ..] = cores[..] {
        PLACES.get_or_init(|| Places { server, others });
    }
    bystander();
    let attack = || {
        go_beside_attackers();
        stand_back();
    };
    attack();
    let mut builder = Builder::new_multi_thread();
    let builder = builder.enable_all().on_thread_start(attack);
    builder.build().expect("a runtime starts")
}

/// From here on this thread is where the attackers are, if everybody has a place.
pub(super) fn go_beside_attackers() {
    if let Some(places) = PLACES.get() {
        go_to(places.others);
    }
}

fn go_to(core: CoreId) {
    assert!(
        core_affinity::set_for_current(core),
        "{core:?} is not there"
    );
}

/// From here on this thread runs where a processor has nothing else to do.
fn stand_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle)
        .expect("who stands back needs no leave");
}

/// A thread at the server's place that does not attack. What it starts is where it is.
fn bystander() -> &'static Handle {
    static BYSTANDER: OnceLock<(Handle, JoinHandle<()>)> = OnceLock::new();
    let (handle, _) = BYSTANDER.get_or_init(|| {
        let runtime = one_thread();
        let handle = runtime.handle().clone();
        let thread = std::thread::spawn(move || {
            if let Some(places) = PLACES.get() {
                go_to(places.server);
            }
            runtime.block_on(std::future::pending())
        });
        (handle, thread)
    });
    handle
}

/// Has it done by the thread at the server's place.
pub(super) async fn by_bystander<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let (reply, replied) = oneshot::channel();
    bystander().spawn(async move {
        // Nobody waits for it any more where the attack was given up.
        let _ = reply.send(work.await);
    });
    replied.await.expect("the bystander goes on")
}
