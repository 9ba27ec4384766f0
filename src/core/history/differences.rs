//! The keys that differ between two contents of a service.

use crate::names::printable;
use crate::vault::Secrets;

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
