//! Work on many services: progress, and reading several services at a time.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};

use super::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::REQUESTS_AT_ONCE;

/// The progress of long work. The operation counts services; the command line shows the count.
#[derive(Default)]
pub struct ServiceProgress {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl ServiceProgress {
    /// Adds to the number of services to process.
    pub(super) fn expect(&self, services: usize) {
        self.total.fetch_add(services, Ordering::Relaxed);
    }

    /// Counts one service as processed.
    pub(super) fn count_one(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of processed services and the total; `None` unless the total is above one.
    #[must_use]
    pub fn counts(&self) -> Option<(usize, usize)> {
        let total = self.total.load(Ordering::Relaxed);
        (total > 1).then(|| (self.done.load(Ordering::Relaxed).min(total), total))
    }
}

/// Reads from each service, at most [`REQUESTS_AT_ONCE`] at a time, and passes each result to
/// `take` as it arrives, in no particular order. Results that `take` does not keep are dropped.
/// Returns how many services the policy forbids reading.
///
/// # Errors
/// The errors of `read`, except [`Error::Forbidden`].
pub(super) async fn sweep<T, F>(
    core: &Core,
    services: Vec<Service>,
    read: impl Fn(Service) -> F,
    mut take: impl FnMut(Service, T),
) -> Result<usize>
where
    F: Future<Output = (Service, Result<T>)>,
{
    core.progress.expect(services.len());
    let mut reads = stream::iter(services)
        .map(read)
        .buffer_unordered(REQUESTS_AT_ONCE);
    let mut forbidden = 0;
    while let Some((service, outcome)) = reads.next().await {
        core.progress.count_one();
        match outcome {
            Ok(found) => take(service, found),
            Err(Error::Forbidden { .. }) => forbidden += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(forbidden)
}
