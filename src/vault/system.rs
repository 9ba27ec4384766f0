//! The server itself: health, the active node, a mount's KV version (`sys/`).

use serde::Deserialize;
use url::Url;

use super::client::{Call, Client};
use crate::error::{Error, Result};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Leader {
    ha_enabled: bool,
    is_self: bool,
    leader_address: String,
}

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
    /// The server's version, when it is initialised and unsealed (GET `sys/health`).
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Unreachable`], [`Error::BadReply`] when this is no Vault.
    pub async fn health(&self) -> Result<String> {
        // The parameters make every healthy or standing-by node answer 200 (Vault API,
        // /sys/health).
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

    /// The active node, when this one is a standby and the active one may have the token
    /// (GET `sys/leader`). Standbys of OpenBao answer reads from their own, older state, and
    /// check-and-set against it fails falsely: what decides a write is read there.
    ///
    /// # Errors
    /// What keeps Vault from answering at all; an answer that tells nothing is `None`.
    pub async fn active_node(&self) -> Result<Option<Client>> {
        let reply = match self.call(Call::get("sys/leader").without_token()).await {
            Err(
                error @ (Error::Unreachable { .. }
                | Error::Certificate { .. }
                | Error::WrongScheme { .. }),
            ) => {
                return Err(error);
            }
            Err(_) => return Ok(None),
            Ok(reply) => reply,
        };
        let Ok(leader) = reply.parse::<Leader>() else {
            return Ok(None);
        };
        if !leader.ha_enabled || leader.is_self {
            return Ok(None);
        }
        Ok(Url::parse(&leader.leader_address)
            .ok()
            .and_then(|address| self.at_node(&address)))
    }

    /// Whether this node answers reads from the state that counts: the active node, or the only
    /// one. A standby that nothing says of is taken for one (GET `sys/leader`).
    pub async fn is_active(&self) -> bool {
        let Ok(reply) = self.call(Call::get("sys/leader").without_token()).await else {
            return false;
        };
        reply
            .parse::<Leader>()
            .is_ok_and(|leader| !leader.ha_enabled || leader.is_self)
    }

    /// Whether `mount` is a KV mount of version 2; asked only after something was not found, to
    /// say why. Any token that may see something of the mount may ask
    /// (GET `sys/internal/ui/mounts/…`).
    ///
    /// # Errors
    /// [`Error::KvVersion1`], [`Error::NotFound`] for a mount that is missing or of another kind.
    pub async fn require_kv2(&self, mount: &str) -> Result<()> {
        let missing = || Error::NotFound {
            what: format!("the KV mount {mount}/"),
            hint: "choose yours with --mount, or CLAUDE_VAULT_MOUNT".into(),
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
