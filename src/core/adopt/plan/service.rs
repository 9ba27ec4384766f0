//! The plan of one service: the effect on its keys in Vault, and the steps for its files.

use std::path::PathBuf;

use super::super::draft::{FileDraft, ServiceDraft};
use super::super::empty_part;
use super::super::intake::{IntakeEntry, IntakeFormat};
use super::super::report::{Harmless, KeyReply, ServiceReply, Stay};
use super::super::request::Prefer;
use super::super::texts::Overlay;
use super::Planner;
use super::steps::ServiceSteps;
use crate::core::Audience;
use crate::core::plan::{Current, Notes, VersionChange};
use crate::error::{Error, Result};
use crate::names::{Key, Service, printable};
use crate::secret::Value;
use crate::vault::Secrets;

/// A secret entry, its file, and the effect on the key in Vault.
struct MovedKey {
    entry: IntakeEntry,
    file: PathBuf,
    change: &'static str,
}

impl MovedKey {
    fn is_skipped(&self) -> bool {
        self.change == "skipped"
    }
}

impl Planner<'_> {
    /// Adds the part of one service, and its entry in the reply.
    pub(super) fn service(
        &mut self,
        unit: &Service,
        draft: ServiceDraft,
        overlay: &Overlay,
        compose: &[&PathBuf],
    ) -> Result<()> {
        let ServiceDraft {
            service,
            files,
            mut stays,
            ..
        } = draft;
        let current = self
            .currents
            .remove(&service)
            .ok_or_else(|| Error::Conflict {
                service: service.to_string(),
            })?;
        let (version, before) = (current.version(), current.secrets().clone());
        let mut result = before.clone();
        let keys = self.keys(&files, &before, &mut result, &mut stays);
        let change = self.version_change(&service, current, &result, &keys);
        let path = change.path().to_owned();
        let mut part = empty_part(Some(service.clone()));
        part.unit = Some(unit.clone());
        if self.core.audience == Audience::Model || !change.changes_nothing() {
            part.change = Some(change);
        }
        let mut steps = ServiceSteps {
            service,
            part,
            replies: Vec::new(),
        };
        let harmless = self.values_files(&mut steps, &files, &keys, &result, overlay)?;
        self.compose_files(&mut steps, compose, overlay);
        self.parts.push(steps.part);
        self.reply.services.push(ServiceReply {
            service: steps.service,
            path,
            version,
            keys: keys.iter().map(key_reply).collect(),
            files: steps.replies,
            stays,
            harmless,
        });
        Ok(())
    }

    /// The new version of the service in Vault.
    fn version_change(
        &self,
        service: &Service,
        current: Current,
        result: &Secrets,
        keys: &[MovedKey],
    ) -> VersionChange {
        let touched: Vec<&Key> = keys
            .iter()
            .filter(|key| !key.is_skipped())
            .map(|key| &key.entry.key)
            .collect();
        VersionChange::between(
            self.core,
            service,
            current,
            result.clone(),
            &touched,
            &[],
            Notes::default(),
        )
    }

    /// Adds the steps for the files with values. Returns the harmless values of each file that its
    /// template lacks.
    fn values_files(
        &mut self,
        steps: &mut ServiceSteps,
        files: &[FileDraft],
        keys: &[MovedKey],
        result: &Secrets,
        overlay: &Overlay,
    ) -> Result<Vec<Harmless>> {
        let mut harmless = Vec::new();
        for file in files {
            let own: Secrets = keys
                .iter()
                .filter(|key| key.file == file.file && !key.is_skipped())
                .filter_map(|key| {
                    let name = key.entry.key.as_str();
                    Some((name.to_owned(), result.get(name)?.clone()))
                })
                .collect();
            let old = overlay
                .get(&file.file)
                .cloned()
                .or_else(|| self.texts.text(&file.file))
                .unwrap_or_default();
            harmless.extend(self.values_file(steps, file, &own, &old)?);
        }
        Ok(harmless)
    }

    /// Adds the steps for the compose files that have a new text.
    fn compose_files(&mut self, steps: &mut ServiceSteps, compose: &[&PathBuf], overlay: &Overlay) {
        for file in compose {
            if let Some(text) = overlay.get(*file) {
                self.compose_file(steps, file, text);
            }
        }
    }

    /// Adds the secrets of the files to `result`, the service's new keys, and returns the effect of
    /// each.
    fn keys(
        &self,
        files: &[FileDraft],
        before: &Secrets,
        result: &mut Secrets,
        stays: &mut Vec<Stay>,
    ) -> Vec<MovedKey> {
        let mut keys = Vec::new();
        for (file, entry) in files
            .iter()
            .flat_map(|file| file.secrets.iter().map(move |entry| (file, entry)))
        {
            let name = entry.key.as_str();
            let held = before.get(name);
            let change = match (held, self.request.prefer) {
                (None, _) => "new",
                (Some(held), _) if is_same(held, &entry.value, file.format) => "unchanged",
                (Some(_), Some(Prefer::File)) => "changed",
                (Some(_), Some(Prefer::Vault)) => "unchanged",
                (Some(_), None) => "skipped",
            };
            match change {
                "new" | "changed" => drop(result.insert(name.to_owned(), entry.value.clone())),
                "skipped" => stays.push(undecided(entry)),
                _ => {}
            }
            keys.push(MovedKey {
                entry: entry.clone(),
                file: file.file.clone(),
                change,
            });
        }
        keys
    }
}

/// An entry that stays because Vault has another value, and the person did not choose one.
fn undecided(entry: &IntakeEntry) -> Stay {
    Stay {
        file: entry.file.clone(),
        line: entry.line,
        key: Some(printable(entry.key.as_str(), false)),
        secret: true,
        reason: "Vault has a different value for this key: choose one with \
            --prefer file or --prefer vault"
            .into(),
    }
}

fn is_same(held: &Value, value: &Value, format: IntakeFormat) -> bool {
    match format {
        // Values in env files have no types.
        IntakeFormat::Env => held.secret() == value.secret(),
        IntakeFormat::Yaml => held == value,
    }
}

fn key_reply(key: &MovedKey) -> KeyReply {
    KeyReply {
        key: key.entry.key.to_string(),
        file: key.entry.file.clone(),
        line: key.entry.line,
        why: key.entry.why.clone(),
        change: key.change,
        expanded_from: key
            .entry
            .expanded_from
            .iter()
            .map(|name| printable(name, false))
            .collect(),
    }
}
