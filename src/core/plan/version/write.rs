//! Writes a new version and its custom metadata, and finds the outcome if Vault's answer is lost.

use std::collections::BTreeMap;

use super::{Commit, VersionChange};
use crate::error::{Error, Result};
use crate::names::Service;
use crate::vault::{Client, CustomMetadata, Secrets, SentChange, Stored, WriteOutcome};

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
            WriteOutcome::Mismatch => self.resolve(writer, vault, None).await,
            WriteOutcome::Unknown(error) => self.resolve(writer, vault, Some(error)).await,
        }
    }

    /// Finds the outcome after a mismatch or, with `lost`, after a write whose answer was lost.
    /// Vault's answer can be wrong in both cases: an OpenBao standby judges check-and-set by an
    /// older state, and a write may have been applied although its answer was lost. The next version
    /// on the active node shows the outcome. The search ends with the client's timeout.
    async fn resolve(
        &self,
        writer: &Client,
        vault: &Client,
        mut lost: Option<Error>,
    ) -> Result<Commit> {
        let (mut attempt, mut may_go_on) = (0, true);
        while may_go_on {
            may_go_on = vault.back_off(attempt).await;
            attempt += 1;
            match self.written_version(vault, lost.is_some()).await {
                Ok(Seen::Ours(version)) => return Ok(Commit::Written(version)),
                Ok(Seen::Other) => return Ok(Commit::Conflict),
                Ok(Seen::Nothing) => {}
                Err(error) if error.is_transient() => continue,
                Err(error) => return Err(error),
            }
            if !may_go_on {
                break;
            }
            // Nothing was written yet, so it is safe to try the same check-and-set again.
            match writer
                .write_service(&self.service, self.base, &self.result)
                .await?
            {
                WriteOutcome::Written(version) => return Ok(Commit::Written(version)),
                WriteOutcome::Mismatch => {}
                WriteOutcome::Unknown(error) => lost = Some(error),
            }
        }
        match lost {
            // The cluster redirects for good: it does not forward requests.
            Some(error @ Error::ForeignRedirect { .. }) => Err(error),
            Some(_) => Err(Error::OutcomeUnknown {
                service: self.service.to_string(),
            }),
            None => Ok(Commit::Conflict),
        }
    }

    /// What became of the write, as the active node shows it.
    async fn written_version(&self, vault: &Client, may_be_ours: bool) -> Result<Seen> {
        if may_be_ours
            && let Stored::Present {
                secrets, version, ..
            } = vault
                .read_service(&self.service, Some(self.base + 1))
                .await?
            && secrets == self.result
        {
            return Ok(Seen::Ours(version));
        }
        let newest = match vault.read_service(&self.service, None).await? {
            Stored::Present { version, .. } | Stored::Deleted { version, .. } => version,
            Stored::Absent => 0,
        };
        Ok(if newest == self.base {
            Seen::Nothing
        } else {
            Seen::Other
        })
    }
}

/// What the active node shows after a write.
enum Seen {
    /// This version holds what was to be written.
    Ours(u64),
    /// Somebody else wrote.
    Other,
    /// Nothing was written.
    Nothing,
}

/// A change of owner and rotation in Vault's custom metadata.
pub(super) struct UpkeepChange {
    /// The new text of each entry that changes; `None` removes the entry.
    pub(super) entries: BTreeMap<String, Option<String>>,
    pub(super) words: Vec<String>,
}

impl UpkeepChange {
    /// Writes with `writer`. Any reads in between use `vault`.
    pub(super) async fn write(
        &self,
        service: &Service,
        writer: &Client,
        vault: &Client,
    ) -> Result<()> {
        write_metadata(service, writer, vault, &self.entries).await
    }
}

/// Changes entries of a service's custom metadata; `None` removes one. The new metadata is built
/// from a fresh read, because Vault replaces all of it at once. It is then read back, because Vault
/// reports success even if it did nothing, and written again if the answer was lost.
///
/// # Errors
/// [`Error::OutcomeUnknown`] if the client's timeout ends first.
pub(in crate::core::plan) async fn write_metadata(
    service: &Service,
    writer: &Client,
    vault: &Client,
    entries: &BTreeMap<String, Option<String>>,
) -> Result<()> {
    let is_there = |custom: &CustomMetadata| {
        entries
            .iter()
            .all(|(name, text)| custom.get(name) == text.as_ref())
    };
    let unknown = || Error::OutcomeUnknown {
        service: service.to_string(),
    };
    let (mut attempt, mut is_sent, mut has_paused) = (0, false, false);
    let mut refused = None;
    loop {
        let read = match vault.read_history(service).await {
            Err(error) if is_sent && error.is_transient() => {
                if !vault.back_off(attempt).await {
                    return Err(unknown());
                }
                attempt += 1;
                continue;
            }
            read => read?,
        };
        let mut custom = read
            .as_ref()
            .map(|history| history.custom.clone())
            .unwrap_or_default();
        if is_there(&custom) {
            return Ok(());
        }
        if let Some(error) = refused {
            return Err(error);
        }
        // Nothing is sent again on a look from before a pause.
        if is_sent && !has_paused {
            if !vault.back_off(attempt).await {
                return Err(unknown());
            }
            (attempt, has_paused) = (attempt + 1, true);
            continue;
        }
        for (name, text) in entries {
            match text {
                Some(text) => drop(custom.insert(name.clone(), text.clone())),
                None => drop(custom.remove(name)),
            }
        }
        let sent = writer.write_custom_metadata(service, read.as_ref(), &custom);
        match sent.await {
            Ok(SentChange::Taken | SentChange::Unknown) => is_sent = true,
            // The write before this one was carried out after all, or somebody else changed it.
            Err(Error::Conflict { .. }) if is_sent => {}
            // One more look: the write before this one may have been carried out.
            Err(error) if is_sent => refused = Some(error),
            Err(error) => return Err(error),
        }
        has_paused = false;
    }
}
