//! KV version 2: read, list, metadata, and the write with check-and-set.
//!
//! A 404 is decided by its body (a missing path, a deleted version and a missing mount all have
//! that status), see <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::reply::Reply;
use super::token::unexpected;
use super::walk::Folder;
use crate::error::{Error, Result};
use crate::names::{MAX_SEGMENTS, Service};
use crate::secret::Value;

const MAX_KEYS: usize = 10_000;
const MAX_NAMES: usize = 200_000;

/// The keys and values of one version of a service, in the order of their names.
pub type Secrets = BTreeMap<String, Value>;

/// What is stored at a service's path.
pub enum Stored {
    /// A version with data.
    Present {
        /// Its keys and values.
        secrets: Secrets,
        /// Its number.
        version: u64,
        /// RFC 3339.
        created: String,
    },
    /// The version was deleted or destroyed; `version` is what the next check-and-set must name.
    Deleted {
        /// Its number.
        version: u64,
        /// Its values are gone for good; otherwise it can be undeleted.
        is_destroyed: bool,
    },
    /// Nothing was ever written there, or not that version.
    Absent,
}

/// What one read tells of a service, but for its values: those are passed over as they come in.
pub struct Look {
    /// The newest version.
    pub version: u64,
    /// When it was written, RFC 3339.
    pub created: String,
    /// Its keys, sorted; none where the version is deleted or destroyed.
    pub keys: Option<Vec<String>>,
    /// Whether it is destroyed.
    pub is_destroyed: bool,
    /// The service's custom metadata.
    pub custom: BTreeMap<String, String>,
}

/// A service's history (`metadata/`).
#[derive(Deserialize, Debug)]
pub struct Metadata {
    /// RFC 3339.
    pub created_time: String,
    /// RFC 3339.
    pub updated_time: String,
    /// The newest version.
    pub current_version: u64,
}

/// How a write ended.
pub(crate) enum WriteOutcome {
    /// This version was written.
    Written(u64),
    /// Vault's current version is not the one named.
    Mismatch,
    /// It may or may not have been applied.
    Unknown,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Read {
    data: Option<BoundedSecrets>,
    metadata: Version,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    destroyed: bool,
}

impl From<Version> for Stored {
    fn from(version: Version) -> Self {
        Self::Deleted {
            version: version.version,
            is_destroyed: version.destroyed,
        }
    }
}

#[derive(Deserialize)]
struct ReadNames {
    data: Option<BoundedNames>,
    metadata: VersionSeen,
}

#[derive(Deserialize)]
struct VersionSeen {
    version: u64,
    #[serde(default)]
    created_time: String,
    #[serde(default)]
    destroyed: bool,
    custom_metadata: Option<BTreeMap<String, String>>,
}

impl Client {
    pub(super) fn kv_path(&self, kind: &str, service: &Service) -> String {
        format!(
            "{}/{kind}/{}",
            self.settings().mount,
            self.settings().service_path(service)
        )
    }

    /// Reads a service's current version, or an older one.
    ///
    /// # Errors
    /// [`Error::Forbidden`], [`Error::NotFound`] for a missing mount, [`Error::KvVersion1`].
    pub async fn read_service(&self, service: &Service, version: Option<u64>) -> Result<Stored> {
        let path = self.kv_path("data", service);
        let version = version.map(|version| version.to_string());
        let query = version
            .iter()
            .map(|version| ("version", version.as_str()))
            .collect();
        let reply = self.call(Call::get(&path).query(query)).await?;
        match reply.status {
            200 => {
                let read = reply.parse::<Data<Read>>()?.data;
                let Some(secrets) = read.data else {
                    return Ok(read.metadata.into());
                };
                Ok(Stored::Present {
                    secrets: secrets.0,
                    version: read.metadata.version,
                    created: read.metadata.created_time,
                })
            }
            404 => {
                if let Ok(read) = reply.parse::<Data<Read>>() {
                    return Ok(read.data.metadata.into());
                }
                self.explain_absence(&reply).await.map(|()| Stored::Absent)
            }
            _ => Err(unexpected(&reply)),
        }
    }

