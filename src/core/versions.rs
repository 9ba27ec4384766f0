//! Facts about versions for `history`, `diff` and the question after a conflict: who wrote a
//! version, and which keys differ between two versions.

use std::collections::BTreeMap;

use crate::core::Core;
use crate::names::{Service, printable};
use crate::vault::{History, Secrets, VersionInfo};

/// The keys that differ between two contents, each list sorted.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Differences {
    /// Keys that only the later content has.
    pub added: Vec<String>,
    /// Keys whose values differ.
    pub changed: Vec<String>,
    /// Keys that only the earlier content has.
    pub removed: Vec<String>,
}

impl Differences {
    /// The differences from `before` to `after`.
    #[must_use]
    pub fn between(before: &Secrets, after: &Secrets) -> Self {
        let only = |one: &Secrets, other: &Secrets| {
            one.keys()
                .filter(|key| !other.contains_key(*key))
                .cloned()
                .collect()
        };
        let changed = after
            .iter()
            .filter(|(key, value)| before.get(*key).is_some_and(|old| old != *value));
        Self {
            added: only(after, before),
            removed: only(before, after),
            changed: changed.map(|(key, _)| key.clone()).collect(),
        }
    }

    /// Whether the contents are equal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// `A added; B, C changed; D removed`, printable.
    #[must_use]
    pub fn words(&self) -> String {
        let lists = [
            (&self.added, "added"),
            (&self.changed, "changed"),
            (&self.removed, "removed"),
        ];
        let part = |(keys, word): (&Vec<String>, &str)| {
            let keys: Vec<String> = keys.iter().map(|key| printable(key, false)).collect();
            format!("{} {word}", keys.join(", "))
        };
        let parts: Vec<String> = lists
            .into_iter()
            .filter(|(keys, _)| !keys.is_empty())
            .map(part)
            .collect();
        if parts.is_empty() {
            "no value differs".to_owned()
        } else {
            parts.join("; ")
        }
    }
}

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
