//! The table of settings, in the order in which `config` shows them. Each row defines the key in
//! the config files, the variables, the lock, the field of `Settings` and the output of `config`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::setting::{Comparison, InContext, Setting, setting};
use super::values::{FileMode, checked_path, group, parse_address, parse_proxy, seconds};
use super::{AskBefore, Method, Proxy, Strength};
use crate::error::Result;

/// Variables that other programs read too. A locked setting ignores them. A variable of Vault or of
/// this program that contradicts a lock is an error instead.
pub(super) const SHARED: &[&str] = &[
    "BROWSER",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "HTTP_PROXY",
    "http_proxy",
];

/// Variables of the TLS library that replace the system's certificate authorities. They cannot be
/// hidden from the library. If `tls` is locked and the system config sets no authorities, they are
/// therefore an error.
pub(super) const SYSTEM_ROOTS: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Words that `locked` accepts although their settings do not exist yet: an administrator can write
/// a lock before the release that needs it.
const LATER: [&str; 1] = ["use_prefix"];

/// Every word that `locked` accepts.
pub(super) fn lock_words() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .filter_map(|setting| setting.lock)
        .chain(LATER)
}

/// The keys that are allowed in a config file.
pub(super) fn file_keys() -> impl Iterator<Item = &'static str> {
    SETTINGS
        .iter()
        .filter(|setting| setting.in_file)
        .map(|setting| setting.name)
}

