//! Sets up the throwaway server and its folder: a user who can sign in, a policy, and two services
//! with their folders.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::server::{Server, Watcher};
use crate::config::{Env, Global, Settings, record_lab};
use crate::error::{Error, Result};
use crate::launcher;
use crate::random;
use crate::vault::{Call, Client};

/// The name of the user who can sign in.
pub(crate) const USER: &str = "alice";
const POLICY: &str = r#"
path "secret/data/proxmox-services/*"     { capabilities = ["create", "read", "update", "patch"] }
path "secret/metadata/proxmox-services/*" { capabilities = ["read", "list"] }
path "secret/metadata/proxmox-services"   { capabilities = ["list"] }
path "secret/delete/proxmox-services/*"   { capabilities = ["update"] }
path "secret/undelete/proxmox-services/*" { capabilities = ["update"] }
path "secret/destroy/proxmox-services/*"  { capabilities = ["update"] }
"#;

/// A server that is ready for use, and its folder. Both are removed when this is dropped.
pub(crate) struct Lab {
    /// Declared first, so that the server stops before its folder is removed.
    server: Server,
    folder: TempDir,
    /// The password of [`USER`].
    pub password: String,
    callback_port: u16,
    /// Locked while the lab exists. Without this lock, `CLAUDE_VAULT_DEV` has no effect.
    _record: File,
}

impl Lab {
    /// Starts the server and sets it up.
    ///
    /// # Errors
    /// [`Error::Dev`], or the error of a request that the server refused.
    pub(crate) async fn start(env: &Env, watcher: &impl Watcher) -> Result<Self> {
        // Prefer XDG_RUNTIME_DIR if only this user can access that folder.
        let make = |parent: PathBuf| {
            let mut new = tempfile::Builder::new();
            // The server's log in this folder contains the root token.
            new.prefix("claude-vault-dev-")
                .permissions(std::fs::Permissions::from_mode(0o700));
            new.tempdir_in(&parent).map_err(Error::io("create", parent))
        };
        let private = env
            .path("XDG_RUNTIME_DIR")
            .filter(|folder| is_private(folder));
        let folder = match private.map(make) {
            Some(Ok(folder)) => folder,
            _ => make(std::env::temp_dir())?,
        };
        let launcher =
            launcher::text(&folder.path().join(launcher::BINARY)).map_err(|_| Error::Dev {
                message: "the path of the folder for temporary files cannot be used in a launcher"
                    .into(),
                hint: "export TMPDIR=/tmp".into(),
            })?;
        let server = Server::start(env, folder.path(), watcher).await?;
        let password = random::hex(&random::bytes::<6>()?);
        let port =
            std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
        let callback_port = port
            .map_err(Error::io("find a port on", "127.0.0.1"))?
            .port();
        let record = record_lab(folder.path(), &server.address)
            .map_err(Error::io("write", folder.path()))?;
        let lab = Self {
            server,
            folder,
            password,
            callback_port,
            _record: record,
        };
        lab.write_files(&launcher)
            .map_err(Error::io("write", lab.folder.path()))?;
        lab.configure().await?;
        Ok(lab)
    }

    /// The server's address.
    #[must_use]
    pub(crate) fn address(&self) -> &str {
        &self.server.address
    }

    /// The folder that contains the services' folders.
    #[must_use]
    pub(crate) fn home_lab(&self) -> PathBuf {
        self.folder.path().join("home-lab")
    }

    /// The variables for a shell that uses this lab. `path` is the current `PATH`. The caller must
    /// remove all other variables of Vault and of this program.
    #[must_use]
    pub(crate) fn variables(&self, path: &str) -> Vec<(&'static str, String)> {
        let below = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        vec![
            ("VAULT_ADDR", self.server.address.clone()),
            (
                "CLAUDE_VAULT_DEV",
                self.folder.path().to_string_lossy().into_owned(),
            ),
            ("PATH", format!("{}:{path}", below("bin"))),
            ("CLAUDE_VAULT_CONFIG", below("config.toml")),
            ("CLAUDE_VAULT_STATE_DIR", below("state")),
            ("CLAUDE_VAULT_ROOT", below("home-lab")),
            ("CLAUDE_VAULT_PORT", self.callback_port.to_string()),
            ("CLAUDE_VAULT_DEV_PASSWORD", self.password.clone()),
        ]
    }

    fn write_files(&self, launcher: &str) -> std::io::Result<()> {
        let base = self.folder.path();
        let lab = self.home_lab();
        for folder in [
            "bin",
            "state",
            "home-lab/jellyfin",
            "home-lab/esphome/config",
        ] {
            std::fs::create_dir_all(base.join(folder))?;
        }
        symlink(std::env::current_exe()?, base.join(launcher::BINARY))?;
        std::fs::write(base.join("bin/claude-vault"), launcher)?;
        std::fs::set_permissions(
            base.join("bin/claude-vault"),
            std::fs::Permissions::from_mode(0o755),
        )?;
        std::fs::write(
            lab.join(".claude-vault.toml"),
            "# Marks the root: the folder that contains a folder for each service.\n",
        )?;
        std::fs::write(
            lab.join("jellyfin/.env.example"),
            include_str!("jellyfin.env.example"),
        )?;
        std::fs::write(
            lab.join("esphome/config/secrets.yaml.example"),
            include_str!("esphome.secrets.yaml.example"),
        )?;
        Ok(())
    }

