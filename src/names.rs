//! Names of services and keys, checked once when they are created.
//!
//! Every [`Service`] and [`Key`] is safe in a URL path, a file name, a log line and a terminal.
//! Errors state the rule and never repeat the input, which may be a mistyped secret.

mod outside;
mod pattern;
mod public;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use outside::{ForeignName, PublicName};
pub use pattern::Pattern;
pub use public::is_public_name;

/// The maximum number of characters shown of a name from outside.
const MAX_NAME_CHARS: usize = 100;
/// The maximum length of a value that is written, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The maximum number of segments in a service name.
pub const MAX_SEGMENTS: usize = 4;
/// The maximum length of a segment, in characters.
const MAX_SEGMENT_CHARS: usize = 64;
/// The maximum length of a key, in characters.
const MAX_KEY_CHARS: usize = 128;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $is_valid:path, $rule:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(String);

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }

        impl $name {
            /// The checked name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether `text` is a valid name of this kind.
            #[must_use]
            pub fn is_valid(text: &str) -> bool {
                $is_valid(text)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                if Self::is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(Error::invalid(concat!("that is not a valid ", $what, " name"), $rule))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The name of a service, which is one KV version 2 secret below the prefix. It has up to four
    /// segments `[A-Za-z0-9_-]{1,64}` joined by `/`, so no segment can be `.`, `..` or a hidden
    /// name.
    Service, "service", is_service,
    "service names are up to 4 parts joined by /, each of 1 to 64 of the characters A-Z a-z 0-9 _-",
    "^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$"
}
name! {
    /// The name of a key in a service, as this program writes it: `[A-Za-z0-9_.-]{1,128}`, but not
    /// `.` or `..`.
    Key, "key", is_key,
    "key names are 1 to 128 of the characters A-Z a-z 0-9 _.-",
    "^[A-Za-z0-9_.-]{1,128}$"
}

fn is_service(text: &str) -> bool {
    let is_segment = |segment: &str| {
        (1..=MAX_SEGMENT_CHARS).contains(&segment.len())
            && segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    text.split('/').count() <= MAX_SEGMENTS && text.split('/').all(is_segment)
}

fn is_key(text: &str) -> bool {
    (1..=MAX_KEY_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && !matches!(text, "." | "..")
}

impl Service {
    /// The name of a service that does not exist, for asking Vault what a policy allows on a
    /// service.
    ///
    /// # Errors
    /// None in practice: the name is valid.
    pub fn probe() -> Result<Self> {
        "claude-vault-probe".parse()
    }

    /// Parses a service name that may end with `/`. A shell completes the name of a folder this
    /// way.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the rest is not a valid name.
    pub fn from_folder(text: &str) -> Result<Self> {
        text.strip_suffix('/').unwrap_or(text).parse()
    }

    /// The number of segments in the name.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.0.split('/').count()
    }

    /// The service `segment` below this one; `None` if that is too deep or not a valid name.
    #[must_use]
    pub fn below(&self, segment: &str) -> Option<Self> {
        (!segment.contains('/')).then(|| format!("{self}/{segment}").parse().ok())?
    }

    /// The services to which a folder below the root can belong, the outermost first: `a` and `a/b`
    /// for the folder `a/b`.
    #[must_use]
    pub fn of_folders(folder: &std::path::Path) -> Vec<Self> {
        let mut services: Vec<Self> = folder
            .ancestors()
            .filter_map(|folder| folder.to_str()?.parse().ok())
            .collect();
        services.reverse();
        services
    }
}

impl Key {
    /// Whether shells and `.env` readers accept the key as the name of a variable:
    /// `[A-Za-z_][A-Za-z0-9_]*`, but not `_` alone, which shells overwrite.
    #[must_use]
    pub fn is_variable(&self) -> bool {
        is_variable(&self.0)
    }
}

/// Whether shells and `.env` readers accept `text` as the name of a variable.
#[must_use]
pub fn is_variable(text: &str) -> bool {
    text != "_"
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Makes text of unknown origin safe to print. Line feed, carriage return and tab become `\n`, `\r`
/// and `\t`. Other control characters, and characters that are invisible or change how their
/// neighbours are shown, become `\u{…}`. If `multiline` is set, line feeds and tabs are kept.
#[must_use]
pub fn printable(text: &str, multiline: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let is_kept = multiline && (c == '\n' || c == '\t');
        if matches!(c, '\n' | '\r' | '\t') && !is_kept {
            out.extend(c.escape_default());
        } else if (c.is_control() && !is_kept) || is_unseen(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Makes a name printable on one line, and shortens it if it has more than 100 characters.
#[must_use]
pub fn short(name: &str) -> String {
    let shown = printable(name, false);
    let mut short: String = shown.chars().take(MAX_NAME_CHARS).collect();
    if short.len() < shown.len() {
        short.push('…');
    }
    short
}

/// Puts a name of unknown origin in quotes, escaped so that it cannot close them.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!(
        "\"{}\"",
        short(&name.replace('\\', "\\\\").replace('"', "\\\""))
    )
}

/// Whether a character is a format character (general category Cf), a line or paragraph separator,
/// or ignored by default when text is displayed (`Default_Ignorable_Code_Point`), in Unicode 17.
/// Code points that Unicode reserves for more such characters are included.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_name_has_one_to_four_path_segments() {
        for good in [
            "a",
            "plex",
            "home-assistant_2",
            &"x".repeat(64),
            "a/b",
            "media/tv/sonarr/4k",
        ] {
            assert!(good.parse::<Service>().is_ok(), "{good}");
        }
        for bad in [
            "/",
            "a/",
            "/a",
            "a//b",
            "a/b/c/d/e",
            "a/..",
            "../a",
            "a/.",
            "a/.git",
            "a\\b",
            "a/b\n",
        ] {
            assert!(bad.parse::<Service>().is_err(), "{bad:?}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a%2eb",
            "a\0",
            "a\n",
            "ｐlex",
            "plex ",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<Service>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_folder_can_belong_to_every_service_on_its_path() {
        let names = |folder: &str| -> Vec<String> {
            Service::of_folders(std::path::Path::new(folder))
                .iter()
                .map(ToString::to_string)
                .collect()
        };
        assert_eq!(names("a/b/c"), ["a", "a/b", "a/b/c"]);
        assert_eq!(names("a/b/c/d/e"), ["a", "a/b", "a/b/c", "a/b/c/d"]);
        assert_eq!(names("a/.hidden/b"), ["a"]);
        assert!(names("").is_empty());
        assert_eq!(
            Service::from_folder("media/tv/")
                .map(|service| service.to_string())
                .ok()
                .as_deref(),
            Some("media/tv")
        );
        assert!(Service::from_folder("media//").is_err() && Service::from_folder("/").is_err());
    }

    #[test]
    fn a_key_may_contain_dots_but_is_not_a_path() {
        for good in ["tls.crt", ".dockerconfigjson", "a.b-c_d", "..."] {
            assert!(good.parse::<Key>().is_ok(), "{good}");
        }
        for bad in [".", "..", "a/b", "a b", "a:b", ""] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_name_has_up_to_128_characters() {
        assert!("K".repeat(128).parse::<Key>().is_ok());
        assert!("K".repeat(129).parse::<Key>().is_err());
    }

    #[test]
    fn the_error_does_not_repeat_the_input() {
        let Err(error) = "hunter2 canary".parse::<Key>() else {
            panic!("accepted")
        };
        assert!(!format!("{error} {} {error:?}", error.hint()).contains("hunter2"));
    }

    #[test]
    fn a_variable_name_is_one_that_every_env_reader_accepts() {
        assert!(is_variable("_A1") && is_variable("a"));
        assert!(
            !is_variable("_") && !is_variable("1A") && !is_variable("foo-bar") && !is_variable("")
        );
    }

    #[test]
    fn terminal_escapes_are_shown_as_text() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{202e}", false),
            "a\\u{1b}[31m\\nb\\u{202e}"
        );
        assert_eq!(printable("a\r\n\tb", false), "a\\r\\n\\tb");
        assert_eq!(printable("a\r\n\tb", true), "a\\r\n\tb");
        assert_eq!(printable("a\nb", true), "a\nb");
    }

    #[test]
    fn invisible_characters_are_escaped_and_letters_of_any_script_are_kept() {
        for unseen in "\u{61c}\u{200b}\u{200d}\u{2028}\u{2029}\u{feff}\u{180e}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{fe0f}\u{e0041}\u{e0100}\u{ad}".chars() {
            assert_eq!(printable(&unseen.to_string(), true), format!("\\u{{{:x}}}", u32::from(unseen)));
        }
        let seen = "Zoë 東京 Ελλάδα שלום مرحبا नमस्ते 한국어 🙂 é";
        assert_eq!(printable(seen, false), seen);
    }

    #[test]
    fn a_name_cannot_close_the_quotes_around_it() {
        assert_eq!(
            quoted("x\" by you, at \"home"),
            "\"x\\\" by you, at \\\"home\""
        );
        assert_eq!(quoted("a\\"), "\"a\\\\\"");
        assert_eq!(
            quoted(&"x".repeat(101)),
            format!("\"{}…\"", "x".repeat(100))
        );
    }
}
