//! The comment at the top of an injected file: the command that writes it again, and which keys
//! came from Vault.

use std::collections::BTreeSet;
use std::fmt::Write;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::config::Settings;
use crate::format::edit::skip_header;
use crate::names::{Service, printable};

/// The start of the first line of every file that this program writes.
pub(in crate::core) const HEADER_START: &str = "# Written by claude-vault from Vault (";

const AGAIN: &str = "# Make it again: claude-vault inject ";
const WARNING: &str = "# It holds secrets: do not commit it.";
/// The start of the line above a list of a service's keys. The service's path and the mark of its
/// Vault follow in that line.
const KEYS: &str = "# From Vault, ";
const GOES_ON: &str = "#   ";
const END: &str = "#";
/// The maximum width of a line with keys, in characters.
const WIDTH: usize = 100;
/// The length of a Vault's mark: the first hexadecimal digits of the digest.
const MARK_LENGTH: usize = 8;

/// Where a service's values come from.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::core) struct HeaderOrigin {
    /// The service.
    pub(in crate::core) service: Service,
    /// `MOUNT/PREFIX/SERVICE`.
    pub(in crate::core) path: String,
    /// The mark of a Vault: a short digest of its address and namespace.
    pub(in crate::core) vault: String,
}

impl HeaderOrigin {
    /// The origin of a service under these settings.
    pub(in crate::core) fn of(settings: &Settings, service: &Service) -> Self {
        let address = settings
            .address
            .as_ref()
            .map(|address| address.as_str().trim_end_matches('/'))
            .unwrap_or_default();
        let namespace = settings.namespace.as_deref().unwrap_or_default();
        let digest = Sha256::digest(format!("{address}\n{namespace}"));
        let mut vault = crate::random::hex(&digest);
        vault.truncate(MARK_LENGTH);
        Self {
            service: service.clone(),
            path: settings.display_path(service),
            vault,
        }
    }

    /// The path and the mark of the Vault, as one string.
    pub(in crate::core) fn mark(&self) -> String {
        format!("{} {}", self.path, self.vault)
    }

    fn line(&self) -> String {
        format!("{KEYS}{} ({}):", encoded(&self.path, true), self.vault)
    }
}

/// The content of the header of a written file.
pub(in crate::core) struct HeaderInfo<'a> {
    /// Where the values come from.
    pub(in crate::core) origin: &'a HeaderOrigin,
    /// The name of the template beside the file, if there is one.
    pub(in crate::core) template: Option<String>,
    /// The command that writes the file again.
    pub(in crate::core) command: String,
    /// The keys in the file that come from Vault.
    pub(in crate::core) keys: Vec<&'a str>,
}

impl HeaderInfo<'_> {
    /// The lines of the header. Keeps the key lists of other services in `old`.
    pub(in crate::core) fn lines(&self, old: &str) -> Vec<String> {
        let template = self
            .template
            .as_deref()
            .map(|name| format!(" and {}", printable(name, false)))
            .unwrap_or_default();
        let mut lines = vec![
            format!("{HEADER_START}{}){template}.", self.origin.service),
            format!("# Make it again: {}", self.command),
        ];
        let own = self.origin.line();
        let others = lists(old).into_iter().filter(|list| list.line != own);
        lines.extend(
            others.flat_map(|list| list_lines(list.line, list.keys.iter().map(String::as_str))),
        );
        if !self.keys.is_empty() {
            lines.extend(list_lines(&own, self.keys.iter().copied()));
        }
        lines.extend([WARNING, END].map(str::to_owned));
        lines
    }
}

/// Puts a header above a text, in place of an older header.
pub(in crate::core) fn with_header(text: &str, making: &HeaderInfo<'_>) -> Zeroizing<String> {
    let (mark, start) = skip_header(text, length);
    let end = if text
        .split_once('\n')
        .is_some_and(|(first, _)| first.ends_with('\r'))
    {
        "\r\n"
    } else {
        "\n"
    };
    let lines: String = making
        .lines(text)
        .iter()
        .flat_map(|line| [line.as_str(), end])
        .collect();
    Zeroizing::new([mark, &lines, &text[start..]].concat())
}

