//! Names of services and keys: checked once, trusted after.
//!
//! A [`Service`] or [`Key`] that exists is safe in a URL path, a file name, a log line and a
//! terminal. The errors state the rule and never repeat the input, which may be a mistyped secret.

mod outside;
mod pattern;
mod public;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use outside::{Outside, PublicName};
pub use pattern::Pattern;
pub use public::is_public_name;

/// How many characters of a foreign name are shown.
const MAX_NAME_CHARS: usize = 100;
/// The largest value that is written, in bytes of UTF-8.
pub const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The most segments of a service's name.
pub const MAX_SEGMENTS: usize = 4;
/// The longest segment, in characters.
const MAX_SEGMENT_CHARS: usize = 64;
/// The longest key, in characters.
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
            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether `text` would be accepted.
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
                    Err(Error::invalid(concat!("that is not a ", $what, " name"), $rule))
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
    /// A service: one secret of KV version 2 below the prefix. Up to four segments
    /// `[A-Za-z0-9_-]{1,64}` joined by `/`; no segment can be `.`, `..` or a hidden name.
    Service, "service", is_service,
    "service names are up to 4 parts joined by /, each of 1 to 64 of the characters A-Z a-z 0-9 _-",
    "^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$"
}
name! {
    /// A key of a service, as this program writes it. `[A-Za-z0-9_.-]{1,128}`, and neither `.` nor
    /// `..`
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
    /// A service that nobody has, to ask Vault what may be done with one.
    ///
    /// # Errors
    /// None: the name keeps the rule.
    pub fn probe() -> Result<Self> {
        "claude-vault-probe".parse()
    }

    /// A service as a person types it where its folder lies: completion puts a `/` behind it.
    ///
    /// # Errors
    /// As for any name.
    pub fn from_folder(text: &str) -> Result<Self> {
        text.strip_suffix('/').unwrap_or(text).parse()
    }

    /// How many segments the name has.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.0.split('/').count()
    }

    /// The name of one segment below this one; `None` where that is too deep or no name.
    #[must_use]
    pub fn below(&self, segment: &str) -> Option<Self> {
        (!segment.contains('/')).then(|| format!("{self}/{segment}").parse().ok())?
    }

    /// The services that a folder below the root can be a part of, the outermost first: `a`, `a/b`
    /// for `a/b`.
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
    /// Whether shells and `.env` readers accept the key as a variable's name
    /// (`[A-Za-z_][A-Za-z0-9_]*`, and not `_` alone, which shells overwrite).
    #[must_use]
    pub fn is_variable(&self) -> bool {
        is_variable(&self.0)
    }
}

/// Whether `text` can be a variable's name in shells and `.env` readers.
#[must_use]
pub fn is_variable(text: &str) -> bool {
    text != "_"
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Makes a text of unknown origin safe to print: line feed, carriage return and tab become `\n`,
/// `\r` and `\t`; other control characters, and all that are invisible or change how their
/// neighbours are shown, become `\u{…}`. Line feeds and tabs stay when `multiline` is set.
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

/// The same on one line, cut where it is longer than a name should be.
#[must_use]
pub fn short(name: &str) -> String {
    let shown = printable(name, false);
    let mut short: String = shown.chars().take(MAX_NAME_CHARS).collect();
    if short.len() < shown.len() {
        short.push('…');
    }
    short
}

/// A name of unknown origin in quotes that it cannot close itself.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!(
        "\"{}\"",
        short(&name.replace('\\', "\\\\").replace('"', "\\\""))
    )
}

/// Whether a character is a format character (general category Cf), a line or paragraph separator,
/// or ignored by default when text is shown (`Default_Ignorable_Code_Point`), in Unicode 17. The
/// gaps that Unicode keeps for more of them are included.
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
    fn a_service_name_is_one_to_four_path_segments_and_nothing_else() {
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
    fn a_folder_can_belong_to_every_service_on_its_way() {
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
    fn a_key_may_hold_dots_but_is_no_folder() {
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
    fn the_error_does_not_repeat_what_may_be_a_secret() {
        let Err(error) = "hunter2 canary".parse::<Key>() else {
            panic!("accepted")
        };
        assert!(!format!("{error} {} {error:?}", error.hint()).contains("hunter2"));
    }

    #[test]
    fn a_variable_is_what_every_env_reader_accepts() {
        assert!(is_variable("_A1") && is_variable("a"));
        assert!(
            !is_variable("_") && !is_variable("1A") && !is_variable("foo-bar") && !is_variable("")
        );
    }

    #[test]
    fn terminal_escapes_are_shown_not_sent() {
        assert_eq!(
            printable("a\u{1b}[31m\nb\u{202e}", false),
            "a\\u{1b}[31m\\nb\\u{202e}"
        );
        assert_eq!(printable("a\r\n\tb", false), "a\\r\\n\\tb");
        assert_eq!(printable("a\r\n\tb", true), "a\\r\n\tb");
        assert_eq!(printable("a\nb", true), "a\nb");
    }

    #[test]
    fn invisible_characters_are_shown_and_letters_of_any_script_stay() {
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
