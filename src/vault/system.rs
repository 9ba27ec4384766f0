//! Requests about the server itself (`sys/`): health, and a mount's KV version.

use serde::Deserialize;

use super::client::{Call, Client};
use crate::error::{Error, Result};

#[derive(Deserialize)]
struct Health {
    initialized: bool,
    sealed: bool,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct Mount {
    data: MountData,
}

#[derive(Deserialize)]
struct MountData {
    #[serde(rename = "type", default)]
    kind: String,
    options: Option<MountOptions>,
}

#[derive(Deserialize)]
struct MountOptions {
    version: Option<String>,
}

impl Client {
    /// The server's version (GET `sys/health`).
    ///
    /// # Errors
    /// [`Error::Sealed`] if the server is sealed or not initialised, [`Error::Unreachable`],
    /// [`Error::BadReply`] if the server is not Vault.
    pub async fn health(&self) -> Result<String> {
        // With these parameters, a healthy standby node also answers 200 (Vault API, /sys/health).
        let call = Call::get("sys/health")
            .without_token()
            .query(vec![("standbyok", "true"), ("perfstandbyok", "true")]);
        let reply = self.call(call).await?;
        let health: Health = reply.parse()?;
        if health.sealed || !health.initialized {
            return Err(Error::Sealed {
                address: self.address(),
            });
        }
        Ok(crate::names::printable(&health.version, false)
            .chars()
            .take(40)
            .collect())
    }

    /// Checks that `mount` is a KV version 2 mount (GET `sys/internal/ui/mounts/…`). Called only
    /// after a 404, to find the reason. Any token with access to a path in the mount may send this
    /// request.
    ///
    /// # Errors
    /// [`Error::KvVersion1`], [`Error::NotFound`] for a mount that is missing or of another type.
    pub async fn require_kv2(&self, mount: &str) -> Result<()> {
        let missing = || Error::NotFound {
            missing: None,
            what: format!("the KV mount {mount}/"),
            hint: "name your KV mount: --mount NAME   (or CLAUDE_VAULT_MOUNT)".into(),
        };
        let reply = match self
            .call(Call::get(&format!("sys/internal/ui/mounts/{mount}")))
            .await
        {
            Ok(reply) => reply,
            Err(Error::Forbidden { .. }) => return Err(missing()),
            Err(error) => return Err(error),
        };
        if reply.status != 200 {
            return Err(missing());
        }
        let data = reply.parse::<Mount>()?.data;
        match (
            data.kind.as_str(),
            data.options.and_then(|options| options.version).as_deref(),
        ) {
            ("kv", Some("2")) => Ok(()),
            ("kv" | "generic", _) => Err(Error::KvVersion1 {
                mount: mount.to_owned(),
            }),
            _ => Err(missing()),
        }
    }
}
