//! `.env` text: quoting for one kind of reader or for all that agree, and finding the entries.
//!
//! There is no one `.env` format. A [`Dialect`] names who will read the file. A value is written
//! in the first of a few ways that a model of that reader gives back exactly ([`write`]), and the
//! finished file is read by the models again ([`check`]). What no way serves is refused.

mod parse;
mod read;
mod reading;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use read::Seen;

pub use parse::{parse, unquote};
pub use reading::{Line, Reading, Unread, reading};
pub use write::{MAX_VARIABLE, Reason, write};

/// Who reads a `.env` file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, clap::ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// What most readers read alike
    Portable,
    /// `set -a; . ./.env` in bash, zsh, ksh, dash
    Shell,
    /// `EnvironmentFile=` of systemd
    Systemd,
    /// docker compose
    Compose,
    /// `docker run --env-file`
    Docker,
    /// npm dotenv
    Node,
    /// `node --env-file`
    NodeEnvFile,
    /// Vite, Next.js and others with dotenv-expand
    Vite,
    /// python-dotenv
    Python,
    /// dotenv for Ruby, version 3
    Ruby,
    /// phpdotenv (Laravel)
    Php,
    /// dotenvy, mise, just
    Rust,
    /// godotenv
    Go,
}

use Dialect::{Compose, Docker, Go, Node, NodeEnvFile, Php, Portable, Python, Ruby, Rust, Shell, Systemd, Vite};

/// All dialects that are one reader's.
pub const READERS: [Dialect; 12] = [Shell, Systemd, Compose, Docker, Node, NodeEnvFile, Vite, Python, Ruby, Php, Rust, Go];

/// The readers that a portable file must serve; of the others, those that misread it are told.
const COMMON: [Dialect; 8] = [Shell, Systemd, Compose, Node, NodeEnvFile, Ruby, Rust, Go];

impl Dialect {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Portable => "portable",
            Shell => "shell",
            Systemd => "systemd",
            Compose => "compose",
            Docker => "docker",
            Node => "node",
            NodeEnvFile => "node-env-file",
            Vite => "vite",
            Python => "python",
            Ruby => "ruby",
            Php => "php",
            Rust => "rust",
            Go => "go",
        }
    }

    /// Its reader, as a person knows it.
    #[must_use]
    pub fn reader(self) -> &'static str {
        match self {
            Portable => "the usual readers",
            Shell => "a shell",
            Systemd => "systemd",
            Compose => "docker compose",
            Docker => "docker run --env-file",
            Node => "npm dotenv",
            NodeEnvFile => "node --env-file",
            Vite => "Vite or Next.js",
            Python => "python-dotenv",
            Ruby => "Ruby's dotenv",
            Php => "phpdotenv",
            Rust => "dotenvy",
            Go => "godotenv",
        }
    }

    /// The dialect of the program that a file of this name in the same folder belongs to.
    /// `package.json` tells more inside: see [`Dialect::of_package`].
    #[must_use]
    pub fn of_neighbour(name: &str) -> Option<Self> {
        match name {
            "compose.yaml" | "compose.yml" | "docker-compose.yaml" | "docker-compose.yml" => Some(Compose),
            "package.json" => Some(Node),
            "pyproject.toml" => Some(Python),
            "Gemfile" => Some(Ruby),
            "composer.json" => Some(Php),
            "go.mod" => Some(Go),
            "Cargo.toml" => Some(Rust),
            name if name.ends_with(".service") && name.len() > ".service".len() => Some(Systemd),
            _ => None,
        }
    }

    /// The dialect of a program with this `package.json`.
    #[must_use]
    pub fn of_package(json: &[u8]) -> Self {
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let package: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
        let lists = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];
        let uses = |name: &str| lists.iter().any(|list| package[*list].get(name).is_some());
        if uses("vite") || uses("next") { Vite } else { Node }
    }
}

/// The readers that a file for these dialects must serve.
fn required(dialects: &[Dialect]) -> Vec<Dialect> {
    let each = dialects.iter().flat_map(|dialect| match dialect {
        Portable => COMMON.to_vec(),
        one => vec![*one],
    });
    let set: std::collections::BTreeSet<Dialect> = each.collect();
    set.into_iter().collect()
}

/// Whether a file for these dialects serves this reader by promise.
#[must_use]
pub fn serves(dialects: &[Dialect], reader: Dialect) -> bool {
    required(dialects).contains(&reader)
}

/// What a reader does with a file that does not give all values back.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// It stops at this line.
    Broken {
        /// From 1.
        line: usize,
    },
    /// It reads these keys as something else, or not at all.
    Misread {
        /// In their order.
        keys: Vec<&'a str>,
    },
    /// It read these defaults as something else before.
    Lost {
        /// In their order.
        keys: Vec<String>,
    },
}

/// Reads a finished file as `reader` does, and compares.
///
/// # Errors
/// What it does not read back.
pub fn check<'a>(reader: Dialect, text: &str, values: &BTreeMap<&'a str, &str>) -> Result<(), Fault<'a>> {
    let found = read::read(reader, text).map_err(|broken| Fault::Broken { line: broken.line })?;
    let exact = |key: &str, value: &str| matches!(found.get(key), Some(Seen::Value(seen)) if seen.as_str() == value);
    let keys: Vec<&str> = values.iter().filter(|(key, value)| !exact(key, value)).map(|(key, _)| *key).collect();
    if keys.is_empty() { Ok(()) } else { Err(Fault::Misread { keys }) }
}

/// The keys that a reader takes for something else in `after` than in `before`, line ends aside.
/// `None` when it cannot read `before`.
#[must_use]
pub fn changed(reader: Dialect, before: &str, after: &str) -> Option<Vec<String>> {
    let before = read::read(reader, before).ok()?;
    let after = read::read(reader, after).unwrap_or_default();
    let same = |old: &Seen, new: Option<&Seen>| match (old, new) {
        (Seen::Value(old), Some(Seen::Value(new))) => old.chars().filter(|c| *c != '\r').eq(new.chars().filter(|c| *c != '\r')),
        (Seen::Unknown, Some(_)) => true,
        _ => false,
    };
    Some(before.iter().filter(|(key, old)| !same(old, after.get(key))).map(|(key, _)| key.clone()).collect())
}

/// Whether a shell keeps a variable of this name for itself.
#[must_use]
pub fn is_special_to_shells(name: &str) -> bool {
    read::is_special_to_shells(name)
}

/// The names that a reader finds, in order, each with its value: `None` for a value that depends on
/// something outside the file.
pub type Taken = Vec<(String, Option<zeroize::Zeroizing<String>>)>;

/// Reads a file as `reader` does; `None` when it gives up.
#[must_use]
pub fn read_as(reader: Dialect, text: &str) -> Option<Taken> {
    let known = |seen| match seen {
        Seen::Value(value) => Some(value),
        Seen::Unknown => None,
    };
    Some(read::read(reader, text).ok()?.into_iter().map(|(key, seen)| (key, known(seen))).collect())
}
