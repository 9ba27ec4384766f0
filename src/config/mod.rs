//! Settings. Their sources, strongest first: option, environment variable, system config, user
//! config, default. A context replaces the user config for the settings that it decides. A context
//! that an option or a variable selected also overrides the variables and the system config, except
//! for `write_role`.
//!
//! The system config is `/etc/claude-vault/config.toml`; it can lock keys. The user config is
//! `$XDG_CONFIG_HOME/claude-vault/config.toml`. A `.claude-vault.toml` in the working tree is read
//! elsewhere (`core::inject`) and can only set file locations: a cloned repository must not decide
//! where a token goes or whether a value is shown.

mod context;
mod env;
mod file;
mod lab;
mod load;
mod lock;
mod mode;
mod owner;
mod root;
mod setting;
mod shown;
mod sign_in;
mod sources;
mod strength;
mod table;
mod user_path;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use context::KnownVault;
pub use context::{ContextInUse, return_hint};
pub use env::{AGENT_VARIABLES, Env};
pub use lab::{has_leftover_lab, record_lab};
pub use mode::Mode;
pub use shown::{ConfigReport, ContextReport, Contexts, SettingReport, contexts, shown};
pub(crate) use sign_in::login_methods;
pub use sign_in::{MeantFor, Method, ProviderSettings, lists_host};
pub use strength::Strength;
use user_path::user_path;
use values::checked_path;

use crate::error::{Error, Result};
use crate::names::Service;

/// Options that every command takes.
#[derive(clap::Args, Clone, Default, Debug)]
pub struct Global {
    /// Vault's address, instead of VAULT_ADDR
    #[arg(
        long,
        global = true,
        value_name = "URL",
        help_heading = "Global options"
    )]
    pub address: Option<String>,
    /// The named Vault from your config to use, instead of VAULT_ADDR
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Global options"
    )]
    pub context: Option<String>,
    /// The KV version 2 mount [default: secret]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help_heading = "Global options"
    )]
    pub mount: Option<String>,
    /// The path below the mount where services lie; / for none [default: proxmox-services]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        help_heading = "Global options"
    )]
    pub path: Option<String>,
    /// The folder with one subfolder per service; nothing outside it is written
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        help_heading = "Global options"
    )]
    pub root: Option<PathBuf>,
    /// Allow sending a token over plain http to another machine
    #[arg(long, global = true, help_heading = "Global options")]
    pub insecure_http: bool,
}

/// Further actions of an AI assistant that a person must approve, besides changes to Vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskBefore {
    /// Writing a file with values.
    Inject,
    /// Showing values in plaintext mode.
    Get,
}

impl AskBefore {
    /// The word used in a config file.
    fn word(self) -> &'static str {
        match self {
            Self::Inject => "inject",
            Self::Get => "get",
        }
    }
}

/// The TLS settings for Vault, from the same variables as those of the `vault` command.
#[derive(Clone, Default)]
pub struct Tls {
    /// `VAULT_CACERT`: a PEM file. If it is set, no other root is trusted.
    pub ca_file: Option<PathBuf>,
    /// `VAULT_CAPATH`: a folder of PEM files.
    pub ca_folder: Option<PathBuf>,
    /// `VAULT_CLIENT_CERT`: the file of the client certificate.
    pub client_certificate: Option<PathBuf>,
    /// `VAULT_CLIENT_KEY`: the file of its private key.
    pub client_key: Option<PathBuf>,
    /// `VAULT_TLS_SERVER_NAME`: the name the certificate must carry.
    pub server_name: Option<String>,
    /// `VAULT_SKIP_VERIFY`: any certificate is accepted, with a warning each time.
    pub skip_verify: bool,
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, which replace the system's certificate authorities.
    pub system_roots: Vec<PathBuf>,
}

/// The proxy that requests go through.
#[derive(Clone, Default)]
pub enum Proxy {
    /// The one that `HTTPS_PROXY` and `NO_PROXY` determine.
    #[default]
    Environment,
    /// None, even if the environment sets one.
    None,
    /// This one, even if the environment sets another.
    Through(Url),
}