/// The header of a file made from a model's template, whose values come from more than one origin.
pub(in crate::core) fn of_template(service: &Service) -> Vec<String> {
    vec![
        format!("{HEADER_START}{service}) and a template."),
        WARNING.to_owned(),
        END.to_owned(),
    ]
}

/// The service that the first line of a written file names.
pub(in crate::core) fn owner(text: &str) -> Option<&str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.strip_prefix(HEADER_START)?.split(')').next()
}

/// The keys that the file's header lists for this origin.
pub(in crate::core) fn keys_listed_for(
    text: &str,
    origin: &HeaderOrigin,
) -> Option<BTreeSet<String>> {
    let own = origin.line();
    lists(text)
        .into_iter()
        .find(|list| list.line == own)
        .map(|list| list.keys)
}

/// The length of the header at the start of a text, in bytes; 0 if there is none. A byte order mark
/// must already be stripped.
pub(in crate::core) fn length(text: &str) -> usize {
    let mut lines = text.split_inclusive('\n').peekable();
    let mut length = 0;
    let mut take = |fits: &dyn Fn(&str) -> bool| {
        let taken = lines.next_if(|line| fits(line.trim_end()));
        length += taken.map_or(0, str::len);
        taken.is_some()
    };
    if !take(&|line| line.starts_with(HEADER_START)) {
        return 0;
    }
    take(&|line| line.starts_with(AGAIN));
    while take(&|line| line.starts_with(KEYS)) {
        while take(&is_key_line) {}
    }
    take(&|line| line == WARNING);
    take(&|line| line == END);
    length
}

/// A service's list of keys in a header.
struct List<'a> {
    line: &'a str,
    keys: BTreeSet<String>,
}

fn lists(text: &str) -> Vec<List<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lists: Vec<List<'_>> = Vec::new();
    for line in text[..length(text)].lines().map(str::trim_end) {
        if line.starts_with(KEYS) {
            lists.push(List {
                line,
                keys: BTreeSet::new(),
            });
        } else if let (Some(list), Some(keys)) = (lists.last_mut(), line.strip_prefix(GOES_ON)) {
            list.keys.extend(keys.split(", ").filter_map(decoded));
        }
    }
    lists
}

fn is_key_line(line: &str) -> bool {
    let is_key =
        |key: &str| !key.is_empty() && key.bytes().all(|byte| is_plain(byte) || byte == b'%');
    line.strip_prefix(GOES_ON)
        .is_some_and(|keys| keys.trim_end_matches(',').split(", ").all(is_key))
}

fn list_lines<'a>(line: &str, keys: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines = vec![line.to_owned()];
    let mut row = GOES_ON.to_owned();
    for key in keys.map(|key| encoded(key, false)) {
        if row.len() > GOES_ON.len() && row.len() + 2 + key.len() > WIDTH {
            lines.push(std::mem::replace(&mut row, GOES_ON.to_owned()));
        }
        if row.len() > GOES_ON.len() {
            row.push_str(", ");
        }
        row.push_str(&key);
    }
    lines.push(row);
    lines
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Encodes every byte outside `A-Z a-z 0-9 _ - .` as `%XX`, so that no reader of the file
/// interprets it.
fn encoded(name: &str, is_path: bool) -> String {
    name.bytes()
        .fold(String::with_capacity(name.len()), |mut out, byte| {
            match byte {
                b'/' if is_path => out.push('/'),
                byte if is_plain(byte) => out.push(char::from(byte)),
                // Writing to a String cannot fail.
                byte => drop(write!(out, "%{byte:02X}")),
            }
            out
        })
}