    /// Reads what a service is like, without its values; `None` where nothing was ever written.
    ///
    /// # Errors
    /// As [`Client::read_service`].
    pub async fn look_at(&self, service: &Service) -> Result<Option<Look>> {
        let reply = self.call(Call::get(&self.kv_path("data", service))).await?;
        let parsed = match reply.status {
            200 => reply.parse::<Data<ReadNames>>()?,
            404 => match reply.parse::<Data<ReadNames>>() {
                Ok(parsed) => parsed,
                Err(_) => return self.explain_absence(&reply).await.map(|()| None),
            },
            _ => return Err(unexpected(&reply)),
        };
        let ReadNames { data, metadata } = parsed.data;
        Ok(Some(Look {
            version: metadata.version,
            created: metadata.created_time,
            keys: data.map(|names| names.0.into_iter().collect()),
            is_destroyed: metadata.destroyed,
            custom: metadata.custom_metadata.unwrap_or_default(),
        }))
    }

    /// Lists one folder below the prefix; without one, the prefix itself.
    pub(super) async fn list_folder(&self, folder: Option<&Service>) -> Result<Folder> {
        let settings = self.settings();
        let path = match folder {
            Some(folder) => self.kv_path("metadata", folder),
            None => format!("{}/metadata/{}", settings.mount, settings.prefix),
        };
        let call = Call {
            operation: "list",
            ..Call::get(path.trim_end_matches('/')).query(vec![("list", "true")])
        };
        let reply = self.call(call).await?;
        match reply.status {
            200 => Ok(reply.parse::<Data<Keys>>()?.data.keys.within(folder)),
            404 => self
                .explain_absence(&reply)
                .await
                .map(|()| Folder::default()),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Reads a service's history; `None` when there is no such service.
    ///
    /// # Errors
    /// As [`Client::read_service`].
    pub async fn read_metadata(&self, service: &Service) -> Result<Option<Metadata>> {
        let reply = self
            .call(Call::get(&self.kv_path("metadata", service)))
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Data<Metadata>>()?.data)),
            404 => self.explain_absence(&reply).await.map(|()| None),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Writes a version with check-and-set: only when the current version is `base` (0: none).
    /// Called by `core::plan` alone, with an approved plan in hand.
    pub(crate) async fn write_service(
        &self,
        service: &Service,
        base: u64,
        secrets: &Secrets,
    ) -> Result<WriteOutcome> {
        let body = write_body(base, secrets).map_err(|_| self.bad("a value has no JSON form"))?;
        let reply = match self
            .call(Call::put(&self.kv_path("data", service), body))
            .await
        {
            Ok(reply) => reply,
            Err(Error::Unreachable { .. } | Error::BadReply { .. }) => {
                return Ok(WriteOutcome::Unknown);
            }
            Err(Error::Server { status, .. }) if status >= 500 => return Ok(WriteOutcome::Unknown),
            Err(error) => return Err(error),
        };
        match reply.status {
            200 => Ok(WriteOutcome::Written(
                reply.parse::<Data<Version>>()?.data.version,
            )),
            400 if reply.says("check-and-set parameter did not match") => {
                Ok(WriteOutcome::Mismatch)
            }
            // OpenBao counts the names and values of a request, and stops at 1,000 by default.
            400 if reply.says("due to high complexity") => Err(Error::invalid(
                format!(
                    "{service} would have more keys or list entries than Vault takes in one request"
                ),
                "keep some of them in a service of their own: claude-vault set OTHER --from FILE \
                 --only KEY,…",
            )),
            404 => {
                self.explain_absence(&reply).await?;
                Err(unexpected(&reply))
            }
            _ => Err(unexpected(&reply)),
        }
    }

    /// Whether the token may write a service: create and update it.
    ///
    /// # Errors
    /// As every request.
    pub async fn may_write(&self, service: &Service) -> Result<bool> {
        let has = self.capabilities(&self.kv_path("data", service)).await?;
        let may = |wanted: &str| has.iter().any(|one| one == wanted || one == "root");
        Ok(may("create") && may("update"))
    }

    /// Whether the token may change anything of a service's data.
    ///
    /// # Errors
    /// As every request.
    pub async fn may_change(&self, service: &Service) -> Result<bool> {
        let has = self.capabilities(&self.kv_path("data", service)).await?;
        Ok(has
            .iter()
            .any(|one| matches!(one.as_str(), "create" | "update" | "patch" | "root")))
    }

    /// Something was not found: fine when the mount is a KV version 2, an error saying why when
    /// not.
    pub(super) async fn explain_absence(&self, reply: &Reply) -> Result<()> {
        if reply.says("namespace not found") {
            return Err(super::client::namespace_missing());
        }
        if !reply.has_errors() {
            return Err(self.bad("a 404 that Vault does not give"));
        }
        self.require_kv2(&self.settings().mount).await
    }
}

fn write_body(base: u64, secrets: &Secrets) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    object_body(
        &format!(r#"{{"options":{{"cas":{base}}},"data":"#),
        secrets,
        "}",
    )
}

/// Secrets as one JSON object between two texts.
pub(super) fn object_body(
    before: &str,
    secrets: &Secrets,
    behind: &str,
) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    // Large enough from the start that no copy with values is left behind by growth: a byte of a
    // string takes at most six in JSON.
    let size: usize = secrets
        .iter()
        .map(|(key, value)| {
            6 * (key.len()
                + value
                    .secret()
                    .expose(crate::secret::WayOut::Inspection)
                    .len())
                + 8
        })
        .sum();
    let mut body = Zeroizing::new(Vec::with_capacity(size + before.len() + behind.len() + 2));
    body.extend_from_slice(before.as_bytes());
    body.push(b'{');
    for (index, (key, value)) in secrets.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        serde_json::to_writer(&mut *body, key)?;
        body.push(b':');
        value.append_json(&mut body)?;
    }
    body.push(b'}');
    body.extend_from_slice(behind.as_bytes());
    Ok(body)
}

