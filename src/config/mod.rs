//! Settings: flag, then environment, then user config, then default.
//!
//! The user config is `$XDG_CONFIG_HOME/claude-vault/config.toml`. A `.claude-vault.toml` in the
//! working tree is read elsewhere (`core::inject`) and may only say where files lie: a cloned
//! repository is not trusted with anything that moves a token or shows a value.

mod env;
mod shown;
mod sign_in;
mod strength;
mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::Url;

pub use env::{AGENT_VARIABLES, Env};
pub use shown::{Shown, shown};
pub use sign_in::{MeantFor, Method, ProviderSettings, lists_host};
pub use strength::Strength;
use values::{checked_path, is_true, number, parse_address, seconds};

use crate::error::{Error, Result};
use crate::names::{Service, printable};

/// Options that every command takes.
#[derive(clap::Args, Clone, Default, Debug)]
pub struct Global {
    /// Vault's address, instead of VAULT_ADDR
    #[arg(long, global = true, value_name = "URL", help_heading = "Global options")]
    pub address: Option<String>,
    /// The KV version 2 mount [default: secret]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub mount: Option<String>,
    /// The path below the mount where services lie; / for none [default: proxmox-services]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub path: Option<String>,
    /// The folder that holds a folder for each service; nothing outside it is written
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub root: Option<PathBuf>,
    /// Allow a token to travel over plain http to another machine
    #[arg(long, global = true, help_heading = "Global options")]
    pub insecure_http: bool,
}

/// The user config file. Every key is optional; an unknown one is an error.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct UserConfig {
    address: Option<String>,
    namespace: Option<String>,
    mount: Option<String>,
    prefix: Option<String>,
    root: Option<PathBuf>,
    method: Option<Method>,
    issuer: Option<String>,
    client_id: Option<String>,
    scopes: Vec<String>,
    role: Option<String>,
    auth_mount: Option<String>,
    port: Option<u16>,
    browser: Option<String>,
    max_token_ttl: Option<u64>,
    audit_log: Option<PathBuf>,
    trusted_hosts: Vec<String>,
    ca_cert: Option<PathBuf>,
    security_mode: Option<String>,
    plain_keys: Vec<String>,
    approval: Option<Strength>,
    write_role: Option<String>,
    ask_before: Vec<AskBefore>,
}

/// What else a person is asked about before an AI assistant may do it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AskBefore {
    /// Writing a file with values.
    Inject,
    /// Showing values in plaintext mode.
    Get,
}

/// What an AI assistant sees of values. Chosen by the person, never by a tool's argument or a file
/// in the project.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// A handle for each value.
    #[default]
    Tokenized,
    /// Names only.
    Redacted,
    /// The values: for throwaway environments.
    Plaintext,
}

impl std::str::FromStr for Mode {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "tokenized" => Ok(Self::Tokenized),
            "redacted" => Ok(Self::Redacted),
            "plaintext" => Ok(Self::Plaintext),
            _ => Err(Error::invalid(
                "the security mode is not one of: tokenized, redacted, plaintext",
                "export VAULT_SECURITY_MODE=tokenized",
            )),
        }
    }
}

/// How TLS to Vault is set up: the variables of the `vault` command.
#[derive(Clone, Default)]
pub struct Tls {
    /// `VAULT_CACERT`: a PEM file; then no other root is trusted.
    pub ca_file: Option<PathBuf>,
    /// `VAULT_CAPATH`: a folder of PEM files.
    pub ca_folder: Option<PathBuf>,
    /// `VAULT_CLIENT_CERT`.
    pub client_certificate: Option<PathBuf>,
    /// `VAULT_CLIENT_KEY`.
    pub client_key: Option<PathBuf>,
    /// `VAULT_TLS_SERVER_NAME`: the name the certificate must carry.
    pub server_name: Option<String>,
    /// `VAULT_SKIP_VERIFY`: any certificate is taken. Warned about each time.
    pub skip_verify: bool,
}

