//! Each setting as it is, and where it came from: for a person who wonders why.

use std::path::PathBuf;

use serde::Serialize;

use super::file::Files;
use super::keys::KEYS;
use super::lock::Locks;
use super::{Env, Global, Proxy, Settings, config_file};
use crate::error::Result;
use crate::names::printable;

/// A setting.
#[derive(Serialize, Debug)]
pub struct Shown {
    /// Its key in the config file, or a name of that kind where a variable alone says it.
    pub name: &'static str,
    /// What it is; empty for none.
    pub value: String,
    /// Where that came from: `--option`, a variable, `system config`, `config`, or `default`.
    pub source: String,
    /// Whether the system config locks it.
    pub locked: bool,
}

/// All settings and the files that they came from.
#[derive(Serialize, Debug)]
pub struct Report {
    /// The person's config file, whether it is there or not.
    pub file: Option<PathBuf>,
    /// The config files that count, the stronger first.
    pub files: Vec<PathBuf>,
    /// The settings.
    pub settings: Vec<Shown>,
}

/// Every setting.
///
/// # Errors
/// As [`Settings::load`].
pub fn shown(global: &Global, env: &Env) -> Result<Report> {
    let settings = Settings::load(global, env)?;
    let files = Files::read(env)?;
    let locks = Locks::of(&files, global, env)?;
    let (global, env_left) = locks.hide(global, env);
    let says = |layer: &Option<super::file::Layer>, name| layer.as_ref().is_some_and(|layer| layer.said.contains_key(name));
    let all = KEYS.iter().map(|key| {
        let flag = key.said_by_flag(&global).map(|(flag, _)| flag);
        let locked = locks.hold(key);
        let source = match flag.or_else(|| key.said_by_variable(&env_left).map(|(variable, _)| variable)) {
            Some(said_by) => said_by,
            // Of these the two files together decide.
            None if matches!(key.name, "approval" | "ask_before")
                && !locked
                && says(&files.system, key.name)
                && says(&files.user, key.name) =>
            {
                "system config, config"
            }
            None if says(&files.system, key.name) => "system config",
            None if says(&files.user, key.name) && !locked => "config",
            None => "default",
        };
        let value = printable(&value_of(&settings, key.name), false);
        Shown { name: key.name, value, source: source.to_owned(), locked }
    });
    Ok(Report { settings: all.collect(), file: config_file(env)?, files: settings.config_files })
}

fn value_of(settings: &Settings, name: &str) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let path = |path: &std::path::Path| path.to_string_lossy().into_owned();
    match name {
        "mode" => format!("{:04o}", settings.file_mode),
        "group" => settings.file_group.map(|group| group.to_string()).unwrap_or_default(),
        "address" => settings.address.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()).unwrap_or_default(),
        "namespace" => text(&settings.namespace),
        "insecure_http" => settings.insecure_http.to_string(),
        "proxy" => match &settings.proxy {
            Proxy::Environment => String::new(), // it may hold a password
            Proxy::None => "none".to_owned(),
            Proxy::Through(url) => url.origin().ascii_serialization(),
        },
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
        "security_mode" => settings.mode.word().to_owned(),
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
