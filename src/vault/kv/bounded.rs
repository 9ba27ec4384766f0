//! Objects and lists in Vault's replies, with a limit on their size.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Secrets;
use crate::names::{MAX_SEGMENTS, Service};
use crate::secret::Value;
use crate::vault::walk::Folder;

const MAX_KEYS: usize = 10_000;
const MAX_NAMES: usize = 200_000;

/// A JSON object with at most `MAX_KEYS` members. Each value becomes a [`Value`] as it is parsed.
pub(in crate::vault) struct BoundedSecrets(pub(in crate::vault) Secrets);

impl<'de> Deserialize<'de> for BoundedSecrets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = BoundedSecrets;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<BoundedSecrets, A::Error> {
                let mut secrets = Secrets::new();
                while let Some(key) = map.next_key::<String>()? {
                    if secrets.len() >= MAX_KEYS {
                        return Err(A::Error::custom("too many keys"));
                    }
                    let raw: Box<RawValue> = map.next_value()?;
                    secrets.insert(key, Value::from(raw));
                }
                Ok(BoundedSecrets(secrets))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The member names of a JSON object with at most `MAX_KEYS` members. The values are skipped.
pub(super) struct BoundedNames(pub(super) BTreeSet<String>);

impl<'de> Deserialize<'de> for BoundedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = BoundedNames;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<BoundedNames, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    if names.len() >= MAX_KEYS {
                        return Err(A::Error::custom("too many keys"));
                    }
                    names.insert(name);
                }
                Ok(BoundedNames(names))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A folder's names.
#[derive(Deserialize)]
pub(super) struct FolderNames {
    pub(super) keys: Names,
}

/// The names in a folder as Vault lists them: the name of a folder ends in `/`.
pub(super) struct Names(Vec<String>);

impl Names {
    /// Sorts the names of this folder into services, folders, and others.
    pub(super) fn within(self, folder: Option<&Service>) -> Folder {
        let mut found = Folder::default();
        let whole = |name: &str| match folder {
            Some(folder) => folder.below(name),
            None => Some(name)
                .filter(|name| !name.contains('/'))
                .and_then(|name| name.parse().ok()),
        };
        for name in self.0 {
            let segment = name.strip_suffix('/');
            match (segment.is_some(), whole(segment.unwrap_or(&name))) {
                // A folder with the most segments allowed cannot contain a service.
                (true, Some(below)) if below.segments() < MAX_SEGMENTS => found.folders.push(below),
                (false, Some(service)) => found.services.push(service),
                (true, Some(_)) | (_, None) => found.others += 1,
            }
        }
        found
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Bounded;
        impl<'de> Visitor<'de> for Bounded {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names")
            }
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> std::result::Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element::<String>()? {
                    if names.len() >= MAX_NAMES {
                        return Err(A::Error::custom("too many names"));
                    }
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_seq(Bounded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_too_many_keys_is_refused() {
        let members = |count: usize| {
            let all: Vec<String> = (0..count).map(|i| format!("\"k{i}\":1")).collect();
            format!("{{{}}}", all.join(","))
        };
        assert!(serde_json::from_str::<BoundedSecrets>(&members(MAX_KEYS)).is_ok());
        assert!(serde_json::from_str::<BoundedSecrets>(&members(MAX_KEYS + 1)).is_err());
    }

    #[test]
    fn a_folder_is_split_into_services_folders_and_invalid_names() {
        let names = || {
            Names(
                ["plex", "media/", "odd.name", ".git/", "plex/", "a//", "x/y"]
                    .map(str::to_owned)
                    .into(),
            )
        };
        let texts =
            |services: &[Service]| services.iter().map(ToString::to_string).collect::<Vec<_>>();
        let top = names().within(None);
        assert_eq!(
            (texts(&top.services), texts(&top.folders), top.others),
            (vec!["plex".into()], vec!["media".into(), "plex".into()], 4)
        );
        let deep = "a/b/c".parse().ok();
        let below = names().within(deep.as_ref());
        assert_eq!(
            (texts(&below.services), below.folders.len()),
            (vec!["a/b/c/plex".to_owned()], 0)
        );
    }
}