/// All settings, resolved from their sources.
#[derive(Clone)]
pub struct Settings {
    /// The context in use.
    pub context: Option<ContextInUse>,
    /// The Vault of each context and the one configured without a context; empty if no context is
    /// defined.
    known: Vec<KnownVault>,
    /// Scheme, host, port and path of Vault, without user information, query or fragment.
    pub address: Option<Url>,
    /// `VAULT_NAMESPACE`.
    pub namespace: Option<String>,
    /// The KV mount, without slashes at its ends.
    pub mount: String,
    /// The path below the mount, without slashes at its ends; may be empty.
    pub prefix: String,
    /// How a person signs in.
    pub method: Method,
    /// The identity provider, for the login methods that contact it directly.
    pub provider: ProviderSettings,
    /// The role requested at login; `None` for Vault's default role.
    pub role: Option<String>,
    /// The path at which the login method is mounted; `None` for the usual one.
    pub auth_mount: Option<String>,
    /// The login callback's port.
    pub port: u16,
    /// The command that opens a URL, instead of the desktop's.
    pub browser: Option<String>,
    /// The life of a session in seconds (`VAULT_MAX_TOKEN_TTL`).
    pub max_token_ttl: u64,
    /// How long a session can be renewed after its login, in seconds (`VAULT_MAX_SESSION`).
    pub max_session: u64,
    /// The folder that contains one folder per service, as a canonical path.
    pub root: PathBuf,
    /// Whether the root is a project, as a marker such as `.git` shows.
    pub is_project: bool,
    /// The path of the audit log.
    pub audit_log: PathBuf,
    /// Where state without secrets is kept (`$XDG_STATE_HOME/claude-vault`).
    pub state: PathBuf,
    /// Hosts (or host:port), besides the origin of the address, that may receive requests after a
    /// redirect or as the active node.
    pub trusted_hosts: Vec<String>,
    /// How TLS connections to Vault are made.
    pub tls: Tls,
    /// `VAULT_CLIENT_TIMEOUT`: the limit for all failed attempts, slow answers and pauses of one
    /// command or call of a tool, and for each request.
    pub timeout: Duration,
    /// `VAULT_MAX_RETRIES`: how often a request is repeated at a server that fails; 0 for never.
    pub max_retries: u32,
    /// Whether a token may travel over plain http.
    pub insecure_http: bool,
    /// The proxy to Vault and to the identity provider.
    pub proxy: Proxy,
    /// The variable that shows which AI agent runs this process, if any.
    pub agent: Option<&'static str>,
    /// How an AI assistant sees values over MCP.
    pub mode: Mode,
    /// Keys whose values an AI assistant may see.
    pub plain_keys: Vec<String>,
    /// How long a handle stays valid.
    pub handle_life: Duration,
    /// The user's config folder (`$XDG_CONFIG_HOME/claude-vault`).
    pub config: PathBuf,
    /// The user's data folder (`$XDG_DATA_HOME/claude-vault`).
    pub data: PathBuf,
    /// The config files that were read, the stronger first; shown to the person.
    pub config_files: Vec<PathBuf>,
    /// The words of `locked` in the system config.
    pub locked: Vec<&'static str>,
    /// Whether the address is that of a running `dev` server of this user.
    pub is_lab: bool,
    /// The weakest proof that approves a change. Only a config file can set this.
    pub approval: Option<Strength>,
    /// The Vault role whose login approves a write. Only a config file can set this.
    pub write_role: Option<String>,
    /// How long a command waits for an approval on the page (`CLAUDE_VAULT_APPROVAL_WAIT`).
    pub approval_wait: Duration,
    /// Further actions that need an approval. Only a config file can set this.
    pub ask_before: Vec<AskBefore>,
    /// The permissions of injected files. Only a config file can set this.
    pub file_mode: u32,
    /// The group ID of injected files; `None` for the user's own group.
    pub file_group: Option<u32>,
}

impl Settings {
    /// Whether the person's config lets models see the value of this key (`plain_keys`).
    #[must_use]
    pub fn is_plain_key(&self, service: &str, key: &str) -> bool {
        self.plain_keys
            .iter()
            .any(|plain| plain.rsplit_once('/') == Some((service, key)))
    }

    /// The address of Vault.
    ///
    /// # Errors
    /// [`Error::NoAddress`] if it is not set; its hint shows how to set it.
    pub fn address(&self) -> Result<&Url> {
        self.address.as_ref().ok_or(Error::NoAddress)
    }

    /// Refuses a command's own option that contradicts a lock of the system config. `value` is the
    /// value of the option, `now` the value in use.
    ///
    /// # Errors
    /// [`Error::Invalid`] if they differ and `key` is locked.
    pub fn check_lock(
        &self,
        key: &str,
        option: &str,
        value: Option<&str>,
        now: Option<&str>,
    ) -> Result<()> {
        let Some(value) = value.filter(|_| self.locked.contains(&key)) else {
            return Ok(());
        };
        if Some(value.trim_matches('/')) == now {
            return Ok(());
        }
        Err(Error::invalid(
            format!("the system config locks {key}, but {option} sets another value"),
            format!("leave out {option}   (claude-vault config shows what is locked)"),
        ))
    }

    /// These settings with another mount, or another path below it, or both.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the text is not a path, or if the system config locks the setting.
    pub fn with_target(&self, mount: Option<&str>, path: Option<&str>) -> Result<Self> {
        self.check_lock("mount", "--to-mount", mount, Some(&self.mount))?;
        self.check_lock("prefix", "--to-path", path, Some(&self.prefix))?;
        let mut other = self.clone();
        if let Some(mount) = mount {
            other.mount = checked_path(mount, "mount")?;
        }
        match path {
            None => {}
            Some("/" | "") => other.prefix = String::new(),
            Some(path) => other.prefix = checked_path(path, "path")?,
        }
        Ok(other)
    }

    /// These settings without any trusted host, for requests that only the address itself may
    /// receive.
    #[must_use]
    pub fn for_the_address_alone(&self) -> Self {
        Self {
            trusted_hosts: Vec::new(),
            ..self.clone()
        }
    }

    /// The path of a service below `MOUNT/data/` and `MOUNT/metadata/`.
    #[must_use]
    pub fn service_path(&self, service: &Service) -> String {
        if self.prefix.is_empty() {
            service.to_string()
        } else {
            format!("{}/{service}", self.prefix)
        }
    }

    /// The path of a service for display: `MOUNT/PREFIX/SERVICE`.
    #[must_use]
    pub fn display_path(&self, service: &Service) -> String {
        format!("{}/{}", self.mount, self.service_path(service))
    }
}

/// The folder that an XDG variable names, or its default below the home folder. `None` without a
/// home folder: the fallback must not be a folder that other users can write to.
#[must_use]
pub fn folder(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env.path(variable).filter(|path| path.is_absolute());
    named.or_else(|| {
        Some(
            env.path("HOME")
                .or_else(std::env::home_dir)
                .filter(|home| home.is_absolute())?
                .join(below_home),
        )
    })
}

/// The path of the user config, whether or not the file exists.
///
/// # Errors
/// [`Error::Invalid`] for a relative path.
pub fn config_file(env: &Env) -> Result<Option<PathBuf>> {
    Ok(user_path(env)?.map(|user| user.path))
}
