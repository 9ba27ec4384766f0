//! A service's versions: their history, and requests that delete, undelete and destroy them. Also
//! the custom metadata, which belongs to the service and not to a version.
//!
//! Uses the paths `metadata/`, `delete/`, `undelete/` and `destroy/` of KV version 2, see
//! <https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2>. Each change names its
//! versions, so a newer version is never changed by accident. Status 204 does not prove a change:
//! Vault also sends it if there was nothing to do, and an OpenBao standby sends it without doing
//! anything. The caller must read the result back from the active node.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use super::client::{Call, Client, Repeat};
use super::token::unexpected;
use crate::error::{Error, Result};
use crate::names::Service;

/// A service's custom metadata: names and texts. It belongs to the service, not to a version.
pub type CustomMetadata = BTreeMap<String, String>;

/// Everything that Vault stores about a service, except the values.
pub struct History {
    /// When the first version was written, in RFC 3339.
    pub created: String,
    /// When the service was last changed, in RFC 3339.
    pub updated: String,
    /// The newest version, even if it is deleted; 0 if only metadata was ever written.
    pub current: u64,
    /// How many versions Vault keeps for this service; 0 for the mount's setting, ten by default.
    pub max_versions: u64,
    /// Owner, rotation, and entries from other tools.
    pub custom: CustomMetadata,
    /// The versions that Vault has not removed, by number.
    pub versions: BTreeMap<u64, VersionInfo>,
    /// OpenBao's `current_metadata_version`, for check-and-set.
    metadata_version: Option<u64>,
}

/// Vault's information about one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// When the version was written, in RFC 3339.
    pub created: String,
    /// Who wrote the version, if Vault reports it, in Vault's spelling.
    pub created_by: Option<String>,
    /// Whether the version is live, deleted or destroyed.
    pub state: VersionState,
}

/// Whether a version's values can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionState {
    /// The values can be read.
    Live,
    /// The version was deleted and can be undeleted.
    Deleted {
        /// When the version was deleted, in RFC 3339.
        at: String,
        /// Who deleted the version, if Vault reports it, in Vault's spelling.
        by: Option<String>,
    },
    /// The values are permanently gone.
    Destroyed,
}

impl History {
    /// The state of a version; `None` if the version never existed or Vault has removed it.
    #[must_use]
    pub fn state(&self, version: u64) -> Option<&VersionState> {
        self.versions.get(&version).map(|info| &info.state)
    }
}

#[derive(Deserialize)]
struct Data {
    data: Raw,
}

#[derive(Deserialize)]
struct Raw {
    created_time: String,
    updated_time: String,
    current_version: u64,
    #[serde(default)]
    max_versions: u64,
    custom_metadata: Option<CustomMetadata>,
    #[serde(default)]
    versions: BTreeMap<String, RawVersion>,
    current_metadata_version: Option<u64>,
}

#[derive(Deserialize)]
struct RawVersion {
    created_time: String,
    #[serde(default)]
    deletion_time: String,
    #[serde(default)]
    destroyed: bool,
    #[serde(default, deserialize_with = "actor")]
    created_by: Option<String>,
    #[serde(default, deserialize_with = "actor")]
    deleted_by: Option<String>,
}

/// Parses who made or deleted a version. If Vault reports it, the form is
/// `{"actor": …, "client_id": …, "operation": …}`.
fn actor<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    let field = serde_json::Value::deserialize(deserializer)?;
    Ok(field["actor"]
        .as_str()
        .or(field.as_str())
        .filter(|actor| !actor.is_empty())
        .map(str::to_owned))
}

impl RawVersion {
    fn checked(self) -> VersionInfo {
        // With delete_version_after, a live version has a deletion time in the future.
        let is_past = |time: &str| {
            time.parse::<Timestamp>()
                .is_ok_and(|time| time <= Timestamp::now())
        };
        let state = if self.destroyed {
            VersionState::Destroyed
        } else if is_past(&self.deletion_time) {
            VersionState::Deleted {
                at: self.deletion_time,
                by: self.deleted_by,
            }
        } else {
            VersionState::Live
        };
        VersionInfo {
            created: self.created_time,
            created_by: self.created_by,
            state,
        }
    }
}

impl From<Raw> for History {
    fn from(raw: Raw) -> Self {
        let numbered = |(number, version): (String, RawVersion)| {
            Some((number.parse().ok()?, version.checked()))
        };
        Self {
            created: raw.created_time,
            updated: raw.updated_time,
            current: raw.current_version,
            max_versions: raw.max_versions,
            custom: raw.custom_metadata.unwrap_or_default(),
            versions: raw.versions.into_iter().filter_map(numbered).collect(),
            metadata_version: raw.current_metadata_version,
        }
    }
}

/// The outcome of a request that changes versions or metadata.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SentChange {
    /// Vault accepted the request. Read from the active node to check that the change was made.
    Taken,
    /// The connection broke or the node failed, so the change may or may not have been made.
    Unknown,
}

impl Client {
    /// Reads a service's history; `None` if there is no such service.
    ///
    /// # Errors
    /// As [`Client::read_service`].
    pub async fn read_history(&self, service: &Service) -> Result<Option<History>> {
        let reply = self
            .call(Call::get(&self.kv_path("metadata", service)))
            .await?;
        match reply.status {
            200 => Ok(Some(reply.parse::<Data>()?.data.into())),
            404 => self.explain_absence(&reply).await.map(|()| None),
            _ => Err(unexpected(&reply)),
        }
    }

    /// Marks versions as deleted. Only `core::plan` calls this and the other changes in this file.
    pub(crate) async fn delete_versions(
        &self,
        service: &Service,
        versions: &[u64],
    ) -> Result<SentChange> {
        self.change_versions("delete", service, versions).await
    }