/// All settings, worked out.
#[derive(Clone)]
pub struct Settings {
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
    /// The identity provider, where this program asks it itself.
    pub provider: ProviderSettings,
    /// The role asked for at login; Vault's default role without one.
    pub role: Option<String>,
    /// Where the login method is mounted, instead of its usual name.
    pub auth_mount: Option<String>,
    /// The login callback's port.
    pub port: u16,
    /// The command that opens a URL, instead of the desktop's.
    pub browser: Option<String>,
    /// The life of a session in seconds (`VAULT_MAX_TOKEN_TTL`).
    pub max_token_ttl: u64,
    /// The folder of the services' folders, canonical.
    pub root: PathBuf,
    /// The audit log.
    pub audit_log: PathBuf,
    /// Where state without secrets is kept (`$XDG_STATE_HOME/claude-vault`).
    pub state: PathBuf,
    /// Hosts (or host:port) that a redirect or the active node may name besides the address's own.
    pub trusted_hosts: Vec<String>,
    /// TLS.
    pub tls: Tls,
    /// `VAULT_CLIENT_TIMEOUT`, for one request from start to the last byte.
    pub timeout: Duration,
    /// `VAULT_MAX_RETRIES`: repeats of a read after a failure of the server.
    pub max_retries: u32,
    /// Whether a token may travel over plain http.
    pub insecure_http: bool,
    /// The AI agent around us, if any.
    pub agent: Option<&'static str>,
    /// What an AI assistant sees of values over MCP.
    pub mode: Mode,
    /// Keys whose values an AI assistant may see.
    pub plain_keys: Vec<String>,
    /// How long a handle lives.
    pub handle_life: Duration,
    /// The person's config folder (`$XDG_CONFIG_HOME/claude-vault`).
    pub config: PathBuf,
    /// The weakest proof that approves a change. The config file alone can say so.
    pub approval: Option<Strength>,
    /// The Vault role whose login approves a write. The config file alone can say so.
    pub write_role: Option<String>,
    /// How long a command waits for an approval on the page (`CLAUDE_VAULT_APPROVAL_WAIT`).
    pub approval_wait: Duration,
    /// What else is asked about. The config file alone can say so.
    pub ask_before: Vec<AskBefore>,
}

impl Settings {
    /// Whether the person's config lets models see the value of this key (`plain_keys`).
    #[must_use]
    pub fn is_plain_key(&self, service: &str, key: &str) -> bool {
        self.plain_keys.iter().any(|plain| plain.rsplit_once('/') == Some((service, key)))
    }