fn decoded(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.trim().as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => (
                u8::from_str_radix(std::str::from_utf8(&[*high, *low]).ok()?, 16).ok()?,
                after,
            ),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn origin(service: &str) -> HeaderOrigin {
        HeaderOrigin {
            service: service.parse().unwrap(),
            path: format!("secret/my services/{service}"),
            vault: "3f9a12cd".into(),
        }
    }

    fn text(origin: &HeaderOrigin, keys: &[&str], old: &str) -> String {
        let command = format!("claude-vault inject {}", origin.service);
        let making = HeaderInfo {
            origin,
            template: None,
            command,
            keys: keys.to_vec(),
        };
        making.lines(old).join("\n") + "\n"
    }

    #[test]
    fn a_header_lists_keys_by_service_and_vault() {
        let keys: Vec<String> = (0..40)
            .map(|number| format!("A_RATHER_LONG_NAME_{number}"))
            .collect();
        let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        keys.extend(["a, b", "two\nlines", "ключ", "100%", "tls.crt", "`id`"]);
        let (plex, other) = (origin("plex"), origin("other"));
        let header = text(&plex, &keys, "");
        assert!(
            header.is_ascii()
                && header
                    .lines()
                    .all(|line| line.starts_with('#') && line.len() <= WIDTH),
            "{header}"
        );
        let file = format!("\u{feff}{header}A=1\n");
        assert_eq!(
            keys_listed_for(&file, &plex).unwrap(),
            keys.iter().map(|key| (*key).to_owned()).collect()
        );
        assert!(keys_listed_for(&file, &other).is_none());
        let elsewhere = HeaderOrigin {
            vault: "00000000".into(),
            ..plex.clone()
        };
        assert!(keys_listed_for(&file, &elsewhere).is_none());
        let both = text(&other, &["B"], &file);
        assert!(
            keys_listed_for(&both, &plex).unwrap().contains("tls.crt")
                && keys_listed_for(&both, &other).unwrap().contains("B")
        );
        assert_eq!(length(&both), both.len());
    }

    #[test]
    fn a_new_header_replaces_the_older_one() {
        let origin = origin("plex");
        let making = |keys| HeaderInfo {
            origin: &origin,
            template: None,
            command: "claude-vault inject plex".into(),
            keys,
        };
        let once = with_header("\u{feff}A=1\r\n", &making(vec!["A"]));
        assert!(
            once.starts_with("\u{feff}# Written by") && once.ends_with("#\r\nA=1\r\n"),
            "{:?}",
            once.as_str()
        );
        let twice = with_header(&once, &making(vec!["B"]));
        assert_eq!(twice.matches("# Written by").count(), 1);
        assert!(
            keys_listed_for(&twice, &origin).unwrap().contains("B")
                && twice.ends_with("#\r\nA=1\r\n")
        );
    }

    #[test]
    fn a_header_ends_before_the_persons_own_lines() {
        let header = text(&origin("plex"), &["A", "B"], "");
        for below in [
            "A=1\n",
            "# mine\nA=1\n",
            "#   my own words, here\n",
            "\n#\n",
            "",
        ] {
            assert_eq!(
                length(&format!("{header}{below}")),
                header.len(),
                "{below:?}"
            );
        }
        let older = "# Written by claude-vault from Vault (plex) and .env.example.\n# Make it \
            again: claude-vault inject plex\n# It holds secrets: do not commit it.\n#\n";
        assert_eq!(length(&format!("{older}A=1\n")), older.len());
        assert_eq!(length("# my own file\n#\nA=1\n"), 0);
        let without_end = header.split_once("# It holds").unwrap().0;
        assert_eq!(
            length(&format!("{without_end}#   my own words: here\nA=1\n")),
            without_end.len()
        );
        assert_eq!(
            length(&header.replace('\n', "\r\n")),
            header.replace('\n', "\r\n").len()
        );
    }
}
