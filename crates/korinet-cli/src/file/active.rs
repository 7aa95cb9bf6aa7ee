//! Who is receiving what: the newest wins.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The files that are being received, of all sessions.
///
/// A sender that was killed leaves a session behind that may last for minutes. So whoever offers a file of the same name
/// takes it over.
#[derive(Debug, Clone, Default)]
pub(super) struct Active(Arc<Mutex<Vec<Entry>>>);

#[derive(Debug)]
struct Entry {
    target: PathBuf,
    superseded: watch::Sender<bool>,
    /// Closed when its claim is dropped.
    released: watch::Receiver<()>,
}

/// That a file is received in one place, until this is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    active: Active,
    target: PathBuf,
    superseded: watch::Receiver<bool>,
    _released: watch::Sender<()>,
}

impl Active {
    /// Claims a target. Who has it is told, and waited for.
    ///
    /// Cancel safe: where the future is given up nothing is claimed, but who had it is told.
    pub(super) async fn claim(&self, target: &Path) -> Claim {
        loop {
            match self.try_claim(target) {
                Ok(claim) => return claim,
                // It fails, when it is released.
                Err(mut released) => drop(released.changed().await),
            }
        }
    }

    fn try_claim(&self, target: &Path) -> Result<Claim, watch::Receiver<()>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.iter().find(|entry| entry.target == target) {
            entry.superseded.send_replace(true);
            return Err(entry.released.clone());
        }
        let (superseded_sender, superseded) = watch::channel(false);
        let (released_sender, released) = watch::channel(());
        entries.push(Entry {
            target: target.to_owned(),
            superseded: superseded_sender,
            released,
        });
        Ok(Claim {
            active: self.clone(),
            target: target.to_owned(),
            superseded,
            _released: released_sender,
        })
    }
}

impl Claim {
    /// Waits until somebody else wants the target.
    pub(super) async fn superseded(&self) {
        let mut superseded = self.superseded.clone();
        let wanted = superseded.wait_for(|superseded| *superseded);
        if wanted.await.is_err() {
            // The entry lives as long as this does.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut entries = self.active.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.target != self.target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_newest_gets_it_once_the_one_before_has_let_go() {
        let active = Active::default();
        let (a, b) = (Path::new("a"), Path::new("b"));
        let first = active.claim(a).await;
        let _other = active.claim(b).await;
        let second = active.claim(a);
        let letting_go = async {
            first.superseded().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, letting_go);
        assert_eq!(active.0.lock().unwrap().len(), 2);
        drop(second);
        assert_eq!(active.0.lock().unwrap().len(), 1);
    }
}
