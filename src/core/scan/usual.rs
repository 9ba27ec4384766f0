//! The usual file of a service, and the coarse verdict that examples are made with.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::names::{Service, printable};

/// Whether a file of this name is a compose file, and no `.env`.
#[must_use]
pub fn is_compose(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// What a compose file is called.
pub(crate) const COMPOSE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The file and its text: the one named, or the first of `names` in the service's folder.
pub(in crate::core) fn read(
    core: &Core,
    service: Option<&Service>,
    file: Option<&Path>,
    names: &[&str],
) -> Result<(PathBuf, zeroize::Zeroizing<String>)> {
    let root = Root::open(&core.settings.root)?;
    let folder = Path::new(service.map_or("", Service::as_str));
    let candidates: Vec<PathBuf> = match file {
        Some(file) => vec![root.relative(file)?],
        None => names.iter().map(|name| folder.join(name)).collect(),
    };
    for file in candidates {
        let Some(content) = root.read(&file)? else { continue };
        let text = std::str::from_utf8(&content.bytes)
            .map_err(|_| Error::Confined { path: file.clone(), reason: "it is not UTF-8 text" })?;
        return Ok((file, zeroize::Zeroizing::new(text.to_owned())));
    }
    let what = match file {
        Some(file) => format!("the file {}", printable(&file.to_string_lossy(), false)),
        None => format!("a file {} in {}", names.join(" or "), printable(&folder.to_string_lossy(), false)),
    };
    Err(Error::NotFound { what, hint: "name it: paths start at the project's root".into() })
}

/// What a value looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Nothing.
    Empty,
    /// A password, by its key.
    Password,
    /// A token, an API key or the like, by its key or its form.
    Token,
    /// A private key or a certificate.
    Key,
    /// A URL or connection string with a password in it.
    UrlWithPassword,
    /// Comes from another variable.
    Reference,
    /// A number or a truth value.
    Plain,
    /// A path, a host, a URL without a password, a time zone.
    Place,
    /// Text of which nothing is known.
    Text,
}

/// What a value looks like, whether it is a secret, and why.
#[must_use]
pub fn judge(key: &str, value: &str) -> (Kind, bool, &'static str) {
    const PASSWORDS: [&str; 4] = ["PASS", "PWD", "SECRET", "CREDENTIAL"];
    const TOKENS: [&str; 13] =
        ["TOKEN", "KEY", "SALT", "AUTH", "JWT", "COOKIE", "WEBHOOK", "DSN", "SIGNATURE", "BEARER", "PRIVATE", "LICENSE", "PIN"];
    const FORMS: [&str; 9] = ["ghp_", "github_pat_", "glpat-", "sk-", "xoxb-", "xoxp-", "AKIA", "eyJ", "hvs."];
    let name = key.to_ascii_uppercase();
    let named = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let value = value.trim();
    if value.is_empty() {
        return (Kind::Empty, named(&PASSWORDS) || named(&TOKENS), "it is empty");
    }
    if value.contains("-----BEGIN") {
        return (Kind::Key, true, "it is a key or certificate");
    }
    if has_password(value) {
        return (Kind::UrlWithPassword, true, "it is an address with a password in it");
    }
    if is_reference(value) {
        return (Kind::Reference, false, "it comes from another variable");
    }
    if named(&PASSWORDS) {
        return (Kind::Password, true, "its name says so");
    }
    if FORMS.iter().any(|form| value.starts_with(form)) {
        return (Kind::Token, true, "it has the form of a token");
    }
    if value.bytes().all(|b| b.is_ascii_digit()) && value.len() <= 6 && !name.contains("PIN")
        || matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off")
    {
        return (Kind::Plain, false, "it is a number or a truth value");
    }
    if named(&TOKENS) {
        return (Kind::Token, true, "its name says so");
    }
    if is_place(&name, value) {
        return (Kind::Place, false, "it is a path, an address or a time zone without a password");
    }
    (Kind::Text, true, "nothing says that it is none")
}

/// `scheme://user:password@host`, wherever it stands.
pub(in crate::core) fn has_password(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.split_once(':').is_some_and(|(_, password)| !password.is_empty()))
    })
}

/// `$NAME` or `${NAME}` alone: a default (`${NAME:-x}`) may be a secret itself.
fn is_reference(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).or_else(|| value.strip_prefix('$'));
    name.is_some_and(crate::names::is_variable)
}

fn is_place(name: &str, value: &str) -> bool {
    const NAMES: [&str; 12] =
        ["HOST", "PORT", "PATH", "DIR", "FILE", "LOCATION", "TZ", "TIMEZONE", "DOMAIN", "VERSION", "LOG_LEVEL", "LANG"];
    let plain = value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':'));
    let by_name = NAMES.iter().any(|word| name == *word || name.ends_with(&format!("_{word}"))) && value.len() <= 80;
    let is_url = value.starts_with("http://") || value.starts_with("https://");
    plain && (by_name || value.starts_with('/') || value.starts_with("./") || is_url && value.len() <= 100)
}
