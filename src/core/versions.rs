//! What `history`, `diff` and the question after a conflict need to know of versions: who wrote
//! one, and which keys differ between two.

use std::collections::BTreeMap;

use crate::core::Core;
use crate::names::{Service, printable};
use crate::vault::{History, Secrets, VersionInfo};

/// The keys that differ between two contents, each list sorted.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct Differences {
    /// Only the later one has them.
    pub added: Vec<String>,
    /// They have other values.
    pub changed: Vec<String>,
    /// Only the earlier one has them.
    pub removed: Vec<String>,
}

impl Differences {
    /// Compares two contents.
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

    /// Whether there are none.
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

/// Who wrote versions: Vault's own word where it has one, else this machine's audit log.
pub struct Writers {
    /// Versions by number; read once.
    logged: BTreeMap<u64, String>,
}

impl Writers {
    /// Looks up the versions of `history` that Vault has no word for. A log that cannot be read
    /// tells nothing.
    pub async fn of(core: &Core, service: &Service, history: &History) -> Self {
        let silent = history
            .versions
            .iter()
            .filter(|(_, info)| info.created_by.is_none());
        let wanted: Vec<(u64, String)> = silent
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

    /// Who wrote a version.
    #[must_use]
    pub fn name(&self, version: u64, info: &VersionInfo) -> Option<String> {
        info.created_by
            .clone()
            .or_else(|| self.logged.get(&version).cloned())
    }
}
