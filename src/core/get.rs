//! `get`: the values of a service. The reply itself cannot be serialized; each front end turns it
//! into [`ShownValues`] and decides what to show.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Core, no_version};
use crate::audit::Action;
use crate::error::{Error, Missing, Result};
use crate::names::{Key, Service, printable, short};
use crate::secret::Value;
use crate::vault::{Secrets, Stored};

/// What to read from a service.
#[derive(clap::Args)]
pub struct GetRequest {
    /// The service
    pub service: Service,
    /// The keys, exactly as they are named in Vault; if omitted, all keys
    #[arg(value_name = "KEY")]
    pub keys: Vec<String>,
    /// An older version of the service
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub version: Option<u64>,
}

/// A version of a service with its values. It cannot be serialized: a front end must decide which
/// values to show.
pub struct GetReply {
    /// The service.
    pub service: Service,
    /// Its version.
    pub version: u64,
    /// When the version was written, RFC 3339.
    pub created: String,
    /// The keys asked for, with their values.
    pub secrets: Secrets,
    /// Warnings for the person.
    pub warnings: Vec<String>,
}

/// The part of a reply that may be shown.
#[derive(Serialize)]
pub struct ShownValues {
    /// The service.
    pub service: Service,
    /// Its version.
    pub version: u64,
    /// When the version was written, RFC 3339.
    pub created: String,
    /// The keys, sorted.
    pub keys: Vec<String>,
    /// Each value as JSON, with its type; absent if only names are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, Box<RawValue>>>,
}

impl GetReply {
    /// Shows only the names.
    #[must_use]
    pub fn names(&self) -> ShownValues {
        ShownValues {
            service: self.service.clone(),
            version: self.version,
            created: printable(&self.created, false),
            keys: self.secrets.keys().cloned().collect(),
            values: None,
        }
    }

    /// Shows each value as the JSON that `disclose` returns.
    ///
    /// # Errors
    /// The errors of `disclose`.
    pub fn disclosed(
        &self,
        disclose: impl Fn(&Value) -> serde_json::Result<Box<RawValue>>,
    ) -> serde_json::Result<ShownValues> {
        let values = self
            .secrets
            .iter()
            .map(|(key, value)| Ok((key.clone(), disclose(value)?)));
        Ok(ShownValues {
            values: Some(values.collect::<serde_json::Result<_>>()?),
            ..self.names()
        })
    }
}

/// Reads a service and records that in the audit log.
///
/// # Errors
/// [`Error::NotFound`] for a missing service, key or version, and Vault's refusals.
pub async fn get(core: &Core, request: &GetRequest) -> Result<GetReply> {
    let outcome = read(core, request).await;
    let what = |_: &GetReply| {
        let names: Vec<String> = request.keys.iter().map(|key| short(key)).collect();
        let keys = match names.as_slice() {
            [] => "all keys".to_owned(),
            [key] => format!("key {key}"),
            several => format!("keys {}", several.join(", ")),
        };
        request.version.map_or_else(
            || keys.clone(),
            |version| format!("{keys}, version {version}"),
        )
    };
    let (mut reply, unlogged) = core
        .audited(Action::Get, Some(&request.service), outcome, what)
        .await?;
    reply.warnings.extend(unlogged);
    Ok(reply)
}

/// Reads what the request asks for, without recording it in the audit log.
pub(super) async fn read(core: &Core, request: &GetRequest) -> Result<GetReply> {
    let GetRequest {
        service,
        keys,
        version,
    } = request;
    let vault = core.vault()?;
    let (mut secrets, number, created) = match vault.read_service(service, *version).await? {
        Stored::Present {
            secrets,
            version,
            created,
        } => (secrets, version, created),
        Stored::Deleted {
            version: deleted,
            is_destroyed,
        } => {
            return Err(Error::Deleted {
                service: service.to_string(),
                version: deleted,
                is_newest: version.is_none(),
                is_destroyed,
            });
        }
        Stored::Absent => return Err(no_version(&vault, service, *version).await),
    };
    if !keys.is_empty() {
        let mut chosen = Secrets::new();
        for (at, key) in keys.iter().enumerate() {
            let (name, value) = secrets
                .get_key_value(key)
                .ok_or_else(|| no_key(service, keys, at))?;
            chosen.insert(name.clone(), value.clone());
        }
        secrets = chosen;
    }
    Ok(GetReply {
        service: service.clone(),
        version: number,
        created,
        secrets,
        warnings: Vec::new(),
    })
}

/// The error for the missing key at position `at`. The person may have typed a value in place of a
/// key, so the error repeats the text only if it is the only key and has the form of a key.
fn no_key(service: &Service, keys: &[String], at: usize) -> Error {
    let (what, missing) = match keys {
        [key] if Key::is_valid(key) => (
            format!("the key {key} of {service}"),
            Some(Missing::Key(key.clone())),
        ),
        [_] => (format!("a key of that name in {service}"), None),
        _ => (
            format!("key number {} of those named, in {service},", at + 1),
            None,
        ),
    };
    Error::NotFound {
        missing,
        what,
        hint: format!("claude-vault list {service}"),
    }
}