    /// Works the settings out.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a setting that cannot be used, naming where it came from.
    pub fn load(global: &Global, env: &Env) -> Result<Self> {
        let file = user_config(env)?;
        let pick = |flag: &Option<String>, variable: &str, configured: &Option<String>| {
            flag.clone().or_else(|| env.get(variable).map(str::to_owned)).or_else(|| configured.clone())
        };
        let (root, marked) = find_root(global.root.clone().or_else(|| env.path("CLAUDE_VAULT_ROOT")).or(file.root))?;
        let usual_state = || Some(folder(env, "XDG_STATE_HOME", ".local/state")?.join("claude-vault"));
        let state = env
            .path("CLAUDE_VAULT_STATE_DIR")
            .or_else(usual_state)
            .ok_or_else(|| Error::invalid("there is no home folder", "export CLAUDE_VAULT_STATE_DIR=DIR"))?;
        let audit_log = env
            .path("CLAUDE_VAULT_AUDIT_LOG")
            .or(file.audit_log)
            .unwrap_or_else(|| if marked { root.join(".claude-vault-audit.log") } else { state.join("audit.log") });
        let audit_log = std::path::absolute(&audit_log).map_err(Error::io("find", audit_log))?;
        let mut trusted_hosts = file.trusted_hosts.clone();
        if let Some(hosts) = env.get("CLAUDE_VAULT_TRUSTED_HOSTS") {
            trusted_hosts.extend(hosts.split([',', ' ']).filter(|h| !h.is_empty()).map(str::to_owned));
        }
        let prefix = pick(&global.path, "CLAUDE_VAULT_PREFIX", &file.prefix);
        let meant_for = MeantFor { address: file.address.clone(), hosts: file.trusted_hosts.clone() };
        let named = || dev_address(env).or_else(|| env.vault("ADDR").map(str::to_owned));
        let address = global.address.clone().or_else(named).or(file.address);
        Ok(Self {
            address: address.map(|text| parse_address(&text)).transpose()?,
            namespace: env
                .vault("NAMESPACE")
                .map(str::to_owned)
                .or(file.namespace)
                .map(|n| checked_path(&n, "namespace"))
                .transpose()?,
            mount: checked_path(
                &pick(&global.mount, "CLAUDE_VAULT_MOUNT", &file.mount).unwrap_or_else(|| "secret".into()),
                "mount",
            )?,
            prefix: match prefix.as_deref() {
                Some("/" | "") => String::new(),
                Some(path) => checked_path(path, "prefix")?,
                None => "proxmox-services".into(),
            },
            method: env.get("CLAUDE_VAULT_METHOD").map(str::parse).transpose()?.or(file.method).unwrap_or_default(),
            provider: ProviderSettings {
                issuer: file.issuer,
                client_id: file.client_id,
                scopes: file.scopes,
                meant_for: Some(meant_for),
            },
            role: env.get("CLAUDE_VAULT_ROLE").map(str::to_owned).or(file.role),
            auth_mount: env
                .get("CLAUDE_VAULT_AUTH_MOUNT")
                .map(str::to_owned)
                .or(file.auth_mount)
                .map(|m| checked_path(&m, "auth mount"))
                .transpose()?,
            port: number(env.get("CLAUDE_VAULT_PORT"), "CLAUDE_VAULT_PORT")?.or(file.port).unwrap_or(8250),
            browser: env.get("CLAUDE_VAULT_BROWSER").or_else(|| env.get("BROWSER")).map(str::to_owned).or(file.browser),
            max_token_ttl: number(env.get("VAULT_MAX_TOKEN_TTL"), "VAULT_MAX_TOKEN_TTL")?
                .or(file.max_token_ttl)
                .unwrap_or(3600)
                .max(1),
            root,
            audit_log,
            state: state.clone(),
            trusted_hosts,
            tls: Tls {
                ca_file: env.vault("CACERT").map(PathBuf::from).or(file.ca_cert),
                ca_folder: env.vault("CAPATH").map(PathBuf::from),
                client_certificate: env.vault("CLIENT_CERT").map(PathBuf::from),
                client_key: env.vault("CLIENT_KEY").map(PathBuf::from),
                server_name: env.vault("TLS_SERVER_NAME").map(str::to_owned),
                skip_verify: env.vault("SKIP_VERIFY").is_some_and(is_true),
            },
            timeout: env.vault("CLIENT_TIMEOUT").map(seconds).transpose()?.unwrap_or(Duration::from_secs(60)),
            max_retries: number(env.vault("MAX_RETRIES"), "VAULT_MAX_RETRIES")?.unwrap_or(2),
            insecure_http: global.insecure_http,
            agent: env.agent(),
            mode: env
                .get("VAULT_SECURITY_MODE")
                .or(file.security_mode.as_deref())
                .map(str::parse)
                .transpose()?
                .unwrap_or_default(),
            plain_keys: file.plain_keys,
            config: user_folder(env).unwrap_or_else(|| state.clone()),
            approval: file.approval,
            write_role: file.write_role,
            ask_before: file.ask_before,
            approval_wait: Duration::from_secs(
                number(env.get("CLAUDE_VAULT_APPROVAL_WAIT"), "CLAUDE_VAULT_APPROVAL_WAIT")?.unwrap_or(300),
            ),
            handle_life: Duration::from_secs(
                number(env.get("VAULT_TOKEN_SESSION_TTL"), "VAULT_TOKEN_SESSION_TTL")?.unwrap_or(7200),
            ),
        })
    }

    /// The address, or the error that says how to set it.
    ///
    /// # Errors
    /// [`Error::NoAddress`].
    pub fn address(&self) -> Result<&Url> {
        self.address.as_ref().ok_or(Error::NoAddress)
    }

