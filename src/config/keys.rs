//! The table of settings: where each can be said, and which word of `locked` fixes it.

use super::{Env, Global, lab};

/// A setting.
pub(super) struct Key {
    /// Its key in a config file, or a name of that kind where a variable alone says it.
    pub(super) name: &'static str,
    /// The option that says it too.
    flag: Option<&'static str>,
    /// The variables that say it too, the strongest first.
    pub(super) variables: &'static [&'static str],
    /// The word in `locked` that fixes it.
    pub(super) lock: Option<&'static str>,
    /// Whether a config file can say it.
    pub(super) in_file: bool,
}

const fn key(name: &'static str, variables: &'static [&'static str]) -> Key {
    Key { name, flag: None, variables, lock: None, in_file: true }
}

/// One that the system config can lock under its own name.
const fn lockable(name: &'static str, variables: &'static [&'static str]) -> Key {
    Key { lock: Some(name), ..key(name, variables) }
}

/// One that `locked = ["tls"]` fixes together with the others of TLS.
const fn tls(name: &'static str, variables: &'static [&'static str]) -> Key {
    Key { lock: Some("tls"), ..key(name, variables) }
}

impl Key {
    /// One that a variable alone says.
    const fn not_in_a_file(self) -> Self {
        Self { in_file: false, ..self }
    }

    const fn with_flag(self, flag: &'static str) -> Self {
        Self { flag: Some(flag), ..self }
    }
}

/// Variables that other programs read too. A locked setting ignores them; a variable of Vault's or of
/// this program that contradicts a lock is an error.
const SHARED: &[&str] = &["BROWSER", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];

/// Variables of the TLS library, which replace the system's certificate authorities. They cannot be hidden from
/// it: with a lock on TLS that names no authorities of its own they are an error.
pub(super) const SYSTEM_ROOTS: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Every setting, in the order in which `config` shows them.
pub(super) const KEYS: [Key; 35] = [
    lockable("address", &["CLAUDE_VAULT_DEV", "VAULT_ADDR", "BAO_ADDR"]).with_flag("--address"),
    lockable("namespace", &["VAULT_NAMESPACE", "BAO_NAMESPACE"]),
    tls("ca_cert", &["VAULT_CACERT", "BAO_CACERT"]),
    tls("ca_path", &["VAULT_CAPATH", "BAO_CAPATH"]),
    tls("client_cert", &["VAULT_CLIENT_CERT", "BAO_CLIENT_CERT"]),
    tls("client_key", &["VAULT_CLIENT_KEY", "BAO_CLIENT_KEY"]),
    tls("tls_server_name", &["VAULT_TLS_SERVER_NAME", "BAO_TLS_SERVER_NAME"]),
    tls("skip_verify", &["VAULT_SKIP_VERIFY", "BAO_SKIP_VERIFY"]).not_in_a_file(),
    lockable("trusted_hosts", &["CLAUDE_VAULT_TRUSTED_HOSTS"]),
    lockable("proxy", &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]),
    lockable("insecure_http", &[]).with_flag("--insecure-http"),
    lockable("mount", &["CLAUDE_VAULT_MOUNT"]).with_flag("--mount"),
    lockable("prefix", &["CLAUDE_VAULT_PREFIX"]).with_flag("--path"),
    key("root", &["CLAUDE_VAULT_ROOT"]).with_flag("--root"),
    lockable("audit_log", &["CLAUDE_VAULT_AUDIT_LOG"]),
    key("method", &["CLAUDE_VAULT_METHOD"]),
    key("issuer", &[]),
    key("client_id", &[]),
    key("scopes", &[]),
    lockable("role", &["CLAUDE_VAULT_ROLE"]),
    lockable("auth_mount", &["CLAUDE_VAULT_AUTH_MOUNT"]),
    key("port", &["CLAUDE_VAULT_PORT"]),
    lockable("browser", &["CLAUDE_VAULT_BROWSER", "BROWSER"]),
    key("max_token_ttl", &["VAULT_MAX_TOKEN_TTL"]),
    lockable("security_mode", &["VAULT_SECURITY_MODE"]),
    lockable("plain_keys", &[]),
    lockable("approval", &[]),
    lockable("write_role", &[]),
    lockable("ask_before", &[]),
    key("mode", &[]),
    key("group", &[]),
    key("client_timeout", &["VAULT_CLIENT_TIMEOUT", "BAO_CLIENT_TIMEOUT"]).not_in_a_file(),
    key("max_retries", &["VAULT_MAX_RETRIES", "BAO_MAX_RETRIES"]).not_in_a_file(),
    key("handle_life", &["VAULT_TOKEN_SESSION_TTL"]).not_in_a_file(),
    key("approval_wait", &["CLAUDE_VAULT_APPROVAL_WAIT"]).not_in_a_file(),
];

/// Words that `locked` takes although nothing says these settings yet: an administrator can write the
/// lock before the release that needs it.
const LATER: [&str; 2] = ["use_prefix", "contexts"];

/// Every word that `locked` takes.
pub(super) fn lock_words() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.lock).chain(LATER)
}

impl Key {
    /// What an option says, if it was given.
    pub(super) fn said_by_flag(&self, global: &Global) -> Option<(&'static str, String)> {
        let said = match self.name {
            "address" => global.address.clone(),
            "mount" => global.mount.clone(),
            "prefix" => global.path.clone(),
            "root" => global.root.as_ref().map(|root| root.to_string_lossy().into_owned()),
            "insecure_http" => global.insecure_http.then(|| "true".to_owned()),
            _ => None,
        };
        Some((self.flag?, said?))
    }

    /// The strongest variable that says it, and what it says.
    pub(super) fn said_by_variable(&self, env: &Env) -> Option<(&'static str, String)> {
        self.variables.iter().find_map(|variable| Some((*variable, said(env, variable)?)))
    }

    /// The variables that a lock holds against what it fixes: those that no other program reads.
    pub(super) fn own_variables<'a>(&self, env: &'a Env) -> impl Iterator<Item = (&'static str, String)> + use<'a> {
        let own = self.variables.iter().filter(|variable| !SHARED.contains(variable));
        own.filter_map(|variable| Some((*variable, said(env, variable)?)))
    }
}

fn said(env: &Env, variable: &str) -> Option<String> {
    match variable {
        "CLAUDE_VAULT_DEV" => lab::live(env).map(|lab| lab.address),
        variable => Some(env.path(variable)?.to_string_lossy().into_owned()),
    }
}

/// The word that is nearest to an unknown one, where one is near.
pub(super) fn nearest(unknown: &str, words: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let scored = words.map(|word| (strsim::jaro_winkler(unknown, word), word));
    scored.filter(|(score, _)| *score > 0.8).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, word)| word)
}
