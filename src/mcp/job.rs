//! Background work that continues even if no call waits for it. Its result is taken once.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::channels::lock;

pub(super) struct Job<T, E> {
    outcome: Arc<Mutex<Option<Result<T, E>>>>,
    done: watch::Receiver<bool>,
    task: AbortHandle,
}

impl<T: Send + 'static, E: Send + 'static> Job<T, E> {
    pub(super) fn start(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Self {
        let (finished, done) = watch::channel(false);
        let outcome = Arc::new(Mutex::new(None));
        let slot = outcome.clone();
        let task = tokio::spawn(async move {
            let result = work.await;
            *lock(&slot) = Some(result);
            finished.send_replace(true);
        });
        Self {
            outcome,
            done,
            task: task.abort_handle(),
        }
    }

    /// Waits until the work has finished or was aborted.
    pub(super) async fn done(&self) {
        let _ = self.done.clone().wait_for(|done| *done).await;
    }

    /// Takes the result. Only the first caller gets it, and only once the work has finished.
    pub(super) fn take(&self) -> Option<Result<T, E>> {
        lock(&self.outcome).take()
    }

    /// Aborts the work at its current await.
    pub(super) fn abort(&self) {
        self.task.abort();
    }
}
