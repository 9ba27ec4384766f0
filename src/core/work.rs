//! Work on many services: how far it is, and reading a few of them at once.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt, stream};

use super::Core;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::REQUESTS_AT_ONCE;

/// Progress of long work. The operation counts; the command line shows it.
#[derive(Default)]
pub struct Work {
    done: AtomicUsize,
    total: AtomicUsize,
}

impl Work {
    /// So many services more are to be worked on.
    pub(super) fn expect(&self, services: usize) {
        self.total.fetch_add(services, Ordering::Relaxed);
    }

    /// One of them is done.
    pub(super) fn did_one(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many are done, and of how many; `None` where there is no more than one.
    #[must_use]
    pub fn standing(&self) -> Option<(usize, usize)> {
        let total = self.total.load(Ordering::Relaxed);
        (total > 1).then(|| (self.done.load(Ordering::Relaxed).min(total), total))
    }
}

/// Reads something of each service, at most [`REQUESTS_AT_ONCE`] at a time, and hands it on as it
/// comes, in no order: nothing of a service is kept that `take` does not keep. Gives how many
/// services the policy hides.
///
/// # Errors
/// Those of `read`, but for [`Error::Forbidden`].
pub(super) async fn sweep<T, F>(
    core: &Core,
    services: Vec<Service>,
    read: impl Fn(Service) -> F,
    mut take: impl FnMut(Service, T),
) -> Result<usize>
where
    F: Future<Output = (Service, Result<T>)>,
{
    core.work.expect(services.len());
    let mut reads = stream::iter(services)
        .map(read)
        .buffer_unordered(REQUESTS_AT_ONCE);
    let mut forbidden = 0;
    while let Some((service, outcome)) = reads.next().await {
        core.work.did_one();
        match outcome {
            Ok(found) => take(service, found),
            Err(Error::Forbidden { .. }) => forbidden += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(forbidden)
}
