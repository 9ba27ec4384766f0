//! Work that goes on whether or not anybody waits for it, and whose outcome is taken once.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::desk::lock;

/// Work in the background.
pub(super) struct Job<T, E> {
    outcome: Arc<Mutex<Option<Result<T, E>>>>,
    done: watch::Receiver<bool>,
    task: AbortHandle,
}

impl<T: Send + 'static, E: Send + 'static> Job<T, E> {
    /// Starts it.
    pub(super) fn start(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Self {
        let (finished, done) = watch::channel(false);
        let outcome = Arc::new(Mutex::new(None));
        let kept = outcome.clone();
        let task = tokio::spawn(async move {
            let result = work.await;
            *lock(&kept) = Some(result);
            finished.send_replace(true);
        });
        Self {
            outcome,
            done,
            task: task.abort_handle(),
        }
    }

    /// Waits until it has ended, in whatever way.
    pub(super) async fn done(&self) {
        let _ = self.done.clone().wait_for(|done| *done).await;
    }

    /// Its result, for the first who asks.
    pub(super) fn take(&self) -> Option<Result<T, E>> {
        lock(&self.outcome).take()
    }

    /// Ends it where it is.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}
