//! The places where this server asks its person: the approval page, opened with the first question,
//! and a socket for the person's own terminal.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::approval::pending::Pending;
use crate::approval::{Socket, listen};
use crate::core::Core;
use crate::core::approve::Approvals;
use crate::error::Result;

/// The page and the socket of this process.
pub(super) struct ApprovalChannels {
    state: PathBuf,
    /// The plans and sign-ins that wait for the person.
    pub(super) pending: Arc<Pending>,
    socket: Mutex<Option<Socket>>,
    approvals: tokio::sync::Mutex<Option<Arc<Approvals>>>,
}

impl ApprovalChannels {
    /// Channels that will put their socket into the state folder. Opens neither page nor socket yet.
    pub(super) fn new(state: PathBuf) -> Self {
        Self {
            state,
            pending: Arc::default(),
            socket: Mutex::default(),
            approvals: tokio::sync::Mutex::default(),
        }
    }

    /// Opens the socket, so that the person's own terminal finds the pending changes and sign-ins.
    /// Errors are ignored: the page works without the socket.
    pub(super) fn listen(&self) {
        let mut socket = lock(&self.socket);
        if socket.is_none() {
            *socket = listen(&self.state, self.pending.clone()).ok();
        }
    }

    /// The page. The first call opens it.
    pub(super) async fn approvals(&self, core: &Core) -> Result<Arc<Approvals>> {
        let mut approvals = self.approvals.lock().await;
        if let Some(open) = &*approvals {
            return Ok(open.clone());
        }
        let open = Arc::new(Approvals::open(core, self.pending.clone()).await?);
        *approvals = Some(open.clone());
        Ok(open)
    }

    /// Closes the page, which belongs to the session that it was opened for.
    pub(super) async fn close_page(&self) {
        self.approvals.lock().await.take();
    }

    /// Closes the socket.
    pub(super) fn close_socket(&self) {
        lock(&self.socket).take();
    }
}

/// Locks a mutex, even if a thread panicked while it held the lock.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
