//! Recognises places: paths, addresses, hosts and file names.

use super::random::has_mixture;
use crate::names::is_public_name;

/// A path in a common root folder, or with a file extension. Other paths may be passwords that
/// begin with a slash.
pub(super) fn is_usual_path(text: &str) -> bool {
    const ROOTS: [&str; 22] = [
        "app", "boot", "certs", "config", "conf", "data", "dev", "etc", "home", "media", "mnt",
        "opt", "private", "proc", "root", "run", "secrets", "share", "srv", "tmp", "usr", "var",
    ];
    if !is_path(text) {
        return false;
    }
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let has_ending = last
        .rsplit_once('.')
        .is_some_and(|(stem, ending)| !stem.is_empty() && (2..=6).contains(&ending.len()));
    let is_below = |start: &str| {
        text.strip_prefix(start)
            .is_some_and(|rest| rest.contains('/'))
    };
    let is_rooted = text
        .strip_prefix('/')
        .and_then(|rest| rest.split('/').next())
        .is_some_and(|root| ROOTS.contains(&root));
    has_ending || is_rooted || ["./", "../", "~/"].iter().any(|start| is_below(start))
}

/// Whether the host of an address is a realistic host name, not just any word.
pub(super) fn has_full_host(text: &str) -> bool {
    let host = text
        .split_once("://")
        .map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    host.contains(['.', ':', '[', '$', '{']) || host == "localhost"
}

/// An absolute or relative path, as opposed to base64 that begins with a `/`.
pub(super) fn is_path(text: &str) -> bool {
    let is_rooted = text.starts_with(['/', '~'])
        || text.starts_with("./")
        || text.starts_with("../")
        || is_drive(text);
    if !is_rooted || text.contains(char::is_control) || text.ends_with('=') {
        return false;
    }
    if text.starts_with("./") || text.starts_with("../") || text.starts_with("~/") || is_drive(text)
    {
        return true;
    }
    text.split('/')
        .filter(|part| !part.is_empty())
        .all(|part| !is_random_part(part))
}

fn is_drive(text: &str) -> bool {
    matches!(
        text.as_bytes(),
        [b'A'..=b'Z' | b'a'..=b'z', b':', b'\\' | b'/', ..]
    ) && !text[2..].starts_with("//")
}

/// A part of a path that is too random to be the name of a folder.
fn is_random_part(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part);
    stem.len() >= 12 && !is_public_name(stem) && has_mixture(stem)
}

pub(super) fn is_url(text: &str) -> bool {
    let scheme = text.split("://").next().unwrap_or_default();
    scheme.len() < text.len()
        && !scheme.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b':'))
        && !text.contains(char::is_whitespace)
}

/// Whether a text is a host, a list of hosts, or an e-mail address: `db.lan`, `10.0.0.1:53`,
/// `host:8080`, `a.lan,b.lan`.
pub(super) fn is_host(text: &str) -> bool {
    text.split([',', ' ']).all(|one| {
        let (host, port) = one.rsplit_once(':').unwrap_or((one, ""));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let host = host.split('/').next().unwrap_or(host);
        let labels: Vec<&str> = host.trim_matches('.').split('.').collect();
        let has_shape = labels.len() >= 2 || !port.is_empty() && one.contains(':');
        let fits = |label: &&str| {
            !label.is_empty()
                && label.len() <= 30
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'*'))
        };
        let ends_well = labels.last().is_some_and(|last| {
            last.len() <= 12
                && (last.bytes().all(|b| b.is_ascii_digit())
                    || !last
                        .bytes()
                        .any(|b| b.is_ascii_digit() || b.is_ascii_uppercase()))
        });
        has_shape
            && port.bytes().all(|b| b.is_ascii_digit())
            && labels.iter().all(fits)
            && (ends_well || !port.is_empty() && port.len() <= 5 && is_public_name(host))
            && labels
                .iter()
                .all(|label| label.len() < 12 || is_public_name(label))
    })
}

/// Whether a text has a known file extension, as `key.pem` or `token.txt`.
pub(super) fn is_file_name(text: &str) -> bool {
    let Some((stem, ending)) = text.rsplit_once('.') else {
        return false;
    };
    let known = [
        "pem", "key", "crt", "cer", "txt", "json", "yaml", "yml", "toml", "conf", "env", "pub",
        "p12", "pfx", "jks", "db", "sqlite", "log", "sock", "html", "js", "py", "sh", "cfg", "ini",
    ];
    known.contains(&ending) && !stem.contains(char::is_whitespace)
}