    /// Where a login method is mounted, without slashes at its ends. `auth_mount` is that of the
    /// method which the settings name; Vault's `oidc` is where step-up signs in, whatever they name.
    #[must_use]
    pub fn mount_of(&self, method: Method) -> &str {
        self.mount_where(self.asks_provider(method))
    }

    /// The same, by whether this program asks the identity provider itself.
    #[must_use]
    pub fn mount_where(&self, asks_provider: bool) -> &str {
        let named = self.auth_mount.as_deref().filter(|_| asks_provider == self.asks_provider(self.method));
        named.unwrap_or(if asks_provider { "jwt" } else { "oidc" })
    }

    /// Whether this program asks the identity provider itself by this method.
    #[must_use]
    pub fn asks_provider(&self, method: Method) -> bool {
        method == Method::Jwt || (method == Method::Device && self.provider.issuer.is_some())
    }

    /// The path of a service below `MOUNT/data/` and `MOUNT/metadata/`.
    #[must_use]
    pub fn service_path(&self, service: &Service) -> String {
        if self.prefix.is_empty() { service.to_string() } else { format!("{}/{service}", self.prefix) }
    }

    /// The path of a service as a person writes it: `MOUNT/PREFIX/SERVICE`.
    #[must_use]
    pub fn display_path(&self, service: &Service) -> String {
        format!("{}/{}", self.mount, self.service_path(service))
    }
}

/// The folder named by an XDG variable, or its default below the home folder. Never a folder
/// that other users may write to: without a home there is none.
#[must_use]
pub fn folder(env: &Env, variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env.path(variable).filter(|path| path.is_absolute());
    named.or_else(|| Some(env.path("HOME").or_else(std::env::home_dir).filter(|home| home.is_absolute())?.join(below_home)))
}

fn user_folder(env: &Env) -> Option<PathBuf> {
    Some(folder(env, "XDG_CONFIG_HOME", ".config")?.join("claude-vault"))
}

/// The person's config file, whether it is there or not.
#[must_use]
pub fn config_file(env: &Env) -> Option<PathBuf> {
    env.path("CLAUDE_VAULT_CONFIG").or_else(|| Some(user_folder(env)?.join("config.toml")))
}

/// The server of `dev` in a shell of it, whatever the shell's own files export: `CLAUDE_VAULT_DEV` names
/// its folder for as long as it runs. It is on this machine.
fn dev_address(env: &Env) -> Option<String> {
    let text = std::fs::read_to_string(env.path("CLAUDE_VAULT_DEV")?.join("address")).ok()?;
    text.strip_prefix("http://127.0.0.1:")?.parse::<u16>().ok()?;
    Some(text)
}

fn user_config(env: &Env) -> Result<UserConfig> {
    let Some(path) = config_file(env) else { return Ok(UserConfig::default()) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(UserConfig::default()),
        Err(error) => return Err(Error::io("read", path)(error)),
    };
    toml::from_str(&text).map_err(|error| {
        let reason = printable(error.message().lines().next().unwrap_or_default(), false);
        let unknown = reason.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let meant = unknown.and_then(shown::nearest).map(|name| format!("did you mean {name}? ")).unwrap_or_default();
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map(|line| format!(", line {line}")).unwrap_or_default();
        Error::invalid(format!("{}{place}: {reason}", path.display()), format!("{meant}claude-vault config edit"))
    })
}

/// The root and whether a mark of a project was found in it.
fn find_root(given: Option<PathBuf>) -> Result<(PathBuf, bool)> {
    const MARKS: [&str; 3] = [".claude-vault.toml", ".mcp.json", ".git"];
    let marked = |dir: &Path| MARKS.iter().any(|mark| dir.join(mark).symlink_metadata().is_ok());
    let canonical = |path: PathBuf| path.canonicalize().map_err(Error::io("open the root", path));
    if let Some(given) = given {
        let root = canonical(given)?;
        let is_project = marked(&root);
        return Ok((root, is_project));
    }
    let here = canonical(PathBuf::from("."))?;
    match here.ancestors().find(|dir| marked(dir)) {
        Some(root) => Ok((root.to_owned(), true)),
        None => Ok((here, false)),
    }
}
