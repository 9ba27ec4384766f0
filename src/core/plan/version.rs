//! A new version of a service. It is written with check-and-set on the version that the plan was
//! made from, so that nobody's change is lost.

mod current;
mod given;
mod notes;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::current::Current;
pub use self::given::Given;
pub use self::notes::Notes;
use self::write::UpkeepChange;
pub(super) use self::write::write_metadata;
use super::{Consent, Operation, Permit, Report, logged_name};
use crate::approval::{Asked, Change, Outcome, Question};
use crate::audit::Action;
use crate::core::history::{Differences, Writers};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::names::{Key, Service, printable};
use crate::secret::{Secret, Value};
use crate::vault::{Client, CustomMetadata, Secrets, VersionInfo};

/// A plan to write a new version of a service.
pub struct VersionChange {
    service: Service,
    path: String,
    base: u64,
    changes: BTreeMap<String, Change>,
    /// Keys whose values the person types, each with its current value.
    prompt: BTreeMap<Key, Option<Value>>,
    result: Secrets,
    /// The keys and values of the base version.
    before: Secrets,
    /// When the base version was written, if it can be read.
    created: Option<String>,
    notes: Notes,
    /// Whether the audit log names all keys instead of only the changed ones.
    logs_all: bool,
    upkeep: Option<UpkeepChange>,
    /// The client for reads, at the active node.
    vault: Arc<Client>,
}

/// The outcome of an attempt to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// This version was written.
    Written(u64),
    /// Somebody else wrote first. Nothing of the plan was written.
    Conflict,
}

impl VersionChange {
    /// Plans the change from `current` to `result`, which is complete.
    #[must_use]
    pub fn with_content(
        core: &Core,
        service: &Service,
        current: Current,
        result: Secrets,
        notes: Notes,
    ) -> Self {
        Self::between(core, service, current, result, &[], &[], notes)
    }

    /// Plans the change from `current` to `result`. Keys in `touched` come from the request and are
    /// shown even if their values stay the same. The person types the values of the keys in
    /// `prompt`.
    #[must_use]
    pub fn between(
        core: &Core,
        service: &Service,
        current: Current,
        mut result: Secrets,
        touched: &[&Key],
        prompt: &[Key],
        mut notes: Notes,
    ) -> Self {
        let mut changes = changes(&current.secrets, &result, touched);
        for key in prompt {
            // The plan must not show the old value: the approval brings the new one.
            result.remove(key.as_str());
            let change = if current.secrets.contains_key(key.as_str()) {
                Change::Changed
            } else {
                Change::Added
            };
            changes.insert(key.to_string(), change);
        }
        notes.warn(core, service, &current, &changes, &result);
        if core.audience == Audience::Model {
            notes.limit(&result);
        }
        let prompt = prompt
            .iter()
            .map(|key| (key.clone(), current.secrets.get(key.as_str()).cloned()))
            .collect();
        Self {
            service: service.clone(),
            path: core.settings.display_path(service),
            base: current.version,
            changes,
            prompt,
            result,
            before: current.secrets,
            created: current.created,
            notes,
            logs_all: false,
            upkeep: None,
            vault: current.vault,
        }
    }

    /// Adds a change of the service's custom metadata from `before` to `after`. `words` describe
    /// the change.
    #[must_use]
    pub fn with_upkeep(
        mut self,
        before: &CustomMetadata,
        after: &CustomMetadata,
        words: Vec<String>,
    ) -> Self {
        let names = before
            .keys()
            .chain(after.keys())
            .filter(|name| before.get(*name) != after.get(*name));
        let entries = names
            .map(|name| (name.clone(), after.get(name).cloned()))
            .collect();
        self.upkeep = Some(UpkeepChange { entries, words });
        self
    }

    /// Plans to set `additions` and keep every other key.
    #[must_use]
    pub fn merge(
        core: &Core,
        service: &Service,
        current: Current,
        additions: &BTreeMap<Key, Given>,
        prompt: &[Key],
        notes: Notes,
    ) -> Self {
        let mut result = current.secrets.clone();
        for (key, given) in additions {
            result.insert(
                key.to_string(),
                given.over(current.secrets.get(key.as_str())),
            );
        }
        let touched: Vec<&Key> = additions.keys().collect();
        Self::between(core, service, current, result, &touched, prompt, notes)
    }

    /// Makes the audit log name all keys. If both sides of a change come from Vault, the list of
    /// changed keys reveals which values are equal, and an assistant can read the log.
    #[must_use]
    pub fn logging_all_keys(self) -> Self {
        Self {
            logs_all: true,
            ..self
        }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.upkeep.is_none() && self.keeps_values()
    }

    fn keeps_values(&self) -> bool {
        self.changes
            .values()
            .all(|change| *change == Change::Unchanged)
    }

    /// The version that the plan was made from; 0 if the service is new.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The version that the plan was made from, if it could be read.
    #[must_use]
    pub fn readable_base(&self) -> Option<u64> {
        self.created.is_some().then_some(self.base)
    }

    /// `MOUNT/PREFIX/SERVICE`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Describes the change of the service's custom metadata.
    #[must_use]
    pub fn metadata(&self) -> &[String] {
        self.upkeep.as_ref().map_or(&[], |upkeep| &upkeep.words)
    }

    /// Warnings for the person who approves.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.notes.warnings
    }

    /// The names of the keys with this kind of change.
    #[must_use]
    pub fn keys(&self, wanted: Change) -> Vec<String> {
        self.changes
            .iter()
            .filter(|(_, change)| **change == wanted)
            .map(|(key, _)| key.clone())
            .collect()
    }
}