    /// Removes the deletion mark from versions.
    pub(crate) async fn undelete_versions(
        &self,
        service: &Service,
        versions: &[u64],
    ) -> Result<SentChange> {
        self.change_versions("undelete", service, versions).await
    }

    /// Permanently destroys the values of versions.
    pub(crate) async fn destroy_versions(
        &self,
        service: &Service,
        versions: &[u64],
    ) -> Result<SentChange> {
        self.change_versions("destroy", service, versions).await
    }

    async fn change_versions(
        &self,
        what: &'static str,
        service: &Service,
        versions: &[u64],
    ) -> Result<SentChange> {
        let body = Zeroizing::new(
            serde_json::json!({ "versions": versions })
                .to_string()
                .into_bytes(),
        );
        let path = self.kv_path(what, service);
        self.change_metadata(Call {
            operation: what,
            ..Call::put(&path, body)
        })
        .await
    }

    /// Permanently removes all versions and the metadata of a service.
    pub(crate) async fn delete_everything(&self, service: &Service) -> Result<SentChange> {
        let path = self.kv_path("metadata", service);
        let call = Call {
            method: reqwest::Method::DELETE,
            operation: "delete",
            repeat: Repeat::Never,
            ..Call::get(&path)
        };
        self.change_metadata(call).await
    }

    /// Checks that the session may write a service's metadata.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if not; otherwise as for every request.
    pub async fn require_metadata_write(&self, service: &Service) -> Result<()> {
        let path = self.kv_path("metadata", service);
        let has = self.capabilities(&path).await?;
        let may = |wanted: &str| has.iter().any(|one| one == wanted || one == "root");
        if may("create") && may("update") {
            Ok(())
        } else {
            Err(Error::Forbidden {
                operation: "write",
                path,
            })
        }
    }

    /// Replaces the custom metadata of a service with `custom`. `read` is the history from which
    /// the caller computed `custom`. If the server supports check-and-set for metadata (OpenBao), a
    /// change after that read gives [`Error::Conflict`].
    pub(crate) async fn write_custom_metadata(
        &self,
        service: &Service,
        read: Option<&History>,
        custom: &CustomMetadata,
    ) -> Result<SentChange> {
        let mut body = serde_json::json!({ "custom_metadata": custom });
        if let Some(version) = read.and_then(|read| read.metadata_version) {
            body["metadata_cas"] = version.into();
        }
        let path = self.kv_path("metadata", service);
        self.change_metadata(Call::put(
            &path,
            Zeroizing::new(body.to_string().into_bytes()),
        ))
        .await
        .map_err(|error| match error {
            Error::Conflict { .. } => Error::Conflict {
                service: service.to_string(),
            },
            error => error,
        })
    }

    async fn change_metadata(&self, call: Call<'_>) -> Result<SentChange> {
        let reply = match self.call(call).await {
            Ok(reply) => reply,
            Err(error) if error.is_transient() => return Ok(SentChange::Unknown),
            Err(error) => return Err(error),
        };
        match reply.status {
            200 | 204 => Ok(SentChange::Taken),
            400 if reply.has_error_with("metadata check-and-set parameter") => {
                Err(Error::Conflict {
                    service: String::new(),
                })
            }
            404 => {
                self.explain_absence(&reply).await?;
                Err(unexpected(&reply))
            }
            _ => Err(unexpected(&reply)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn history(versions: &str) -> History {
        let text = format!(
            r#"{{"data":{{"created_time":"2026-01-01T00:00:00Z","updated_time":"2026-01-02T00:00:00Z","current_version":3,
                 "custom_metadata":null,"max_versions":0,"versions":{versions}}}}}"#
        );
        serde_json::from_str::<Data>(&text).unwrap().data.into()
    }

    #[test]
    fn a_version_is_live_deleted_or_destroyed() {
        let history = history(
            r#"{"1":{"created_time":"2026-01-01T00:00:00Z","deletion_time":"","destroyed":true},
                "2":{"created_time":"2026-01-01T00:00:00Z","deletion_time":"2026-01-02T00:00:00Z","destroyed":false},
                "3":{"created_time":"2026-01-01T00:00:00Z","deletion_time":"2999-01-02T00:00:00Z","destroyed":false},
                "10":{"created_time":"2026-01-01T00:00:00Z"}}"#,
        );
        assert_eq!(history.state(1), Some(&VersionState::Destroyed));
        assert!(matches!(
            history.state(2),
            Some(VersionState::Deleted { .. })
        ));
        assert_eq!(
            (history.state(3), history.state(10), history.state(4)),
            (Some(&VersionState::Live), Some(&VersionState::Live), None)
        );
        assert_eq!(
            history.versions.keys().copied().collect::<Vec<_>>(),
            [1, 2, 3, 10]
        );
    }

    #[test]
    fn the_actor_of_a_version_is_read_if_vault_reports_it() {
        let history = history(
            r#"{"1":{"created_time":"x","created_by":{"actor":"oidc-alice","client_id":"c","operation":"create"}},
                "2":{"created_time":"x","created_by":null,"deletion_time":"2026-01-02T00:00:00Z","deleted_by":{"actor":"bob"}},
                "3":{"created_time":"x","created_by":7}}"#,
        );
        let by = |version: u64| history.versions[&version].created_by.as_deref();
        assert_eq!((by(1), by(2), by(3)), (Some("oidc-alice"), None, None));
        assert!(
            matches!(history.state(2), Some(VersionState::Deleted { by: Some(by), .. }) if by == "bob")
        );
    }
}
