//! How a rendered file differs from the existing one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::render::{Base, RenderSource, parse};
use super::target::FileTarget;
use crate::names::printable;
use crate::secret::Secret;
use crate::vault::Secrets;

/// The differences between the old and the new file, key by key. Values are compared as the file's
/// readers see them: a change of quotes alone is no difference.
#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Changes {
    /// Keys that the old file lacked.
    pub added: Vec<String>,
    /// Keys that have a new value.
    pub changed: Vec<String>,
    /// Keys that the new file lacks.
    pub removed: Vec<String>,
    /// Keys that do not come from Vault and stay unchanged.
    pub kept: Vec<String>,
    /// Keys that have the template's default because Vault has no value for them.
    pub defaults: Vec<String>,
    /// The keys of `defaults` whose default is empty: Vault probably lacks a value.
    #[serde(skip)]
    pub empty: Vec<String>,
    /// Keys that are no longer in Vault and have the template's default again.
    #[serde(skip)]
    pub returned: Vec<String>,
    /// The old and new text of each key that differs. Only a person may see it.
    #[serde(skip)]
    pub texts: BTreeMap<String, (Option<Secret>, Option<Secret>)>,
}

impl Changes {
    /// Whether any value differs.
    pub(in crate::core) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Compares the rendered text with the existing file. Keys in `settled` do not count as changed.
pub(super) fn changes(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
    base: &Base,
    new: &str,
    settled: &BTreeSet<String>,
) -> Changes {
    let old = source.old.unwrap_or_default();
    let parsed = |text: &str| parse(target, text).unwrap_or_default();
    // Without an old file, every key that is not from Vault comes from the template.
    let template = source
        .template
        .filter(|_| source.old.is_some())
        .unwrap_or_default();
    let (of_old, of_new, of_template) = (parsed(old), parsed(new), parsed(template));
    let (before, after, default) = (of_old.raw(old), of_new.raw(new), of_template.raw(template));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes = Changes::default();
    for key in keys {
        let (old, new) = (before.get(key).copied(), after.get(key).copied());
        let shown = printable(key, false);
        let is_from_vault = secrets.contains_key(key);
        let from_template = [&base.merged.returned, &base.merged.inserted]
            .into_iter()
            .any(|keys| keys.contains(key));
        let is_default = source.old.is_none() || from_template || default.get(key) == new.as_ref();
        if !is_from_vault && new.is_some() && is_default {
            changes.defaults.push(shown.clone());
            if new.is_some_and(|raw| matches!(raw.trim(), "" | "\"\"" | "''")) {
                changes.empty.push(shown.clone());
            }
        }
        match (old, new) {
            (None, Some(_)) => changes.added.push(shown.clone()),
            (Some(_), None) => changes.removed.push(shown.clone()),
            (old, new) if old != new && !settled.contains(key) => {
                changes.changed.push(shown.clone());
            }
            _ if is_from_vault => continue,
            _ => {
                changes.kept.push(shown);
                continue;
            }
        }
        if base.merged.returned.contains(key) {
            changes.returned.push(shown.clone());
        }
        let secret = |text: Option<&str>| text.map(|text| Secret::from(text.to_owned()));
        changes.texts.insert(shown, (secret(old), secret(new)));
    }
    changes
}