/// The kind of change of each key. A key that stays the same is left out, unless it is in
/// `touched`.
fn changes(before: &Secrets, result: &Secrets, touched: &[&Key]) -> BTreeMap<String, Change> {
    let is_touched = |key: &str| touched.iter().any(|touched| touched.as_str() == key);
    let kept = result.iter().filter_map(|(key, value)| {
        let change = match before.get(key) {
            None => Change::Added,
            Some(old) if old != value => Change::Changed,
            Some(_) if is_touched(key) => Change::Unchanged,
            Some(_) => return None,
        };
        Some((key.clone(), change))
    });
    let removed = before
        .keys()
        .filter(|key| !result.contains_key(*key))
        .map(|key| (key.clone(), Change::Removed));
    kept.chain(removed).collect()
}

impl Operation for VersionChange {
    type Done = Commit;

    fn consent(&self, _: &Core) -> Consent {
        Consent::Needed
    }

    fn question(&self) -> Question<'_> {
        let keys = self
            .changes
            .iter()
            .map(|(key, change)| (key.as_str(), *change, self.result.get(key)));
        let shown = self
            .changes
            .values()
            .filter(|change| **change != Change::Removed)
            .count();
        Question {
            asked: Asked::Write,
            service: self.service.as_str(),
            path: &self.path,
            base: self.base,
            keys: keys.collect(),
            untouched: self.result.len() + self.prompt.len() - shown,
            metadata: self.metadata(),
            warnings: &self.notes.warnings,
            files: &[],
            obstacle: self.notes.obstacle.as_deref(),
        }
    }

    fn audit_details(&self) -> String {
        let name = |key: &String| logged_name(key);
        let removed: Vec<String> = self.keys(Change::Removed).iter().map(name).collect();
        let changed = self
            .changes
            .iter()
            .filter(|(_, change)| **change != Change::Removed)
            .map(|(key, _)| name(key));
        let set: Vec<String> = if self.logs_all {
            self.result.keys().map(name).collect()
        } else {
            changed.collect()
        };
        let mut details = format!("keys: {}", set.join(", "));
        if !removed.is_empty() {
            details = format!("{details}; removed: {}", removed.join(", "));
        }
        if let Some(upkeep) = &self.upkeep {
            details = format!("{details}; metadata: {}", upkeep.words.join(", "));
        }
        if !self.notes.sources.is_empty() {
            details = format!("{details}; from: {}", self.notes.sources.join(", "));
        }
        details
    }

    fn take_typed(&mut self, mut typed: BTreeMap<String, Secret>) -> Result<()> {
        for (key, before) in &self.prompt {
            let value = typed.remove(key.as_str()).ok_or(Error::ApprovalMismatch)?;
            self.result
                .insert(key.to_string(), Given::Untyped(value).over(before.as_ref()));
        }
        if typed.is_empty() {
            Ok(())
        } else {
            Err(Error::ApprovalMismatch)
        }
    }

    async fn carry_out(&self, _: &Core, permit: &Permit<'_>) -> Result<Commit> {
        // With a step-up, only the token of that login may write, so that Vault itself checks the
        // person.
        let step_up = permit.writer(&self.vault);
        let writer = step_up.as_ref().unwrap_or(&self.vault);
        if permit.was_person_asked() && self.was_recreated().await? {
            return Ok(Commit::Conflict);
        }
        let written = if self.upkeep.is_some() && self.keeps_values() {
            Commit::Written(self.base)
        } else {
            self.write(writer, &self.vault).await?
        };
        // The metadata comes last, so that a conflict leaves it unchanged.
        if let (Some(upkeep), Commit::Written(version)) = (&self.upkeep, written) {
            upkeep
                .write(&self.service, writer, &self.vault)
                .await
                .map_err(|error| self.half_done(version, error))?;
        }
        Ok(written)
    }

    fn report(&self, done: &Commit) -> Report {
        match done {
            Commit::Written(version) => Report {
                outcome: Outcome::Done(*version),
                action: Action::Success,
                details: if *version == self.base {
                    String::new()
                } else {
                    format!("wrote version {version}")
                },
            },
            Commit::Conflict => Report {
                outcome: Outcome::Conflict,
                action: Action::Failed,
                details: format!("conflict with a change after version {}", self.base),
            },
        }
    }
}

impl VersionChange {
    /// Puts a warning first that lists what somebody else changed since `earlier` was planned:
    /// versions, their writers, and names of keys. Only the person sees the warning.
    pub(super) async fn warn_about_other_changes(&mut self, core: &Core, earlier: &Self) {
        let differences = Differences::between(&earlier.before, &self.before);
        let history = self.vault.read_history(&self.service).await.ok().flatten();
        let versions = match &history {
            Some(history) => {
                let writers = Writers::of(core, &self.service, history).await;
                let newer = history
                    .versions
                    .range(earlier.base + 1..=self.base.max(earlier.base + 1));
                let by = |(version, info): (&u64, &VersionInfo)| match writers.name(*version, info)
                {
                    Some(name) => format!("version {version} by {}", printable(&name, false)),
                    None => format!("version {version}"),
                };
                newer.map(by).collect::<Vec<_>>().join(", ")
            }
            None => format!("version {}", self.base),
        };
        let what = if versions.is_empty() {
            "a deletion".to_owned()
        } else {
            versions
        };
        self.notes.warnings.insert(
            0,
            format!(
                "somebody else changed it meanwhile ({what}): {}",
                differences.words()
            ),
        );
    }
}