/// Every setting.
pub(super) static SETTINGS: [Setting; 38] = [
    setting::<String>(
        "context",
        |_, _| Ok(()),
        |of| {
            of.context
                .as_ref()
                .map(|used| used.name.clone())
                .unwrap_or_default()
        },
    ) // `Sources` selects it
    .flag("--context", |global| {
        global.context.clone().map(OsString::from)
    })
    .variables(&["CLAUDE_VAULT_CONTEXT"]),
    setting::<toml::Table>(
        "contexts",
        |_, _| Ok(()),
        |of| of.context_names().collect::<Vec<_>>().join(", "),
    )
    .of_both_files()
    .lockable(),
    setting::<String>(
        "address",
        |to, values| {
            put(
                &mut to.address,
                values.text().map(parse_address).transpose()?,
            )
        },
        |of| {
            of.address
                .as_ref()
                .map(|url| url.as_str().trim_end_matches('/').to_owned())
                .unwrap_or_default()
        },
    )
    .flag("--address", |global| {
        global.address.clone().map(OsString::from)
    })
    .variables(&["CLAUDE_VAULT_DEV", "VAULT_ADDR", "BAO_ADDR"])
    .comparison(Comparison::Address)
    .lockable()
    .in_context(InContext::WithAddress),
    setting::<String>(
        "namespace",
        |to, values| {
            put(
                &mut to.namespace,
                values
                    .text()
                    .map(|path| checked_path(path, "namespace"))
                    .transpose()?,
            )
        },
        |of| text(&of.namespace),
    )
    .variables(&["VAULT_NAMESPACE", "BAO_NAMESPACE"])
    .comparison(Comparison::Path)
    .lockable()
    .in_context(InContext::WithAddress),
    setting::<PathBuf>(
        "ca_cert",
        |to, values| put(&mut to.tls.ca_file, values.path()),
        |of| path(&of.tls.ca_file),
    )
    .variables(&["VAULT_CACERT", "BAO_CACERT"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "ca_path",
        |to, values| put(&mut to.tls.ca_folder, values.path()),
        |of| path(&of.tls.ca_folder),
    )
    .variables(&["VAULT_CAPATH", "BAO_CAPATH"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "client_cert",
        |to, values| put(&mut to.tls.client_certificate, values.path()),
        |of| path(&of.tls.client_certificate),
    )
    .variables(&["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "client_key",
        |to, values| put(&mut to.tls.client_key, values.path()),
        |of| path(&of.tls.client_key),
    )
    .variables(&["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"])
    .locked_as_tls(),
    setting::<String>(
        "tls_server_name",
        |to, values| put(&mut to.tls.server_name, values.owned()),
        |of| text(&of.tls.server_name),
    )
    .variables(&["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"])
    .locked_as_tls(),
    setting::<bool>(
        "skip_verify",
        |to, values| put(&mut to.tls.skip_verify, values.is_true()),
        |of| of.tls.skip_verify.to_string(),
    )
    .variables(&["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"])
    .comparison(Comparison::Bool)
    .not_in_a_file()
    .locked_as_tls(),
    setting::<Vec<String>>(
        "trusted_hosts",
        |to, values| {
            to.trusted_hosts = values
                .parsed_file_values()?
                .into_iter()
                .next()
                .unwrap_or_default();
            to.trusted_hosts.extend(
                values
                    .strongest_word()
                    .into_iter()
                    .flat_map(|(_, hosts)| list(hosts))
                    .map(str::to_owned),
            );
            Ok(())
        },
        |of| of.trusted_hosts.join(", "),
    )
    .variables(&["CLAUDE_VAULT_TRUSTED_HOSTS"])
    .comparison(Comparison::List)
    .lockable(),
    setting::<String>(
        "proxy",
        |to, values| {
            to.proxy = match (values.strongest_word(), values.text()) {
                (None, Some(proxy)) => Proxy::Through(parse_proxy(proxy)?),
                (Some(_), _) | (None, None) => Proxy::Environment,
            };
            Ok(())
        },
        |of| match &of.proxy {
            Proxy::Environment => String::new(), // the variable may contain a password
            Proxy::None => "none".to_owned(),
            Proxy::Through(url) => url.origin().ascii_serialization(),
        },
    )
    .variables(&[
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "HTTP_PROXY",
        "http_proxy",
    ])
    .lockable()
    .in_context(InContext::Yes),
    setting::<bool>(
        "insecure_http",
        |to, values| put(&mut to.insecure_http, values.is_true()),
        |of| of.insecure_http.to_string(),
    )
    .flag("--insecure-http", |global| {
        global.insecure_http.then(|| "true".into())
    })
    .comparison(Comparison::Bool)
    .lockable(),
    setting::<String>(
        "mount",
        |to, values| {
            put_some(
                &mut to.mount,
                values
                    .text()
                    .map(|path| checked_path(path, "mount"))
                    .transpose()?,
            )
        },
        |of| of.mount.clone(),
    )
    .flag("--mount", |global| global.mount.clone().map(OsString::from))
    .variables(&["CLAUDE_VAULT_MOUNT"])
    .comparison(Comparison::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<String>(
        "prefix",
        |to, values| {
            match values.text() {
                Some("/" | "") => to.prefix = String::new(),
                Some(path) => to.prefix = checked_path(path, "prefix")?,
                None => {}
            }
            Ok(())
        },
        |of| of.prefix.clone(),
    )
    .flag("--path", |global| global.path.clone().map(OsString::from))
    .variables(&["CLAUDE_VAULT_PREFIX"])
    .comparison(Comparison::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<PathBuf>(
        "root",
        |to, values| put(&mut to.root, values.path().unwrap_or_default()),
        |of| of.root.to_string_lossy().into_owned(),
    )
    .flag("--root", |global| global.root.clone().map(OsString::from))
    .variables(&["CLAUDE_VAULT_ROOT"]),
    setting::<PathBuf>(
        "audit_log",
        |to, values| put(&mut to.audit_log, values.path().unwrap_or_default()),
        |of| of.audit_log.to_string_lossy().into_owned(),
    )
    .variables(&["CLAUDE_VAULT_AUDIT_LOG"])
    .lockable(),
    setting::<Method>(
        "method",
        |to, values| put_some(&mut to.method, values.text().map(str::parse).transpose()?),
        |of| of.method.word().to_owned(),
    )
    .variables(&["CLAUDE_VAULT_METHOD"])
    .in_context(InContext::Yes),
    // No variable can set the issuer or the client ID: see `ProviderSettings::trusts`.
    setting::<String>(
        "issuer",
        |to, values| put(&mut to.provider.issuer, values.owned()),
        |of| text(&of.provider.issuer),
    )
    .in_context(InContext::Yes),
    setting::<String>(
        "client_id",
        |to, values| put(&mut to.provider.client_id, values.owned()),
        |of| text(&of.provider.client_id),
    )
    .in_context(InContext::Yes),
    setting::<Vec<String>>(
        "scopes",
        |to, values| {
            put(
                &mut to.provider.scopes,
                values
                    .parsed_file_values()?
                    .into_iter()
                    .next()
                    .unwrap_or_default(),
            )
        },
        |of| of.provider.scopes.join(", "),
    )
    .in_context(InContext::Yes),
    setting::<String>(
        "role",
        |to, values| put(&mut to.role, values.owned()),
        |of| text(&of.role),
    )
    .variables(&["CLAUDE_VAULT_ROLE"])
    .lockable()
    .in_context(InContext::Yes),
    setting::<String>(
        "auth_mount",
        |to, values| {
            put(
                &mut to.auth_mount,
                values
                    .text()
                    .map(|path| checked_path(path, "auth mount"))
                    .transpose()?,
            )
        },
        |of| text(&of.auth_mount),
    )
    .variables(&["CLAUDE_VAULT_AUTH_MOUNT"])
    .comparison(Comparison::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<u16>(
        "port",
        |to, values| put_some(&mut to.port, values.number()?),
        |of| of.port.to_string(),
    )
    .variables(&["CLAUDE_VAULT_PORT"]),
    setting::<String>(
        "browser",
        |to, values| put(&mut to.browser, values.owned()),
        |of| text(&of.browser),
    )
    .variables(&["CLAUDE_VAULT_BROWSER", "BROWSER"])
    .lockable(),
    setting::<u64>(
        "max_token_ttl",
        |to, values| {
            put_some(
                &mut to.max_token_ttl,
                values.number::<u64>()?.map(|seconds| seconds.max(1)),
            )
        },
        |of| of.max_token_ttl.to_string(),
    )
    .variables(&["VAULT_MAX_TOKEN_TTL"]),
    setting::<u64>(
        "max_session",
        |to, values| {
            put_some(
                &mut to.max_session,
                values.number::<u64>()?.map(|seconds| seconds.max(1)),
            )
        },
        |of| of.max_session.to_string(),
    )
    .variables(&["VAULT_MAX_SESSION"]),
    setting::<String>(
        "security_mode",
        |to, values| {
            if let Some(word) = values.file_values().next().and_then(toml::Value::as_str) {
                to.mode = word.parse()?;
            }
            to.mode = to
                .mode
                .with_variable(values.strongest_word().map(|(_, word)| word))?;
            Ok(())
        },
        |of| of.mode.word().to_owned(),
    )
    .variables(&["VAULT_SECURITY_MODE"])
    .lockable(),
    setting::<Vec<String>>(
        "plain_keys",
        |to, values| {
            put(
                &mut to.plain_keys,
                values
                    .parsed_file_values()?
                    .into_iter()
                    .next()
                    .unwrap_or_default(),
            )
        },
        |of| of.plain_keys.join(", "),
    )
    .lockable(),
    setting::<Strength>(
        "approval",
        |to, values| {
            put(
                &mut to.approval,
                values.parsed_file_values()?.into_iter().max(),
            )
        },
        |of| {
            of.approval
                .map(|proof| proof.word().to_owned())
                .unwrap_or_default()
        },
    )
    .of_both_files()
    .lockable(),
    setting::<String>(
        "write_role",
        |to, values| put(&mut to.write_role, values.owned()),
        |of| text(&of.write_role),
    )
    .lockable()
    .in_context(InContext::BelowSystem),
    setting::<Vec<AskBefore>>(
        "ask_before",
        |to, values| {
            for asked in values
                .parsed_file_values::<Vec<AskBefore>>()?
                .into_iter()
                .flatten()
            {
                if !to.ask_before.contains(&asked) {
                    to.ask_before.push(asked);
                }
            }
            Ok(())
        },
        |of| {
            of.ask_before
                .iter()
                .map(|one| one.word())
                .collect::<Vec<_>>()
                .join(", ")
        },
    )
    .of_both_files()
    .lockable(),
    setting::<FileMode>(
        "mode",
        |to, values| {
            if let Some(mode) = values.parsed_file_values::<FileMode>()?.into_iter().next() {
                to.file_mode = mode.bits()?;
            }
            Ok(())
        },
        |of| format!("{:04o}", of.file_mode),
    ),
    setting::<String>(
        "group",
        |to, values| put(&mut to.file_group, values.text().map(group).transpose()?),
        |of| {
            of.file_group
                .map(|group| group.to_string())
                .unwrap_or_default()
        },
    ),
    setting::<String>(
        "client_timeout",
        |to, values| put_some(&mut to.timeout, values.text().map(seconds).transpose()?),
        |of| format!("{:?}", of.timeout),
    )
    .variables(&["VAULT_CLIENT_TIMEOUT", "BAO_CLIENT_TIMEOUT"])
    .not_in_a_file(),
    setting::<u32>(
        "max_retries",
        |to, values| put_some(&mut to.max_retries, values.number()?),
        |of| of.max_retries.to_string(),
    )
    .variables(&["VAULT_MAX_RETRIES", "BAO_MAX_RETRIES"])
    .not_in_a_file(),
    setting::<u64>(
        "handle_life",
        |to, values| {
            put_some(
                &mut to.handle_life,
                values.number()?.map(Duration::from_secs),
            )
        },
        |of| of.handle_life.as_secs().to_string(),
    )
    .variables(&["VAULT_TOKEN_SESSION_TTL"])
    .not_in_a_file(),
    setting::<u64>(
        "approval_wait",
        |to, values| {
            put_some(
                &mut to.approval_wait,
                values.number()?.map(Duration::from_secs),
            )
        },
        |of| of.approval_wait.as_secs().to_string(),
    )
    .variables(&["CLAUDE_VAULT_APPROVAL_WAIT"])
    .not_in_a_file(),
];

/// Replaces the default value.
fn put<T>(place: &mut T, value: T) -> Result<()> {
    *place = value;
    Ok(())
}

fn put_some<T>(place: &mut T, value: Option<T>) -> Result<()> {
    value.map_or(Ok(()), |value| put(place, value))
}

fn text(of: &Option<String>) -> String {
    of.clone().unwrap_or_default()
}

fn path(of: &Option<PathBuf>) -> String {
    of.as_deref()
        .map(Path::to_string_lossy)
        .unwrap_or_default()
        .into_owned()
}

/// The entries of a list in a variable, separated by commas or spaces.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|entry| !entry.is_empty())
}
