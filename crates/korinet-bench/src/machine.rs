//! What the system says of this process.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::Failure;

/// In user and system mode, of all threads.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(duration(usage.user_time())? + duration(usage.system_time())?)
}

fn duration(time: TimeVal) -> Result<Duration, Failure> {
    let micros = u64::try_from(time.tv_usec())?;
    Ok(Duration::from_secs(u64::try_from(time.tv_sec())?) + Duration::from_micros(micros))
}

/// Of another process, by the scheduler's account of each of its threads; only those that still run count.
pub(crate) fn processor_time_of(process: u32) -> Result<Duration, Failure> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread that ends meanwhile is not counted either.
        let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        nanos += text.split(' ').next().unwrap_or("0").parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// The memory that this process, or another, has now, in bytes; zero on systems without `/proc`.
pub(crate) fn resident(process: Option<u32>) -> Result<u64, Failure> {
    let process = process.map_or_else(|| "self".to_owned(), |process| process.to_string());
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
        return Ok(0);
    };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.map(|line| line.trim().trim_end_matches(" kB").parse::<u64>());
    Ok(kib.transpose()?.unwrap_or(0) * 1024)
}

/// Keeps this process and all its threads to come on one core.
#[cfg(target_os = "linux")]
pub(crate) fn pin(core: usize) -> Result<(), Failure> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;

    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(Pid::from_raw(0), &set)
        .map_err(|error| format!("pinning to core {core}: {error}").into())
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn pin(_: usize) -> Result<(), Failure> {
    Err("pinning to a core needs Linux".into())
}

/// The numbers of the cores that this process may run on.
#[cfg(target_os = "linux")]
#[must_use]
pub fn cores() -> Vec<usize> {
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;

    let set = sched_getaffinity(Pid::from_raw(0)).unwrap_or_default();
    (0..CpuSet::count())
        .filter(|core| set.is_set(*core).unwrap_or(false))
        .collect()
}

#[cfg(not(target_os = "linux"))]
#[must_use]
pub const fn cores() -> Vec<usize> {
    Vec::new()
}
