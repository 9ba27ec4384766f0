//! Who wrote each version of a service.

use std::collections::BTreeMap;

use crate::core::Core;
use crate::names::Service;
use crate::vault::{History, VersionInfo};

/// Who wrote each version: as recorded by Vault, or else by this machine's audit log.
#[derive(Default)]
pub struct Writers {
    /// Writers from the audit log, by version number.
    logged: BTreeMap<u64, String>,
}

impl Writers {
    /// Looks up in the audit log the versions of `history` for which Vault records no writer. A log
    /// that cannot be read is ignored.
    pub async fn of(core: &Core, service: &Service, history: &History) -> Self {
        let unrecorded = history
            .versions
            .iter()
            .filter(|(_, info)| info.created_by.is_none());
        let wanted: Vec<(u64, String)> = unrecorded
            .map(|(version, info)| (*version, info.created.clone()))
            .collect();
        if wanted.is_empty() {
            return Self {
                logged: BTreeMap::new(),
            };
        }
        let (log, service) = (core.audit.clone(), service.to_string());
        let logged = tokio::task::spawn_blocking(move || log.writers(&service, &wanted)).await;
        Self {
            logged: logged.unwrap_or_default(),
        }
    }

    /// The name of the person who wrote a version, if it is known.
    #[must_use]
    pub fn name(&self, version: u64, info: &VersionInfo) -> Option<String> {
        info.created_by
            .clone()
            .or_else(|| self.logged.get(&version).cloned())
    }
}
