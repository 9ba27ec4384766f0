//! The state of a service that a plan starts from.

use std::sync::Arc;

use crate::error::Result;
use crate::names::Service;
use crate::vault::{Client, Secrets, Stored};

/// The current state of a service.
pub struct Current {
    pub(super) version: u64,
    /// When the newest version was written, RFC 3339; `None` if it cannot be read.
    pub(super) created: Option<String>,
    /// Whether the newest version is deleted and can be restored.
    pub(super) is_deleted: bool,
    pub(super) secrets: Secrets,
    pub(super) vault: Arc<Client>,
}

impl Current {
    /// Reads a service with a client of the active node. A deleted or absent service has no keys.
    ///
    /// # Errors
    /// The errors of [`Client::read_service`].
    pub async fn read(vault: Arc<Client>, service: &Service) -> Result<Self> {
        let (version, created, is_deleted, secrets) =
            match vault.read_service(service, None).await? {
                Stored::Present {
                    secrets,
                    version,
                    created,
                } => (version, Some(created), false, secrets),
                Stored::Deleted {
                    version,
                    is_destroyed,
                } => (version, None, !is_destroyed, Secrets::new()),
                Stored::Absent => (0, None, false, Secrets::new()),
            };
        Ok(Self {
            version,
            created,
            is_deleted,
            secrets,
            vault,
        })
    }

    /// The newest version; 0 if the service is absent.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether the newest version can be read. A deleted service is not present.
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.created.is_some()
    }

    /// The client that read the service.
    #[must_use]
    pub(in crate::core) fn vault(&self) -> Arc<Client> {
        self.vault.clone()
    }

    /// The keys and values; empty if the service is deleted or absent.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }
}
