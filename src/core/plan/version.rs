//! A new version of a service. It is written with check-and-set on the version that the plan was
//! made from, so that nobody's change is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Consent, Operation, Permit, Report};
use crate::approval::{Asked, Change, Outcome, Question};
use crate::audit::Action;
use crate::core::versions::{Differences, Writers};
use crate::core::{Audience, Core};
use crate::error::{Error, Result};
use crate::format::json;
use crate::names::{Key, Service, printable, quoted};
use crate::secret::{JsonType, Secret, Value, WayOut};
use crate::vault::{
    Client, CustomMetadata, Secrets, SentChange, Stored, VersionInfo, WriteOutcome,
};

/// How long to look for the outcome of a broken write: a failover takes up to twenty seconds.
pub(super) const RESOLVE_FOR: Duration = Duration::from_secs(30);

/// The largest version that a model may have written, in bytes: half of what Vault accepts by
/// default.
const MAX_VERSION_BYTES: usize = 512 * 1024;
/// The most keys in a version that a model may have written.
const MAX_VERSION_KEYS: usize = 500;

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

/// A change of owner and rotation in Vault's custom metadata.
struct UpkeepChange {
    /// The new text of each entry that changes; `None` removes the entry.
    entries: BTreeMap<String, Option<String>>,
    words: Vec<String>,
}

/// What the person is shown besides the keys.
#[derive(Clone, Default)]
pub struct Notes {
    /// Warnings for the person who approves.
    pub warnings: Vec<String>,
    /// Where values come from, if the caller cannot see them; for the audit log.
    pub sources: Vec<String>,
    /// Why the change cannot be made, if so.
    pub obstacle: Option<String>,
}

/// A value to set.
#[derive(Clone)]
pub enum Given {
    /// Text from a source without types, such as `KEY=TEXT` or a `.env` file. If it replaces a
    /// number or a boolean and is valid JSON of that type, it keeps the type.
    Untyped(Secret),
    /// A value that already has its type.
    Typed(Value),
}

impl Given {
    /// The text of a string, or the JSON of any other type.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::Untyped(secret) => secret,
            Self::Typed(value) => value.secret(),
        }
    }

    /// The value to store for a key that currently has the value `before`.
    fn over(&self, before: Option<&Value>) -> Value {
        match self {
            Self::Typed(value) => value.clone(),
            Self::Untyped(secret) => {
                let text = secret.expose(WayOut::Inspection);
                let kept = match before.map(Value::json_type) {
                    Some(JsonType::Number) => json::number(text).ok(),
                    Some(JsonType::Boolean) => Some(text.to_owned())
                        .filter(|text| matches!(text.as_str(), "true" | "false")),
                    Some(JsonType::Text | JsonType::Null | JsonType::List | JsonType::Object)
                    | None => None,
                };
                kept.map_or_else(
                    || Value::Text(secret.clone()),
                    |text| Value::Json(Secret::from(text)),
                )
            }
        }
    }
}

/// The outcome of an attempt to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Commit {
    /// This version was written.
    Written(u64),
    /// Somebody else wrote first. Nothing of the plan was written.
    Conflict,
}

/// The current state of a service.
pub struct Current {
    version: u64,
    /// When the newest version was written, RFC 3339; none if no version can be read.
    created: Option<String>,
    /// Whether the newest version is deleted and can be restored.
    is_deleted: bool,
    secrets: Secrets,
    vault: Arc<Client>,
}

impl Current {
    /// Reads a service with a client of the active node. A deleted or absent service has no keys.
    ///
    /// # Errors
    /// As [`Client::read_service`].
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

