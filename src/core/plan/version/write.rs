//! Writes a new version and its custom metadata, and finds the outcome if Vault's answer is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Commit, VersionChange};
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, CustomMetadata, Secrets, SentChange, Stored, WriteOutcome};

/// How long to look for the outcome of a broken write: a failover takes up to twenty seconds.
pub(in crate::core::plan) const RESOLVE_FOR: Duration = Duration::from_secs(30);

impl VersionChange {
    /// Whether the service was removed and created again while the person decided. Its version
    /// numbers then start again, and check-and-set cannot tell the new service from the old one.
    pub(super) async fn was_recreated(&self) -> Result<bool> {
        let Some(planned) = &self.created else {
            return Ok(false);
        };
        match self.vault.read_service(&self.service, None).await {
            Ok(Stored::Present {
                version, created, ..
            }) => Ok(version == self.base && created != *planned),
            // Check-and-set notices these.
            Ok(Stored::Deleted { .. } | Stored::Absent) => Ok(false),
            // The write itself waits for the new leader.
            Err(error) if may_be_failover(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The error if the metadata could not be written after `version`.
    pub(super) fn half_done(&self, version: u64, error: Error) -> Error {
        if self.keeps_values() {
            return error;
        }
        Error::HalfDone {
            service: self.service.to_string(),
            version,
            source: Box::new(error),
        }
    }

    /// The newest version, if it holds exactly this result. A write that was repeated because its
    /// answer was lost reports a conflict with itself.
    pub(in crate::core::plan) async fn version_with_result(&self) -> Result<Option<u64>> {
        match self.vault.read_service(&self.service, None).await? {
            Stored::Present {
                secrets, version, ..
            } => Ok((secrets == self.result).then_some(version)),
            Stored::Deleted { .. } | Stored::Absent => Ok(None),
        }
    }

    /// Whether these are exactly the keys and values of the new version.
    pub(in crate::core::plan) fn is_result(&self, secrets: &Secrets) -> bool {
        *secrets == self.result
    }

    /// Writes with `writer`. Any reads in between use `vault`.
    pub(super) async fn write(&self, writer: &Client, vault: &Client) -> Result<Commit> {
        let Self {
            service,
            base,
            result,
            ..
        } = self;
        match writer.write_service(service, *base, result).await? {
            WriteOutcome::Written(version) => Ok(Commit::Written(version)),
            WriteOutcome::Mismatch => self.resolve(writer, vault, false).await,
            WriteOutcome::Unknown => self.resolve(writer, vault, true).await,
        }
    }

    /// Finds the outcome after a mismatch or a broken connection. Vault's answer can be wrong in
    /// both cases: an OpenBao standby judges check-and-set by an older state, and a write may have
    /// been applied although its answer was lost. The next version on the active node shows the
    /// outcome.
    async fn resolve(&self, writer: &Client, vault: &Client, may_be_ours: bool) -> Result<Commit> {
        let undecided = if may_be_ours {
            Err(Error::OutcomeUnknown {
                service: self.service.to_string(),
            })
        } else {
            Ok(Commit::Conflict)
        };
        tokio::time::timeout(
            RESOLVE_FOR,
            self.look_until_clear(writer, vault, may_be_ours),
        )
        .await
        .unwrap_or(undecided)
    }

    async fn look_until_clear(
        &self,
        writer: &Client,
        vault: &Client,
        mut may_be_ours: bool,
    ) -> Result<Commit> {
        let Self {
            service,
            base,
            result,
            ..
        } = self;
        let mut pause = Duration::from_millis(100);
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            let active = vault.active_node().await.unwrap_or(None);
            let node = active.as_ref().unwrap_or(vault);
            if may_be_ours {
                match node.read_service(service, Some(base + 1)).await {
                    Ok(Stored::Present {
                        secrets, version, ..
                    }) if secrets == *result => {
                        return Ok(Commit::Written(version));
                    }
                    Ok(_) => {}
                    Err(error) if may_be_failover(&error) => continue,
                    Err(error) => return Err(error),
                }
            }
            let current = match node.read_service(service, None).await {
                Ok(Stored::Present { version, .. } | Stored::Deleted { version, .. }) => version,
                Ok(Stored::Absent) => 0,
                Err(error) if may_be_failover(&error) => continue,
                Err(error) => return Err(error),
            };
            if current != *base {
                return Ok(Commit::Conflict);
            }
            // Nothing was written yet, so it is safe to try the same check-and-set again.
            let active_writer = writer.active_node().await.unwrap_or(None);
            match active_writer
                .as_ref()
                .unwrap_or(writer)
                .write_service(service, *base, result)
                .await
            {
                Ok(WriteOutcome::Written(version)) => return Ok(Commit::Written(version)),
                Ok(WriteOutcome::Mismatch) => {}
                Ok(WriteOutcome::Unknown) => may_be_ours = true,
                Err(error) if may_be_failover(&error) => may_be_ours = true,
                Err(error) => return Err(error),
            }
        }
    }
}

/// A change of owner and rotation in Vault's custom metadata.
pub(super) struct UpkeepChange {
    /// The new text of each entry that changes; `None` removes the entry.
    pub(super) entries: BTreeMap<String, Option<String>>,
    pub(super) words: Vec<String>,
}

impl UpkeepChange {
    /// Writes with `writer`. The new metadata is built from a fresh read, because Vault replaces
    /// all of it at once. It is then read back, because Vault reports success even if it did
    /// nothing.
    pub(super) async fn write(
        &self,
        service: &Service,
        writer: &Client,
        vault: &Client,
    ) -> Result<()> {
        let read = vault.read_history(service).await?;
        let mut custom = read
            .as_ref()
            .map(|history| history.custom.clone())
            .unwrap_or_default();
        for (name, text) in &self.entries {
            match text {
                Some(text) => drop(custom.insert(name.clone(), text.clone())),
                None => drop(custom.remove(name)),
            }
        }
        match writer
            .write_custom_metadata(service, read.as_ref(), &custom)
            .await
        {
            Ok(SentChange::Taken | SentChange::Unknown) => {}
            Err(error) if may_be_failover(&error) => {}
            Err(error) => return Err(error),
        }
        let is_there = |custom: &CustomMetadata| {
            self.entries
                .iter()
                .all(|(name, text)| custom.get(name) == text.as_ref())
        };
        match vault.read_history(service).await? {
            Some(history) if is_there(&history.custom) => Ok(()),
            _ => Err(Error::OutcomeUnknown {
                service: service.to_string(),
            }),
        }
    }
}

/// Whether a failover could cause this error.
pub(in crate::core::plan) fn may_be_failover(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::BadReply { .. }
            | Error::Server { .. }
            | Error::Sealed { .. }
    )
}