/// A JSON object of at most `MAX_KEYS` members, values taken into [`Value`] at once.
pub(super) struct BoundedSecrets(pub(super) Secrets);

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

/// The names of the same members, and nothing of their values.
struct BoundedNames(BTreeSet<String>);

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

#[derive(Deserialize)]
struct Keys {
    keys: Names,
}

/// The names in a folder as Vault lists them: a folder's ends in `/`.
struct Names(Vec<String>);

impl Names {
    /// Which of them are services and folders of services, in this folder.
    fn within(self, folder: Option<&Service>) -> Folder {
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
                // Nothing below the last segment can be a service.
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
    fn more_keys_than_any_service_has_are_refused() {
        let members = |count: usize| {
            let all: Vec<String> = (0..count).map(|i| format!("\"k{i}\":1")).collect();
            format!("{{{}}}", all.join(","))
        };
        assert!(serde_json::from_str::<BoundedSecrets>(&members(MAX_KEYS)).is_ok());
        assert!(serde_json::from_str::<BoundedSecrets>(&members(MAX_KEYS + 1)).is_err());
    }

    #[test]
    fn a_folder_holds_services_folders_and_names_that_neither_can_have() {
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

    #[test]
    fn values_that_are_not_text_are_written_back_as_they_were() {
        let text = r#"{"a":"x\ny","b":[1, 2.50],"c":12345678901234567890,"d":null}"#;
        let secrets = serde_json::from_str::<BoundedSecrets>(text)
            .map(|s| s.0)
            .unwrap_or_default();
        let body = write_body(3, &secrets).unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&body),
            r#"{"options":{"cas":3},"data":{"a":"x\ny","b":[1, 2.50],"c":12345678901234567890,"d":null}}"#
        );
    }
}
