//! KV version 2: reads, lists, metadata, and writes with check-and-set.
//!
//! A missing path, a deleted version and a missing mount all return status 404; only the body
//! distinguishes them. See <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>.

mod bounded;

use std::collections::BTreeMap;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::client::{Call, Client};
use super::reply::VaultReply;
use super::token::unexpected;
use super::walk::Folder;
use crate::error::{Error, Result};
use crate::names::Service;
use crate::secret::Value;
pub(super) use bounded::BoundedSecrets;
use bounded::{BoundedNames, FolderNames};

/// The keys and values of one version of a service, sorted by key.
pub type Secrets = BTreeMap<String, Value>;

/// What is stored at a service's path.
pub enum Stored {
    /// A version with data.
    Present {
        /// The keys and values.
        secrets: Secrets,
        /// The version's number.
        version: u64,
        /// When the version was written, in RFC 3339.
        created: String,
    },
    /// The version was deleted or destroyed.
    Deleted {
        /// The version's number. If this is the current version, the next check-and-set must name
        /// it.
        version: u64,
        /// Whether the values are permanently gone; otherwise the version can be undeleted.
        is_destroyed: bool,
    },
    /// The path or the requested version does not exist.
    Absent,
}

/// A service without its values. The parser skips the values, so they are never stored.
pub struct ServiceSummary {
    /// The newest version.
    pub version: u64,
    /// When this version was written, in RFC 3339.
    pub created: String,
    /// The sorted keys; `None` if the version is deleted or destroyed.
    pub keys: Option<Vec<String>>,
    /// Whether the version is destroyed.
    pub is_destroyed: bool,
    /// The service's custom metadata.
    pub custom: BTreeMap<String, String>,
}

/// The metadata of a service (`metadata/`).
#[derive(Deserialize, Debug)]
pub struct Metadata {
    /// When the first version was written, in RFC 3339.
    pub created_time: String,
    /// When the service was last changed, in RFC 3339.
    pub updated_time: String,
    /// The newest version.
    pub current_version: u64,
}

/// The outcome of a write.
pub(crate) enum WriteOutcome {
    /// Vault stored this version.
    Written(u64),
    /// Check-and-set failed: Vault's current version is not the expected one.
    Mismatch,
    /// The connection or the server failed with this error, so the write may or may not have been
    /// applied.
    Unknown(Error),
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

    /// Reads the given version of a service, or the current one.
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

    /// Reads a service without its values; `None` if there is no such service.
    ///
    /// # Errors
    /// As [`Client::read_service`].
    pub async fn read_summary(&self, service: &Service) -> Result<Option<ServiceSummary>> {
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
        Ok(Some(ServiceSummary {
            version: metadata.version,
            created: metadata.created_time,
            keys: data.map(|names| names.0.into_iter().collect()),
            is_destroyed: metadata.destroyed,
            custom: metadata.custom_metadata.unwrap_or_default(),
        }))
    }

    /// Lists a folder below the prefix, or the prefix itself if `folder` is `None`.
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
            200 => Ok(reply.parse::<Data<FolderNames>>()?.data.keys.within(folder)),
            404 => self
                .explain_absence(&reply)
                .await
                .map(|()| Folder::default()),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Reads a service's metadata; `None` if there is no such service.
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

    /// Writes a version with check-and-set: Vault writes only if the current version is `base`
    /// (0: no version exists). Only `core::plan` calls this, with an approved plan.
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
            Err(error) if error.is_transient() => return Ok(WriteOutcome::Unknown(error)),
            Err(error) => return Err(error),
        };
        match reply.status {
            200 => match reply.parse::<Data<Version>>() {
                Ok(written) => Ok(WriteOutcome::Written(written.data.version)),
                Err(error) => Ok(WriteOutcome::Unknown(error)),
            },
            // The leader may have written this before it died and a standby redirected.
            400 if reply.was_redirected
                && reply.has_error_with("check-and-set parameter did not match") =>
            {
                Ok(WriteOutcome::Unknown(unexpected(&reply)))
            }
            400 if reply.has_error_with("check-and-set parameter did not match") => {
                Ok(WriteOutcome::Mismatch)
            }
            // OpenBao limits the number of names and values in a request, by default to 1,000.
            400 if reply.has_error_with("due to high complexity") => Err(Error::invalid(
                format!(
                    "{service} would have more keys or list entries than Vault accepts in one request"
                ),
                "move some of them to another service: claude-vault set OTHER --from FILE \
                 --only KEY,…",
            )),
            404 => {
                self.explain_absence(&reply).await?;
                Err(unexpected(&reply))
            }
            _ => Err(unexpected(&reply)),
        }
    }

    /// Whether the token has both `create` and `update` for a service's data.
    ///
    /// # Errors
    /// As for every request.
    pub async fn may_write(&self, service: &Service) -> Result<bool> {
        let has = self.capabilities(&self.kv_path("data", service)).await?;
        let may = |wanted: &str| has.iter().any(|one| one == wanted || one == "root");
        Ok(may("create") && may("update"))
    }

    /// Whether the token may change a service's data in any way (`create`, `update` or `patch`).
    ///
    /// # Errors
    /// As for every request.
    pub async fn may_change(&self, service: &Service) -> Result<bool> {
        let has = self.capabilities(&self.kv_path("data", service)).await?;
        Ok(has
            .iter()
            .any(|one| matches!(one.as_str(), "create" | "update" | "patch" | "root")))
    }

    /// Called after a 404. Returns `Ok` if only the path is missing from a KV version 2 mount, and
    /// otherwise an error with the reason.
    pub(super) async fn explain_absence(&self, reply: &VaultReply) -> Result<()> {
        if reply.has_error_with("namespace not found") {
            return Err(super::client::namespace_missing());
        }
        if !reply.has_errors() {
            return Err(self.bad("its 404 has no list of errors"));
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

/// Writes the secrets as a JSON object, with `before` and `behind` around it.
pub(super) fn object_body(
    before: &str,
    secrets: &Secrets,
    behind: &str,
) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    // Allocate enough at the start: if the buffer grew, the old copy with values would stay in
    // memory. One byte of a string takes at most six bytes in JSON.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn non_string_values_are_written_back_unchanged() {
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
