//! Where the person behind this server is asked: the page, opened with the first question, and the
//! socket for a terminal of theirs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::approval::pending::Pending;
use crate::approval::{Socket, listen};
use crate::core::Core;
use crate::core::approve::Approvals;
use crate::error::Result;

/// The desk of this process.
pub(super) struct Desk {
    state: PathBuf,
    /// What waits for the person.
    pub(super) pending: Arc<Pending>,
    socket: Mutex<Option<Socket>>,
    approvals: tokio::sync::Mutex<Option<Arc<Approvals>>>,
}

impl Desk {
    /// A desk with its socket in the state folder. Opens nothing yet.
    pub(super) fn new(state: PathBuf) -> Self {
        Self {
            state,
            pending: Arc::default(),
            socket: Mutex::default(),
            approvals: tokio::sync::Mutex::default(),
        }
    }

    /// Lets the person's own terminal find what waits. Without it there is still the page.
    pub(super) fn listen(&self) {
        let mut socket = lock(&self.socket);
        if socket.is_none() {
            *socket = listen(&self.state, self.pending.clone()).ok();
        }
    }

    /// The page, opened with the first plan.
    pub(super) async fn approvals(&self, core: &Core) -> Result<Arc<Approvals>> {
        let mut approvals = self.approvals.lock().await;
        if let Some(open) = &*approvals {
            return Ok(open.clone());
        }
        let open = Arc::new(Approvals::open(core, self.pending.clone()).await?);
        *approvals = Some(open.clone());
        Ok(open)
    }

    /// Closes the page: it belongs to the session that it was opened for.
    pub(super) async fn close_page(&self) {
        self.approvals.lock().await.take();
    }

    /// Stops listening for answers.
    pub(super) fn stop_listening(&self) {
        lock(&self.socket).take();
    }
}

/// Locks, also when a thread panicked while it held the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