    async fn configure(&self) -> Result<()> {
        let address = Global {
            address: Some(self.server.address.clone()),
            root: Some(self.home_lab()),
            ..Global::default()
        };
        let settings = Settings::load(
            &address,
            &Env::from_iter([("CLAUDE_VAULT_CONFIG".into(), "/dev/null".into())]),
        )?;
        let admin = Admin(Client::new(&settings, Some(self.server.root.clone()))?);
        admin.wait_until_ready().await?;
        admin
            .put(
                "sys/policies/acl/homelab-services",
                &json!({ "policy": POLICY }),
            )
            .await?;
        for (service, data) in [
            (
                "jellyfin",
                json!({"API_KEY": "example-api-key", "DB_PASSWORD": "example-password"}),
            ),
            (
                "esphome",
                json!({"wifi_ssid": "Home", "wifi_password": "example: \"yes\" # no", "api_port": 6053}),
            ),
        ] {
            admin
                .put(
                    &format!("secret/data/proxmox-services/{service}"),
                    &json!({ "data": data }),
                )
                .await?;
        }
        let entity = self.add_user(&admin).await?;
        self.set_up_identity_provider(&admin, &entity).await
    }

    /// Creates the user with a password and an identity entity. Returns the entity's ID.
    async fn add_user(&self, admin: &Admin) -> Result<String> {
        admin
            .put("sys/auth/userpass", &json!({"type": "userpass"}))
            .await?;
        admin
            .put(
                &format!("auth/userpass/users/{USER}"),
                &json!({"password": self.password, "token_policies": "default"}),
            )
            .await?;
        let entity = admin
            .put(
                "identity/entity",
                &json!({"name": USER, "metadata": {"email": "alice@home.lab"}}),
            )
            .await?;
        let entity = text(&entity, "/data/id");
        let mounts = admin.get("sys/auth").await?;
        let accessor = text(&mounts, "/data/userpass~1/accessor");
        admin
            .put(
                "identity/entity-alias",
                &json!({"name": USER, "canonical_id": entity, "mount_accessor": accessor}),
            )
            .await?;
        admin
            .put(
                "identity/group",
                &json!({"name": "homelab", "member_entity_ids": [entity]}),
            )
            .await?;
        Ok(entity)
    }

    /// Makes the server its own OpenID provider, and sets up its OIDC login to trust that provider.
    async fn set_up_identity_provider(&self, admin: &Admin, entity: &str) -> Result<()> {
        let callbacks: Vec<String> = [8250, self.callback_port]
            .iter()
            .map(|port| format!("http://localhost:{port}/oidc/callback"))
            .collect();
        let name = r#"{"username": {{identity.entity.name}}}"#;
        let groups = r#"{"groups": {{identity.entity.groups.names}}}"#;
        for (path, body) in [
            ("identity/oidc/scope/user", json!({"template": name})),
            ("identity/oidc/scope/groups", json!({"template": groups})),
            (
                "identity/oidc/key/lab",
                json!({"allowed_client_ids": ["*"]}),
            ),
            (
                "identity/oidc/assignment/lab",
                json!({"entity_ids": [entity], "group_ids": []}),
            ),
            (
                "identity/oidc/client/lab",
                json!({"redirect_uris": callbacks, "assignments": ["lab"], "key": "lab"}),
            ),
        ] {
            admin.put(path, &body).await?;
        }
        let client = admin.get("identity/oidc/client/lab").await?;
        let id = text(&client, "/data/client_id");
        admin
            .put(
                "identity/oidc/provider/lab",
                &json!({"allowed_client_ids": [id], "scopes_supported": ["user", "groups"], "issuer": self.server.address}),
            )
            .await?;
        admin.put("sys/auth/oidc", &json!({"type": "oidc"})).await?;
        let config = json!({
            "oidc_discovery_url": format!("{}/v1/identity/oidc/provider/lab", self.server.address),
            "oidc_client_id": id,
            "oidc_client_secret": text(&client, "/data/client_secret"),
            "default_role": "homelab",
        });
        admin.put("auth/oidc/config", &config).await?;
        let role = json!({
            "role_type": "oidc", "user_claim": "username", "groups_claim": "groups", "oidc_scopes": ["user", "groups"],
            "bound_claims": {"groups": ["homelab"]}, "allowed_redirect_uris": callbacks,
            "token_policies": ["homelab-services"], "token_ttl": "8h", "token_max_ttl": "8h",
        });
        admin.put("auth/oidc/role/homelab", &role).await.map(drop)
    }
}

/// Whether only this user can access the folder.
fn is_private(folder: &Path) -> bool {
    let user = rustix::process::geteuid().as_raw();
    folder
        .symlink_metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0)
}

/// A client with the throwaway server's root token. Only `dev` may write to Vault without
/// `core::plan`, and only to this server.
struct Admin(Client);

impl Admin {
    /// Waits for the server, which listens before it can answer.
    async fn wait_until_ready(&self) -> Result<()> {
        for _ in 0..200 {
            if self.0.health().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        self.0.health().await.map(drop)
    }

    async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.send(Call::put(
            path,
            Zeroizing::new(body.to_string().into_bytes()),
        ))
        .await
    }

    async fn get(&self, path: &str) -> Result<Value> {
        self.send(Call {
            method: Method::GET,
            ..Call::get(path)
        })
        .await
    }

    async fn send(&self, call: Call<'_>) -> Result<Value> {
        let path = call.path.to_owned();
        let reply = self.0.call(call).await?;
        match reply.status {
            204 => Ok(Value::Null),
            200 => reply.parse(),
            status => Err(Error::Dev {
                message: format!(
                    "the throwaway server refused {path} ({status}: {})",
                    reply.errors().join("; ")
                ),
                hint: "its version may not be supported: try with OpenBao 2.7 on PATH".into(),
            }),
        }
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
