//! `scan`: what lies in `.env` and compose files, and which of it looks like a secret, for a person.
//! When unsure, it is a secret. What a model learns of a file is in [`super::entries`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::Core;
use super::inject::reader_beside;
use crate::audit::Action;
use crate::error::{Error, Result};
use crate::files::Root;
use crate::format::compose;
use crate::format::dotenv::{self, Dialect};
use crate::names::{Service, printable};

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

/// A key with a value in a file, as a person is told about it.
#[derive(Serialize)]
pub struct Found {
    /// The key.
    pub key: String,
    /// From 1.
    pub line: u64,
    /// What the value looks like.
    pub kind: Kind,
    /// Whether it is to be kept in Vault.
    pub secret: bool,
    /// Why.
    pub why: &'static str,
}

/// A `.env` file.
#[derive(Serialize)]
pub struct EnvFile {
    /// The service whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The file, below the root.
    pub file: PathBuf,
    /// Its keys.
    pub keys: Vec<Found>,
    /// Lines that are no entry.
    pub unread_lines: Vec<usize>,
}

/// An entry of a compose file's `secrets` section.
#[derive(Serialize)]
pub struct SecretFile {
    /// Its name.
    pub name: String,
    /// The file that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A compose file.
#[derive(Serialize)]
pub struct ComposeFile {
    /// The service whose file it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Service>,
    /// The file, below the root.
    pub file: PathBuf,
    /// Its services.
    pub services: Vec<ComposeService>,
    /// Its secrets, and the file that each comes from.
    pub secrets: Vec<SecretFile>,
}

/// A service of a compose file.
#[derive(Serialize)]
pub struct ComposeService {
    /// Its name there.
    pub name: String,
    /// Its variables with a value in the file.
    pub keys: Vec<Found>,
    /// Files that its other variables come from: scan them too.
    pub env_files: Vec<String>,
}

/// Whether a file of this name is a compose file, and no `.env`.
#[must_use]
pub fn is_compose(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// The `.env` and compose files in the root and in its folders, below the root.
///
/// # Errors
/// [`Error::Io`].
pub fn usual_files(core: &Core) -> Result<Vec<PathBuf>> {
    let root = Root::open(&core.settings.root)?;
    let folders = root.names(Path::new("")).into_iter().map(PathBuf::from).filter(|name| root.has_folder(name));
    let mut files = Vec::new();
    for folder in std::iter::once(PathBuf::new()).chain(folders) {
        let names = std::iter::once(".env").chain(COMPOSE_NAMES).map(|name| folder.join(name));
        // What is a link or a pipe is not looked into.
        files.extend(names.filter(|file| root.has(file).unwrap_or(false)));
    }
    Ok(files)
}

/// Scans a service's `.env`, or another file below the root.
///
/// # Errors
/// [`Error::NotFound`] without the file, [`Error::Confined`] for one outside the root.
pub async fn env(core: &Core, service: Option<&Service>, file: Option<&Path>) -> Result<EnvFile> {
    let outcome = (|| {
        let (file, text) = read(core, service, file, &[".env"])?;
        // As its own program reads it, where that is known.
        let reader = reader_beside(core, &file);
        let taken: Option<BTreeMap<String, _>> =
            reader.and_then(|reader| dotenv::read_as(reader, &text)).map(|taken| taken.into_iter().collect());
        let document = dotenv::parse(&text, reader.unwrap_or(Dialect::Portable));
        let (mut keys, mut unread) = (Vec::new(), std::collections::BTreeSet::from_iter(document.unread));
        let (mut line, mut counted) = (1, 0);
        for entry in &document.entries {
            line += text[counted..entry.start].matches('\n').count();
            counted = entry.start;
            let raw = &text[entry.value.clone()];
            // The end of a key's base64, below lines of it that stand there without quotes: its
            // text must not pass for a name.
            if unread.contains(&(line - 1)) && raw.trim_matches('=').is_empty() {
                unread.insert(line);
                continue;
            }
            let number = line as u64;
            keys.push(match taken.as_ref().and_then(|taken| taken.get(&entry.key)) {
                Some(Some(value)) => found(&entry.key, number, value),
                Some(None) => depends(&entry.key, number),
                None => found(&entry.key, number, &dotenv::unquote(raw)),
            });
        }
        Ok(EnvFile { service: service.cloned(), file, keys, unread_lines: unread.into_iter().collect() })
    })();
    let reply = core.audited(Action::Scan, service, outcome, |reply: &EnvFile| {
        format!("{} with {} keys", reply.file.display(), reply.keys.len())
    });
    Ok(reply.await?.0)
}

/// What a compose file is called.
pub(crate) const COMPOSE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// Scans a service's compose file, or another one below the root.
///
/// # Errors
/// As [`env`], and [`Error::Invalid`] for what is no compose file.
pub async fn compose(core: &Core, service: Option<&Service>, file: Option<&Path>) -> Result<ComposeFile> {
    let outcome = (|| {
        let (file, text) = read(core, service, file, &COMPOSE_NAMES)?;
        let refuse = |why| Error::Confined { path: file.clone(), reason: why };
        let compose = compose::parse(&text).map_err(refuse)?;
        let services = compose.services.into_iter().map(|(name, service)| {
            let keys = service
                .environment
                .iter()
                .filter_map(|variable| variable.value.as_ref().map(|value| found(&variable.name, variable.line, value)));
            ComposeService {
                name: printable(&name, false),
                keys: keys.collect(),
                env_files: service.env_files.iter().map(|file| printable(file, false)).collect(),
            }
        });
        let services = services.collect();
        let secrets =
            compose.secrets.into_iter().map(|(name, file)| SecretFile { name: printable(&name, false), file }).collect();
        Ok(ComposeFile { service: service.cloned(), file, services, secrets })
    })();
    let reply = core.audited(Action::Scan, service, outcome, |reply: &ComposeFile| reply.file.display().to_string());
    Ok(reply.await?.0)
}

/// The file and its text: the one named, or the first of `names` in the service's folder.
pub(super) fn read(
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

fn found(key: &str, line: u64, value: &str) -> Found {
    let (kind, secret, why) = judge(key, value);
    Found { key: printable(key, false), line, kind, secret, why }
}

/// A value that is put together from others, which may hold a secret all the same.
fn depends(key: &str, line: u64) -> Found {
    let why = "its program puts it together from other variables";
    Found { key: printable(key, false), line, kind: Kind::Reference, secret: true, why }
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
pub(super) fn has_password(value: &str) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_unsure_it_is_a_secret() {
        let secrets = [
            ("DB_PASSWORD", "x"),
            ("API_KEY", "abc"),
            ("FOO", "hello"),
            ("URL", "postgres://u:p@h/db"),
            ("X", "${A:-hunter2}"),
            ("CERT", "-----BEGIN CERTIFICATE-----"),
            ("THING", "ghp_abcdef"),
            ("ALARM_PIN", "1234"),
            ("SMTP_PASS", "true"),
            ("CALLBACK", "https://example.org/hook?token=abc"),
            ("HOST", "a b"),
            ("USER", "admin"),
        ];
        for (key, value) in secrets {
            assert!(judge(key, value).1, "{key}={value}");
        }
        let others = [
            ("PORT", "5432"),
            ("DEBUG", "true"),
            ("DB_HOST", "db.lan"),
            ("TZ", "Europe/Berlin"),
            ("UPLOAD_LOCATION", "/srv/x"),
            ("URL", "https://example.org"),
            ("A", "${DB_PASSWORD}"),
            ("EMPTY", ""),
            ("APP_VERSION", "v1.2"),
        ];
        for (key, value) in others {
            assert!(!judge(key, value).1, "{key}={value}");
        }
    }
}
