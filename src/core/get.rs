//! `get`: the values of a service. The reply itself cannot be serialised; each face turns it
//! into [`Shown`] by saying what may be shown.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Core, no_service};
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::names::{Key, Service, printable};
use crate::secret::Value;
use crate::vault::{Secrets, Stored};

/// What to get.
#[derive(clap::Args)]
pub struct Request {
    /// The service
    pub service: Service,
    /// One key; without it, all
    pub key: Option<Key>,
    /// An older version of the service
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
}

/// A version of a service, values included: for a face to disclose, not to serialise.
pub struct Reply {
    /// The service.
    pub service: Service,
    /// Its version.
    pub version: u64,
    /// When the version was written, RFC 3339.
    pub created: String,
    /// The keys asked for, with their values.
    pub secrets: Secrets,
    /// What to know.
    pub warnings: Vec<String>,
}

/// What of a reply may be shown.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shown {
    /// The service.
    pub service: Service,
    /// Its version.
    pub version: u64,
    /// When the version was written, RFC 3339.
    pub created: String,
    /// The keys, sorted.
    pub keys: Vec<String>,
    /// What stands for each value; absent when only names are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, String>>,
}

impl Reply {
    /// The names alone.
    #[must_use]
    pub fn names(&self) -> Shown {
        Shown {
            service: self.service.clone(),
            version: self.version,
            created: printable(&self.created, false),
            keys: self.secrets.keys().cloned().collect(),
            values: None,
        }
    }

    /// Each value as `disclose` gives it: in the clear, as a handle, or however the face may.
    #[must_use]
    pub fn disclosed(&self, disclose: impl Fn(&str, &Value) -> String) -> Shown {
        let values = self.secrets.iter().map(|(key, value)| (key.clone(), disclose(key, value))).collect();
        Shown { values: Some(values), ..self.names() }
    }
}

/// Gets.
///
/// # Errors
/// [`Error::NotFound`] for a service, key or version that is not there, and Vault's refusals.
pub async fn get(core: &Core, request: &Request) -> Result<Reply> {
    let outcome = read(core, request).await;
    let what = |_: &Reply| match (&request.key, request.version) {
        (Some(key), None) => format!("key {key}"),
        (Some(key), Some(version)) => format!("key {key}, version {version}"),
        (None, None) => "all keys".into(),
        (None, Some(version)) => format!("all keys, version {version}"),
    };
    let (mut reply, unlogged) = core.audited(Action::Get, Some(&request.service), outcome, what).await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

async fn read(core: &Core, request: &Request) -> Result<Reply> {
    let Request { service, key, version } = request;
    let (mut secrets, number, created) = match core.vault()?.read_service(service, *version).await? {
        Stored::Present { secrets, version, created } => (secrets, version, created),
        Stored::Deleted { version } => {
            return Err(Error::NotFound {
                what: format!("version {version} of {service} was deleted: it"),
                hint: match version {
                    0 | 1 => "claude-vault list".into(),
                    _ => format!("claude-vault get {service} --version {}", version - 1),
                },
            });
        }
        Stored::Absent => match version {
            None => return Err(no_service(service)),
            Some(version) => {
                return Err(Error::NotFound {
                    what: format!("version {version} of {service}"),
                    hint: format!("claude-vault list {service}"),
                });
            }
        },
    };
    if let Some(key) = key {
        let value = secrets.remove(key.as_str()).ok_or_else(|| Error::NotFound {
            what: format!("the key {key} of {service}"),
            hint: format!("claude-vault list {service}"),
        })?;
        secrets = Secrets::from([(key.to_string(), value)]);
    }
    Ok(Reply { service: service.clone(), version: number, created, secrets, warnings: Vec::new() })
}
