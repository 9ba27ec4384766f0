//! Work that goes on whoever waits for it, and whose outcome is taken once.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::state::lock;
use crate::error::Result;

/// Work in the background.
pub(super) struct Job<T> {
    outcome: Arc<Mutex<Option<Result<T>>>>,
    done: watch::Receiver<bool>,
    task: AbortHandle,
}

impl<T: Send + 'static> Job<T> {
    /// Starts it.
    pub(super) fn start(work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        let (finished, done) = watch::channel(false);
        let outcome = Arc::new(Mutex::new(None));
        let kept = outcome.clone();
        let task = tokio::spawn(async move {
            let came = work.await;
            *lock(&kept) = Some(came);
            finished.send_replace(true);
        });
        Self { outcome, done, task: task.abort_handle() }
    }

    /// Waits for its end, whichever that is.
    pub(super) async fn done(&self) {
        let _ = self.done.clone().wait_for(|done| *done).await;
    }

    /// What came of it, for the first who asks.
    pub(super) fn take(&self) -> Option<Result<T>> {
        lock(&self.outcome).take()
    }

    /// Ends it where it is.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}
