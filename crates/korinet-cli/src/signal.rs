use crate::failure::Failure;

/// Waits for Ctrl-C, or to be asked to end.
pub(crate) async fn ended() -> Failure {
    tokio::select! {
        failure = interrupted() => failure,
        failure = terminated() => failure,
    }
}

async fn interrupted() -> Failure {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Failure::Signal(130),
        // Without a handler the system's own way to end it is still there.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(unix)]
async fn terminated() -> Failure {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            terminate.recv().await;
            Failure::Signal(143)
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() -> Failure {
    std::future::pending().await
}

/// What asks a program that goes on and on to read its files again: SIGHUP, where there is such a thing.
#[derive(Debug)]
pub(crate) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Hangups {
    /// From now on the signal does not end the program any more.
    pub(crate) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            signal: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next; false when there will be none.
    pub(crate) async fn next(&mut self) -> bool {
        self.signal.recv().await.is_some()
    }
}

#[cfg(not(unix))]
impl Hangups {
    pub(crate) const fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[expect(clippy::unused_async, reason = "elsewhere it waits")]
    pub(crate) async fn next(&mut self) -> bool {
        false
    }
}
