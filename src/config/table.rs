//! The table of settings, in the order in which `config` shows them. Each row defines the key in
//! the config files, the variables, the lock, the field of `Settings` and the output of `config`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::setting::{InContext, Same, Setting, setting};
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
        |to, said| put(&mut to.address, said.text().map(parse_address).transpose()?),
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
    .same(Same::Address)
    .lockable()
    .in_context(InContext::WithAddress),
    setting::<String>(
        "namespace",
        |to, said| {
            put(
                &mut to.namespace,
                said.text()
                    .map(|path| checked_path(path, "namespace"))
                    .transpose()?,
            )
        },
        |of| text(&of.namespace),
    )
    .variables(&["VAULT_NAMESPACE", "BAO_NAMESPACE"])
    .same(Same::Path)
    .lockable()
    .in_context(InContext::WithAddress),
    setting::<PathBuf>(
        "ca_cert",
        |to, said| put(&mut to.tls.ca_file, said.path()),
        |of| path(&of.tls.ca_file),
    )
    .variables(&["VAULT_CACERT", "BAO_CACERT"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "ca_path",
        |to, said| put(&mut to.tls.ca_folder, said.path()),
        |of| path(&of.tls.ca_folder),
    )
    .variables(&["VAULT_CAPATH", "BAO_CAPATH"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "client_cert",
        |to, said| put(&mut to.tls.client_certificate, said.path()),
        |of| path(&of.tls.client_certificate),
    )
    .variables(&["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"])
    .locked_as_tls(),
    setting::<PathBuf>(
        "client_key",
        |to, said| put(&mut to.tls.client_key, said.path()),
        |of| path(&of.tls.client_key),
    )
    .variables(&["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"])
    .locked_as_tls(),
    setting::<String>(
        "tls_server_name",
        |to, said| put(&mut to.tls.server_name, said.owned()),
        |of| text(&of.tls.server_name),
    )
    .variables(&["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"])
    .locked_as_tls(),
    setting::<bool>(
        "skip_verify",
        |to, said| put(&mut to.tls.skip_verify, said.is_true()),
        |of| of.tls.skip_verify.to_string(),
    )
    .variables(&["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"])
    .same(Same::Truth)
    .not_in_a_file()
    .locked_as_tls(),
    setting::<Vec<String>>(
        "trusted_hosts",
        |to, said| {
            to.trusted_hosts = said.of_files()?.into_iter().next().unwrap_or_default();
            to.trusted_hosts.extend(
                said.word()
                    .into_iter()
                    .flat_map(|(_, hosts)| list(hosts))
                    .map(str::to_owned),
            );
            Ok(())
        },
        |of| of.trusted_hosts.join(", "),
    )
    .variables(&["CLAUDE_VAULT_TRUSTED_HOSTS"])
    .same(Same::List)
    .lockable(),
    setting::<String>(
        "proxy",
        |to, said| {
            to.proxy = match (said.word(), said.text()) {
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
        |to, said| put(&mut to.insecure_http, said.is_true()),
        |of| of.insecure_http.to_string(),
    )
    .flag("--insecure-http", |global| {
        global.insecure_http.then(|| "true".into())
    })
    .same(Same::Truth)
    .lockable(),
    setting::<String>(
        "mount",
        |to, said| {
            put_some(
                &mut to.mount,
                said.text()
                    .map(|path| checked_path(path, "mount"))
                    .transpose()?,
            )
        },
        |of| of.mount.clone(),
    )
    .flag("--mount", |global| global.mount.clone().map(OsString::from))
    .variables(&["CLAUDE_VAULT_MOUNT"])
    .same(Same::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<String>(
        "prefix",
        |to, said| {
            match said.text() {
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
    .same(Same::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<PathBuf>(
        "root",
        |to, said| put(&mut to.root, said.path().unwrap_or_default()),
        |of| of.root.to_string_lossy().into_owned(),
    )
    .flag("--root", |global| global.root.clone().map(OsString::from))
    .variables(&["CLAUDE_VAULT_ROOT"]),
    setting::<PathBuf>(
        "audit_log",
        |to, said| put(&mut to.audit_log, said.path().unwrap_or_default()),
        |of| of.audit_log.to_string_lossy().into_owned(),
    )
    .variables(&["CLAUDE_VAULT_AUDIT_LOG"])
    .lockable(),
    setting::<Method>(
        "method",
        |to, said| put_some(&mut to.method, said.text().map(str::parse).transpose()?),
        |of| of.method.word().to_owned(),
    )
    .variables(&["CLAUDE_VAULT_METHOD"])
    .in_context(InContext::Yes),
    // No variable can set the issuer or the client ID: see `ProviderSettings::trusts`.
    setting::<String>(
        "issuer",
        |to, said| put(&mut to.provider.issuer, said.owned()),
        |of| text(&of.provider.issuer),
    )
    .in_context(InContext::Yes),
    setting::<String>(
        "client_id",
        |to, said| put(&mut to.provider.client_id, said.owned()),
        |of| text(&of.provider.client_id),
    )
    .in_context(InContext::Yes),
    setting::<Vec<String>>(
        "scopes",
        |to, said| {
            put(
                &mut to.provider.scopes,
                said.of_files()?.into_iter().next().unwrap_or_default(),
            )
        },
        |of| of.provider.scopes.join(", "),
    )
    .in_context(InContext::Yes),
    setting::<String>(
        "role",
        |to, said| put(&mut to.role, said.owned()),
        |of| text(&of.role),
    )
    .variables(&["CLAUDE_VAULT_ROLE"])
    .lockable()
    .in_context(InContext::Yes),
    setting::<String>(
        "auth_mount",
        |to, said| {
            put(
                &mut to.auth_mount,
                said.text()
                    .map(|path| checked_path(path, "auth mount"))
                    .transpose()?,
            )
        },
        |of| text(&of.auth_mount),
    )
    .variables(&["CLAUDE_VAULT_AUTH_MOUNT"])
    .same(Same::Path)
    .lockable()
    .in_context(InContext::Yes),
    setting::<u16>(
        "port",
        |to, said| put_some(&mut to.port, said.number()?),
        |of| of.port.to_string(),
    )
    .variables(&["CLAUDE_VAULT_PORT"]),
    setting::<String>(
        "browser",
        |to, said| put(&mut to.browser, said.owned()),
        |of| text(&of.browser),
    )
    .variables(&["CLAUDE_VAULT_BROWSER", "BROWSER"])
    .lockable(),
    setting::<u64>(
        "max_token_ttl",
        |to, said| {
            put_some(
                &mut to.max_token_ttl,
                said.number::<u64>()?.map(|seconds| seconds.max(1)),
            )
        },
        |of| of.max_token_ttl.to_string(),
    )
    .variables(&["VAULT_MAX_TOKEN_TTL"]),
    setting::<u64>(
        "max_session",
        |to, said| {
            put_some(
                &mut to.max_session,
                said.number::<u64>()?.map(|seconds| seconds.max(1)),
            )
        },
        |of| of.max_session.to_string(),
    )
    .variables(&["VAULT_MAX_SESSION"]),
    setting::<String>(
        "security_mode",
        |to, said| {
            if let Some(word) = said.files().next().and_then(toml::Value::as_str) {
                to.mode = word.parse()?;
            }
            to.mode = to.mode.with_variable(said.word().map(|(_, word)| word))?;
            Ok(())
        },
        |of| of.mode.word().to_owned(),
    )
    .variables(&["VAULT_SECURITY_MODE"])
    .lockable(),
    setting::<Vec<String>>(
        "plain_keys",
        |to, said| {
            put(
                &mut to.plain_keys,
                said.of_files()?.into_iter().next().unwrap_or_default(),
            )
        },
        |of| of.plain_keys.join(", "),
    )
    .lockable(),
    setting::<Strength>(
        "approval",
        |to, said| put(&mut to.approval, said.of_files()?.into_iter().max()),
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
        |to, said| put(&mut to.write_role, said.owned()),
        |of| text(&of.write_role),
    )
    .lockable()
    .in_context(InContext::BelowSystem),
    setting::<Vec<AskBefore>>(
        "ask_before",
        |to, said| {
            for asked in said.of_files::<Vec<AskBefore>>()?.into_iter().flatten() {
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
        |to, said| {
            if let Some(mode) = said.of_files::<FileMode>()?.into_iter().next() {
                to.file_mode = mode.bits()?;
            }
            Ok(())
        },
        |of| format!("{:04o}", of.file_mode),
    ),
    setting::<String>(
        "group",
        |to, said| put(&mut to.file_group, said.text().map(group).transpose()?),
        |of| {
            of.file_group
                .map(|group| group.to_string())
                .unwrap_or_default()
        },
    ),
    setting::<String>(
        "client_timeout",
        |to, said| put_some(&mut to.timeout, said.text().map(seconds).transpose()?),
        |of| format!("{:?}", of.timeout),
    )
    .variables(&["VAULT_CLIENT_TIMEOUT", "BAO_CLIENT_TIMEOUT"])
    .not_in_a_file(),
    setting::<u32>(
        "max_retries",
        |to, said| put_some(&mut to.max_retries, said.number()?),
        |of| of.max_retries.to_string(),
    )
    .variables(&["VAULT_MAX_RETRIES", "BAO_MAX_RETRIES"])
    .not_in_a_file(),
    setting::<u64>(
        "handle_life",
        |to, said| put_some(&mut to.handle_life, said.number()?.map(Duration::from_secs)),
        |of| of.handle_life.as_secs().to_string(),
    )
    .variables(&["VAULT_TOKEN_SESSION_TTL"])
    .not_in_a_file(),
    setting::<u64>(
        "approval_wait",
        |to, said| {
            put_some(
                &mut to.approval_wait,
                said.number()?.map(Duration::from_secs),
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
