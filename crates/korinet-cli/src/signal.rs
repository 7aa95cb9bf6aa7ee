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
