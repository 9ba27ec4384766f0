//! Each setting as it is, and where it came from: for a person who wonders why.

use std::path::PathBuf;

use serde::Serialize;

use super::{Env, Global, Settings, config_file, dev_address};
use crate::error::{Error, Result};
use crate::names::printable;

/// A setting.
#[derive(Serialize, Debug)]
pub struct Shown {
    /// Its key in the config file, or a name of that kind where a variable alone says it.
    pub name: &'static str,
    /// What it is; empty for none.
    pub value: String,
    /// Where that came from: `--option`, a variable, `config`, or `default`.
    pub source: String,
}

/// A setting's key in the config file, and the variables that say it too, the stronger first.
const VARIABLES: [(&str, &[&str]); 22] = [
    ("address", &["CLAUDE_VAULT_DEV", "VAULT_ADDR", "BAO_ADDR"]),
    ("namespace", &["VAULT_NAMESPACE", "BAO_NAMESPACE"]),
    ("ca_cert", &["VAULT_CACERT", "BAO_CACERT"]),
    ("trusted_hosts", &["CLAUDE_VAULT_TRUSTED_HOSTS"]),
    ("mount", &["CLAUDE_VAULT_MOUNT"]),
    ("prefix", &["CLAUDE_VAULT_PREFIX"]),
    ("root", &["CLAUDE_VAULT_ROOT"]),
    ("audit_log", &["CLAUDE_VAULT_AUDIT_LOG"]),
    ("method", &["CLAUDE_VAULT_METHOD"]),
    ("issuer", &[]),
    ("client_id", &[]),
    ("scopes", &[]),
    ("role", &["CLAUDE_VAULT_ROLE"]),
    ("auth_mount", &["CLAUDE_VAULT_AUTH_MOUNT"]),
    ("port", &["CLAUDE_VAULT_PORT"]),
    ("browser", &["CLAUDE_VAULT_BROWSER", "BROWSER"]),
    ("max_token_ttl", &["VAULT_MAX_TOKEN_TTL"]),
    ("security_mode", &["VAULT_SECURITY_MODE"]),
    ("plain_keys", &[]),
    ("approval", &[]),
    ("write_role", &[]),
    ("ask_before", &[]),
];

/// What a variable alone says.
const VARIABLES_ALONE: [(&str, &[&str]); 9] = [
    ("ca_path", &["VAULT_CAPATH", "BAO_CAPATH"]),
    ("client_cert", &["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"]),
    ("client_key", &["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"]),
    ("tls_server_name", &["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"]),
    ("skip_verify", &["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"]),
    ("client_timeout", &["VAULT_CLIENT_TIMEOUT", "BAO_CLIENT_TIMEOUT"]),
    ("max_retries", &["VAULT_MAX_RETRIES", "BAO_MAX_RETRIES"]),
    ("handle_life", &["VAULT_TOKEN_SESSION_TTL"]),
    ("approval_wait", &["CLAUDE_VAULT_APPROVAL_WAIT"]),
];

/// Where the config file lies, and each setting.
///
/// # Errors
/// As [`Settings::load`].
pub fn shown(global: &Global, env: &Env) -> Result<(Option<PathBuf>, Vec<Shown>)> {
    let settings = Settings::load(global, env)?;
    let path = config_file(env);
    let text = path.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    // It was read as a whole before: what it says is right.
    let file: toml::Table = text.parse().map_err(|_| Error::invalid("the config file changed meanwhile", "run it again"))?;
    let all = VARIABLES.iter().chain(&VARIABLES_ALONE).map(|(name, variables)| {
        let flag = flag_of(global, name);
        let variable = variables.iter().find(|variable| match **variable {
            "CLAUDE_VAULT_DEV" => dev_address(env).is_some(),
            variable => env.path(variable).is_some(),
        });
        let source = match (flag, variable, file.contains_key(*name)) {
            (Some(flag), ..) => flag.to_owned(),
            (None, Some(variable), _) => (*variable).to_owned(),
            (None, None, true) => "config".to_owned(),
            (None, None, false) => "default".to_owned(),
        };
        Shown { name, value: printable(&value_of(&settings, name), false), source }
    });
    Ok((path, all.collect()))
}

fn flag_of(global: &Global, name: &str) -> Option<&'static str> {
    match name {
        "address" => global.address.as_ref().map(|_| "--address"),
        "mount" => global.mount.as_ref().map(|_| "--mount"),
        "prefix" => global.path.as_ref().map(|_| "--path"),
        "root" => global.root.as_ref().map(|_| "--root"),
        _ => None,
    }
}

fn value_of(settings: &Settings, name: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    match name {
        "address" => settings.address.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()).unwrap_or_default(),
        "namespace" => text(&settings.namespace),
        "ca_cert" => settings.tls.ca_file.as_deref().map(path).unwrap_or_default(),
        "trusted_hosts" => settings.trusted_hosts.join(", "),
        "mount" => settings.mount.clone(),
        "prefix" => settings.prefix.clone(),
        "root" => path(&settings.root),
        "audit_log" => path(&settings.audit_log),
        "method" => settings.method.word().to_owned(),
        "issuer" => text(&settings.provider.issuer),
        "client_id" => text(&settings.provider.client_id),
        "scopes" => settings.provider.scopes.join(", "),
        "role" => text(&settings.role),
        "auth_mount" => text(&settings.auth_mount),
        "port" => settings.port.to_string(),
        "browser" => text(&settings.browser),
        "max_token_ttl" => settings.max_token_ttl.to_string(),
        "security_mode" => format!("{:?}", settings.mode).to_lowercase(),
        "plain_keys" => settings.plain_keys.join(", "),
        "approval" => settings.approval.map(|proof| proof.word().to_owned()).unwrap_or_default(),
        "write_role" => text(&settings.write_role),
        "ca_path" => settings.tls.ca_folder.as_deref().map(path).unwrap_or_default(),
        "client_cert" => settings.tls.client_certificate.as_deref().map(path).unwrap_or_default(),
        "client_key" => settings.tls.client_key.as_deref().map(path).unwrap_or_default(),
        "tls_server_name" => text(&settings.tls.server_name),
        "skip_verify" => settings.tls.skip_verify.to_string(),
        "client_timeout" => format!("{:?}", settings.timeout),
        "max_retries" => settings.max_retries.to_string(),
        "handle_life" => settings.handle_life.as_secs().to_string(),
        "approval_wait" => settings.approval_wait.as_secs().to_string(),
        _ => settings.ask_before.iter().map(|one| format!("{one:?}").to_lowercase()).collect::<Vec<_>>().join(", "),
    }
}

/// The key that was probably meant.
pub(super) fn nearest(unknown: &str) -> Option<&'static str> {
    let scored = VARIABLES.iter().map(|(name, _)| (strsim::jaro_winkler(unknown, name), *name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
}
