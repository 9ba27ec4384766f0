//! Plans a copy or rename from the current state of both services.

use super::{Copier, CopyOutcome, CopyReply, CopyRequest};
use crate::approval::Change;
use crate::core::plan::{CopySource, Current, Notes, Relocation, VersionChange};
use crate::core::{deleted_service, no_service};
use crate::error::{Error, Missing, Result};
use crate::names::printable;
use crate::vault::{CustomMetadata, Secrets, Stored};

impl Copier<'_> {
    /// Plans one attempt from the current state of both services.
    pub(super) async fn plan(&self) -> Result<(Relocation, CopyReply)> {
        let to = &self.request.to;
        let current = Current::read(self.to.clone(), to).await?;
        let (secrets, version, created) = self.read_source(&current).await?;
        let result = self.result(&current, secrets)?;
        let (carried, left) = self.custom().await?;
        let mut notes = Notes::default();
        if !left.is_empty() {
            notes
                .warnings
                .push(format!("custom metadata not copied: {}", left.join(", ")));
        }
        let (base, is_new) = (current.version(), !current.is_present());
        let change =
            VersionChange::with_content(self.there, to, current, result, notes).logging_all_keys();
        let mut reply = self.reply(&change, version, &carried);
        reply.version = if is_new { 0 } else { base };
        let origin = CopySource {
            service: self.request.service.clone(),
            path: reply.from.clone(),
            version,
            created,
            vault: self.from.clone(),
        };
        let is_there = !is_new && change.changes_nothing();
        let plan = Relocation::new(
            self.is_rename,
            origin,
            to.clone(),
            change,
            is_there,
            carried,
            self.to.clone(),
        );
        Ok((plan, reply))
    }

    /// The new content of TO. Refuses to change an existing TO without `--merge` or `--replace`.
    fn result(&self, current: &Current, secrets: Secrets) -> Result<Secrets> {
        let CopyRequest {
            to, merge, replace, ..
        } = self.request;
        let mut result = if *merge {
            current.secrets().clone()
        } else {
            Secrets::new()
        };
        result.extend(secrets);
        if current.is_present() && !merge && !replace && *current.secrets() != result {
            return Err(Error::Blocked {
                message: format!("{} already exists", self.there.settings.display_path(to)),
                hint: format!(
                    "{} --merge   (adds the keys; --replace instead replaces all)",
                    self.command()
                ),
            });
        }
        Ok(result)
    }

    /// The reply before anything is changed, without the version of TO.
    fn reply(&self, change: &VersionChange, version: u64, carried: &CustomMetadata) -> CopyReply {
        CopyReply {
            from: self.core.settings.display_path(&self.request.service),
            from_version: version,
            to: change.path().to_owned(),
            outcome: CopyOutcome::Unchanged,
            version: 0,
            added: change.keys(Change::Added),
            changed: change.keys(Change::Changed),
            removed: change.keys(Change::Removed),
            metadata: carried.keys().map(|name| printable(name, false)).collect(),
            undo: None,
            advice: Vec::new(),
            warnings: change.warnings().to_vec(),
            late_warnings: Vec::new(),
            stopped: None,
        }
    }

    async fn read_source(&self, to: &Current) -> Result<(Secrets, u64, String)> {
        let service = &self.request.service;
        let error = match self.from.read_service(service, None).await? {
            Stored::Present {
                secrets,
                version,
                created,
            } => {
                return Ok((secrets, version, created));
            }
            Stored::Deleted {
                version,
                is_destroyed,
                ..
            } => deleted_service(service, version, is_destroyed),
            Stored::Absent => no_service(service),
        };
        if self.is_rename && to.is_present() {
            return Err(Error::NotFound {
                missing: Some(Missing::Service(service.to_string())),
                what: format!(
                    "the service {service} (already renamed? {} exists)",
                    self.request.to
                ),
                hint: error.hint(),
            });
        }
        Err(error)
    }

    /// The custom metadata to copy, and the names of the metadata to leave behind. Both are empty
    /// if the session may not read it.
    async fn custom(&self) -> Result<(CustomMetadata, Vec<String>)> {
        let history = match self.from.read_history(&self.request.service).await {
            Ok(history) => history,
            Err(Error::Forbidden { .. }) => return Ok((CustomMetadata::new(), Vec::new())),
            Err(error) => return Err(error),
        };
        let custom = history.map(|history| history.custom).unwrap_or_default();
        let (carried, left): (CustomMetadata, CustomMetadata) =
            custom.into_iter().partition(|(name, _)| is_copied(name));
        Ok((
            carried,
            left.into_keys()
                .map(|name| printable(&name, false))
                .collect(),
        ))
    }
}

/// Whether custom metadata is copied: only if it describes the values themselves. Metadata that
/// permits a use of a value is never copied, because each copy needs its own decision.
fn is_copied(name: &str) -> bool {
    // `rotate_after` applies to all keys, `rotate_after.KEY` to one.
    let kind = name.split_once('.').map_or(name, |(kind, _)| kind);
    name == "owner" || matches!(kind, "rotate_after" | "rotate_from")
}