    /// The client that read it.
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

impl VersionChange {
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
        let Current {
            version: base,
            created,
            is_deleted,
            secrets: before,
            vault,
        } = current;
        let mut changes = BTreeMap::new();
        for (key, value) in &result {
            match before.get(key) {
                None => drop(changes.insert(key.clone(), Change::Added)),
                Some(old) if old != value => drop(changes.insert(key.clone(), Change::Changed)),
                Some(_) if touched.iter().any(|touched| touched.as_str() == key) => {
                    changes.insert(key.clone(), Change::Unchanged);
                }
                Some(_) => continue,
            }
        }
        for key in before.keys().filter(|key| !result.contains_key(*key)) {
            changes.insert(key.clone(), Change::Removed);
        }
        for key in prompt {
            // The plan must not show the old value: the approval brings the new one.
            result.remove(key.as_str());
            let change = if before.contains_key(key.as_str()) {
                Change::Changed
            } else {
                Change::Added
            };
            changes.insert(key.to_string(), change);
        }
        notes.warnings.splice(0..0, type_changes(&before, &result));
        for (key, change) in &changes {
            if matches!(change, Change::Removed) {
                continue;
            }
            if let Some(value) = result.get(key) {
                notes
                    .warnings
                    .extend(empty_warning(key, value).filter(|_| *change != Change::Unchanged));
                notes.warnings.extend(pattern_warning(key, value.secret()));
            }
            notes.warnings.extend(plain_key_warning(core, service, key));
        }
        if is_deleted {
            notes.warnings.insert(
                0,
                format!(
                    "version {base} of {service} was deleted with its keys; to restore them: \
                     claude-vault undelete {service} {base}"
                ),
            );
        }
        // This limit comes before Vault's own, which would show a model how long the values are.
        let size: usize = result
            .iter()
            .map(|(key, value)| key.len() + value.secret().expose(WayOut::Inspection).len())
            .sum();
        if core.audience == Audience::Model
            && (size > MAX_VERSION_BYTES || result.len() > MAX_VERSION_KEYS)
        {
            notes.obstacle.get_or_insert_with(|| {
                "the service would have more than 512 KiB or 500 keys".to_owned()
            });
        }
        let path = core.settings.display_path(service);
        let prompt = prompt
            .iter()
            .map(|key| (key.clone(), before.get(key.as_str()).cloned()))
            .collect();
        Self {
            service: service.clone(),
            path,
            base,
            changes,
            prompt,
            result,
            before,
            created,
            notes,
            logs_all: false,
            upkeep: None,
            vault,
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

    /// The version that the plan was made from, if it can still be read.
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
        // Quote a name from outside: it may look like a part of the audit line.
        let name = |key: &String| {
            if Key::is_valid(key) {
                key.clone()
            } else {
                quoted(key)
            }
        };
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
        let step_up = permit.writer(&self.vault)?;
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
                .map_err(|error| self.half_done(version, &error))?;
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
    /// Whether the service was removed and created again while the person decided. Its version
    /// numbers then start again, and check-and-set cannot tell the new service from the old one.
    async fn was_recreated(&self) -> Result<bool> {
        let Some(planned) = &self.created else {
            return Ok(false);
        };
        match self.vault.read_service(&self.service, None).await? {
            Stored::Present {
                version, created, ..
            } => Ok(version == self.base && created != *planned),
            // Check-and-set notices these.
            Stored::Deleted { .. } | Stored::Absent => Ok(false),
        }
    }

    fn half_done(&self, version: u64, error: &Error) -> Error {
        if self.keeps_values() {
            return Error::Blocked {
                message: format!("owner and rotation could not be written: {error}"),
                hint: error.hint(),
            };
        }
        Error::Blocked {
            message: format!(
                "{} has version {version} now, but owner and rotation could not be written: {error}",
                self.service
            ),
            hint: error.hint(),
        }
    }

    /// Adds a first warning that says what somebody else changed since `earlier` was planned:
    /// versions, their writers, and names of keys. Only the person sees it.
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

    /// The newest version, if it holds exactly this result. A write that was repeated because its
    /// answer was lost reports a conflict with itself.
    pub(super) async fn version_with_result(&self) -> Result<Option<u64>> {
        match self.vault.read_service(&self.service, None).await? {
            Stored::Present {
                secrets, version, ..
            } => Ok((secrets == self.result).then_some(version)),
            Stored::Deleted { .. } | Stored::Absent => Ok(None),
        }
    }

    /// Whether these are exactly the keys and values of the new version.
    pub(super) fn is_result(&self, secrets: &Secrets) -> bool {
        *secrets == self.result
    }

    /// Writes with `writer`. Any reads in between use `vault`.
    async fn write(&self, writer: &Client, vault: &Client) -> Result<Commit> {
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

impl UpkeepChange {
    /// Writes with `writer`. The new metadata is built from a fresh read, because Vault replaces
    /// all of it at once. It is then read back, because Vault reports success even if it did
    /// nothing.
    async fn write(&self, service: &Service, writer: &Client, vault: &Client) -> Result<()> {
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
pub(super) fn may_be_failover(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::BadReply { .. }
            | Error::Server { .. }
            | Error::Sealed { .. }
    )
}

/// Warnings for keys whose values change their type.
fn type_changes(before: &Secrets, result: &Secrets) -> Vec<String> {
    let change = |(key, value): (&String, &Value)| {
        let (old, new) = (before.get(key)?.json_type(), value.json_type());
        (old != new).then(|| format!("{}: {} → {}", printable(key, false), old.word(), new.word()))
    };
    result.iter().filter_map(change).collect()
}

/// Models see the values of such keys, so a model could ask for a secret to be stored in one.
fn plain_key_warning(core: &Core, service: &Service, key: &str) -> Option<String> {
    core.settings
        .is_plain_key(service.as_str(), key)
        .then(|| format!("{key} is among your plain_keys: AI assistants can see its value"))
}

/// Warns about an empty value, because most programs treat it as missing.
fn empty_warning(key: &str, value: &Value) -> Option<String> {
    value
        .secret()
        .expose(WayOut::Inspection)
        .is_empty()
        .then(|| format!("the value of {} is empty", printable(key, false)))
}

/// Warns about characters that a shell would interpret. It never refuses the value.
fn pattern_warning(key: &str, secret: &Secret) -> Option<String> {
    const PATTERNS: [(&str, &str); 8] = [
        ("$(", "$(…)"),
        ("`", "a backtick"),
        ("${", "${…}"),
        ("&&", "&&"),
        ("||", "||"),
        (";", ";"),
        ("\n", "a line break"),
        ("\r", "a carriage return"),
    ];
    let text = secret.expose(WayOut::Inspection);
    let found: Vec<&str> = PATTERNS
        .iter()
        .filter(|(pattern, _)| text.contains(pattern))
        .map(|(_, name)| *name)
        .collect();
    (!found.is_empty()).then(|| {
        format!(
            "the value of {key} contains {}: a shell would act on it unless it is quoted",
            found.join(", ")
        )
    })
}
