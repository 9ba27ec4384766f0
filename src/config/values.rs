//! Parsers for the values of settings in options, variables and config files.

use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::error::{Error, Result};

pub(super) fn parse_address(text: &str) -> Result<Url> {
    let wrong = |what: &str| {
        Error::invalid(
            format!("the Vault address {what}"),
            "export VAULT_ADDR=https://vault.example.org:8200",
        )
    };
    let url = Url::parse(text.trim()).map_err(|_| wrong("is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(wrong("must start with https:// or http:// and name a host"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err(wrong("must not contain a user name, password, ? or #"));
    }
    Ok(url)
}

pub(super) fn parse_proxy(text: &str) -> Result<Url> {
    let url = Url::parse(text.trim())
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| {
        Error::invalid(
            "the proxy is not a URL",
            "proxy = \"http://proxy.example.org:3128\" in the config",
        )
    })
}

/// Checks that each segment of a Vault path has only harmless characters, and removes the slashes
/// at its ends.
pub(super) fn checked_path(text: &str, what: &str) -> Result<String> {
    let path = text.trim_matches('/');
    let fine = !path.is_empty()
        && path.split('/').all(|segment| {
            !matches!(segment, "" | "." | "..")
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        });
    if fine {
        Ok(path.to_owned())
    } else {
        Err(Error::invalid(
            format!("the {what} is not a valid Vault path"),
            "use segments of A-Z a-z 0-9 _ - . with / between",
        ))
    }
}

pub(super) fn number<T: std::str::FromStr>(text: &str, name: &str) -> Result<T> {
    text.trim().parse().map_err(|_| {
        Error::invalid(
            format!("{name} is not a whole number in range"),
            format!("unset {name}"),
        )
    })
}

pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "TRUE" | "True")
}

/// Parses a duration in the forms that Vault's own client accepts: `60`, `60s`, `2m`, `1h`,
/// `500ms`.
pub(super) fn seconds(text: &str) -> Result<Duration> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let millis: Option<u64> = match unit {
        "" | "s" => Some(1000),
        "ms" => Some(1),
        "m" => Some(60_000),
        "h" => Some(3_600_000),
        _ => None,
    };
    match (digits.parse::<u64>(), millis) {
        (Ok(count), Some(millis)) if count > 0 => {
            Ok(Duration::from_millis(count.saturating_mul(millis)))
        }
        _ => Err(Error::invalid(
            "VAULT_CLIENT_TIMEOUT is not a duration",
            "export VAULT_CLIENT_TIMEOUT=60s",
        )),
    }
}

/// The permissions of injected files, as written in a config file: `"0640"`, or a number such as
/// `0o640`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum FileMode {
    Text(String),
    Number(u32),
}

/// The widest permissions of an injected file: its group may read it.
const MAX_FILE_MODE: u32 = 0o640;
/// The permissions that the owner always needs.
const MIN_FILE_MODE: u32 = 0o600;

impl FileMode {
    /// The permission bits.
    ///
    /// # Errors
    /// [`Error::Invalid`] for anything but 0600 and 0640.
    pub(super) fn bits(self) -> Result<u32> {
        let bits = match self {
            Self::Text(text) => u32::from_str_radix(text.trim().trim_start_matches("0o"), 8).ok(),
            Self::Number(number) => Some(number),
        };
        let fits = |bits: &u32| bits & !MAX_FILE_MODE == 0 && bits & MIN_FILE_MODE == MIN_FILE_MODE;
        bits.filter(fits).ok_or_else(|| {
            Error::invalid(
                "the mode of injected files is neither 0600 nor 0640",
                "mode = \"0640\" in the config, with group = \"NAME\"",
            )
        })
    }
}

/// The ID of a group, from its name or number.
///
/// # Errors
/// [`Error::Invalid`] for a name that is not in `/etc/group`.
pub(super) fn group(name: &str) -> Result<u32> {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let mut fields = groups
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let found = fields
        .find(|fields| fields.first() == Some(&name))
        .and_then(|fields| fields.get(2)?.parse().ok());
    found.or_else(|| name.parse().ok()).ok_or_else(|| {
        Error::invalid(
            "the group of injected files does not exist on this machine",
            "group = \"NAME\" or its number in the config: getent group",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_or_a_query_is_refused() {
        assert!(parse_address("https://vault.example.org:8200").is_ok());
        for bad in [
            "vault.example.org",
            "ftp://x",
            "https://u:p@x",
            "https://x/?q=1",
            "https://x/#f",
            "",
        ] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_parsed_as_by_vaults_own_client() {
        assert_eq!(seconds("90").ok(), Some(Duration::from_secs(90)));
        assert_eq!(seconds("2m").ok(), Some(Duration::from_secs(120)));
        assert_eq!(seconds("500ms").ok(), Some(Duration::from_millis(500)));
        assert!(seconds("soon").is_err() && seconds("0").is_err());
    }

    #[test]
    fn the_mode_of_injected_files_is_0600_or_0640() {
        let text = |text: &str| FileMode::Text(text.to_owned()).bits().ok();
        assert_eq!(
            ["0640", "640", "0o640", "0600"].map(text),
            [Some(0o640), Some(0o640), Some(0o640), Some(0o600)]
        );
        for bad in ["0644", "0660", "0440", "0777", "4640", "rw", ""] {
            assert_eq!(text(bad), None, "{bad}");
        }
        assert_eq!(FileMode::Number(0o640).bits().ok(), Some(0o640));
        assert_eq!(
            (
                group("root").ok(),
                group("1234").ok(),
                group("no such group").ok()
            ),
            (Some(0), Some(1234), None)
        );
    }

    #[test]
    fn a_mount_cannot_contain_dot_segments_or_odd_characters() {
        assert_eq!(
            checked_path("/kv/team/", "mount").ok().as_deref(),
            Some("kv/team")
        );
        for bad in ["", "a//b", "../x", "a/..", "a b", "a%2e"] {
            assert!(checked_path(bad, "mount").is_err(), "{bad}");
        }
    }
}
