//! What the person is shown about a new version besides its keys.

use std::collections::BTreeMap;

use super::current::Current;
use crate::approval::Change;
use crate::core::Core;
use crate::names::{Service, printable};
use crate::secret::{Secret, Value, WayOut};
use crate::vault::Secrets;

/// The maximum size of a version that is written for a model, in bytes: half of what Vault accepts
/// by default.
const MAX_VERSION_BYTES: usize = 512 * 1024;
/// The maximum number of keys in a version that is written for a model.
const MAX_VERSION_KEYS: usize = 500;

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

impl Notes {
    /// Adds warnings about the planned change.
    pub(super) fn warn(
        &mut self,
        core: &Core,
        service: &Service,
        current: &Current,
        changes: &BTreeMap<String, Change>,
        result: &Secrets,
    ) {
        self.warnings
            .splice(0..0, type_changes(current.secrets(), result));
        for (key, change) in changes {
            if matches!(change, Change::Removed) {
                continue;
            }
            if let Some(value) = result.get(key) {
                self.warnings
                    .extend(empty_warning(key, value).filter(|_| *change != Change::Unchanged));
                self.warnings.extend(pattern_warning(key, value.secret()));
            }
            self.warnings.extend(plain_key_warning(core, service, key));
        }
        if current.is_deleted {
            let base = current.version;
            self.warnings.insert(
                0,
                format!(
                    "version {base} of {service} was deleted with its keys; to restore them: \
                     claude-vault undelete {service} {base}"
                ),
            );
        }
    }

    /// Refuses a version that is too large for a model. This limit comes before Vault's own, which
    /// would show a model how long the values are.
    pub(super) fn limit(&mut self, result: &Secrets) {
        let size: usize = result
            .iter()
            .map(|(key, value)| key.len() + value.secret().expose(WayOut::Inspection).len())
            .sum();
        if size > MAX_VERSION_BYTES || result.len() > MAX_VERSION_KEYS {
            self.obstacle.get_or_insert_with(|| {
                "the service would have more than 512 KiB or 500 keys".to_owned()
            });
        }
    }
}

/// Warnings for keys whose values change their type.
fn type_changes(before: &Secrets, result: &Secrets) -> Vec<String> {
    let change = |(key, value): (&String, &Value)| {
        let (old, new) = (before.get(key)?.json_type(), value.json_type());
        (old != new).then(|| format!("{}: {} → {}", printable(key, false), old.word(), new.word()))
    };
    result.iter().filter_map(change).collect()
}

/// Warns about a plain key: models see its value, so a model could ask for a secret to be stored in
/// it.
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
