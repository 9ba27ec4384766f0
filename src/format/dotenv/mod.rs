//! `.env` text: quoting for one kind of reader or for all that agree, and finding the entries.
//!
//! There is no one `.env` format. A [`Dialect`] names who will read the file. A value is written
//! in the first of a few ways that a model of that reader gives back exactly ([`write`]), and the
//! finished file is read by the models again ([`check`]). What no way serves is refused.

mod collect;
mod frame;
mod parse;
mod pattern;
mod reading;
mod row;
mod text;
mod write;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use row::Row;

pub use parse::{parse, unquote};
pub use reading::{Line, Reading, Unread, reading};
pub use write::{MAX_VARIABLE, Reason, write};

/// Makes the dialects out of one line each: their value and their file, which holds a `ROW`.
macro_rules! dialects {
    ($($dialect:ident: $file:ident,)*) => {
        $(mod $file;)*

        /// Who reads a `.env` file.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "kebab-case"))]
        pub enum Dialect {
            $(#[doc = concat!("See `", stringify!($file), ".rs`.")] $dialect,)*
        }

        /// All dialects, the portable one first.
        const ROWS: &[&Row] = &[$(&$file::ROW,)*];

        impl Dialect {
            /// All that the program knows of it.
            pub(in crate::format::dotenv) fn row(self) -> &'static Row {
                match self { $(Self::$dialect => &$file::ROW,)* }
            }
        }
    };
}

dialects! {
    Portable: portable,
    Shell: shell,
    Systemd: systemd,
    Compose: compose,
    Compose1: compose_1,
    ComposeRaw: compose_raw,
    Docker: docker,
    Node: node,
    NodeEnvFile: node_env_file,
    Vite: vite,
    Python: python,
    Ruby: ruby,
    Php: php,
    Rust: rust,
    Go: go,
}

/// Variants of another dialect's reader, which no warning has to name beside it.
const VARIANTS: [Dialect; 2] = [Dialect::Compose1, Dialect::ComposeRaw];

/// All dialects that are one reader's.
pub const READERS: [Dialect; ROWS.len() - 1] = {
    let mut readers = [Dialect::Portable; ROWS.len() - 1];
    let mut at = 0;
    while at < readers.len() {
        readers[at] = ROWS[at + 1].dialect;
        at += 1;
    }
    readers
};

impl Dialect {
    fn rows() -> impl Iterator<Item = &'static Row> {
        ROWS.iter().copied()
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its reader, as a person knows it.
    #[must_use]
    pub fn reader(self) -> &'static str {
        self.row().reader
    }

    /// Whether it is one more way in which a program of another dialect reads.
    #[must_use]
    pub fn is_variant(self) -> bool {
        VARIANTS.contains(&self)
    }

    /// The dialect of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::rows()
            .find(|row| row.name == name)
            .map(|row| row.dialect)
    }

    /// The dialect of the program that a file of this name in the same folder belongs to.
    /// `package.json` tells more inside: see [`Dialect::of_package`].
    #[must_use]
    pub fn of_neighbour(name: &str) -> Option<Self> {
        Self::rows()
            .find(|row| row.neighbours.iter().any(|sign| sign.fits(name)))
            .map(|row| row.dialect)
    }

    /// The dialect of a program with this `package.json`.
    #[must_use]
    pub fn of_package(json: &[u8]) -> Self {
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let package: serde_json::Value = serde_json::from_slice(json).unwrap_or_default();
        let lists = [
            "dependencies",
            "devDependencies",
            "peerDependencies",
            "optionalDependencies",
        ];
        let uses = |name: &str| lists.iter().any(|list| package[*list].get(name).is_some());
        if uses("vite") || uses("next") {
            Self::Vite
        } else {
            Self::Node
        }
    }
}

impl clap::ValueEnum for Dialect {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [Dialect; ROWS.len()] = {
            let mut all = [Dialect::Portable; ROWS.len()];
            let mut at = 0;
            while at < all.len() {
                all[at] = ROWS[at].dialect;
                at += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()).help(self.row().help))
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || {
            let names: Vec<&str> = Self::rows().map(|row| row.name).collect();
            serde::de::Error::custom(format!(
                "unknown variant `{name}`, expected one of {}",
                names.join(", ")
            ))
        };
        Self::named(&name).ok_or_else(unknown)
    }
}

/// The readers that a file for these dialects must serve.
fn required(dialects: &[Dialect]) -> Vec<Dialect> {
    let each = dialects.iter().flat_map(|dialect| {
        let is_required = |row: &&Row| {
            row.dialect == *dialect || *dialect == Dialect::Portable && row.is_portable
        };
        Dialect::rows()
            .filter(move |row| is_required(row) && row.dialect != Dialect::Portable)
            .map(|row| row.dialect)
            .collect::<Vec<_>>()
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

/// Reads a finished file as `reader` does in every version, and compares.
///
/// # Errors
/// What it does not read back.
pub fn check<'a>(
    reader: Dialect,
    text: &str,
    values: &BTreeMap<&'a str, &str>,
) -> Result<(), Fault<'a>> {
    let mut misread: Vec<&'a str> = Vec::new();
    for version in reader.row().written_for(text) {
        let reading = (version.read)(text, &|_| None);
        if let Some(broken) = reading.unread.iter().find(|unread| unread.ends_reading) {
            return Err(Fault::Broken { line: broken.line });
        }
        let found: BTreeMap<&str, &Line> = reading
            .effective()
            .map(|line| (line.name.as_str(), line))
            .collect();
        let is_exact =
            |key: &str, value: &str| found.get(key).is_some_and(|line| line.is_literally(value));
        misread.extend(
            values
                .iter()
                .filter(|(key, value)| !is_exact(key, value))
                .map(|(key, _)| *key),
        );
    }
    misread.sort_unstable();
    misread.dedup();
    if misread.is_empty() {
        Ok(())
    } else {
        Err(Fault::Misread { keys: misread })
    }
}

/// The keys that a reader takes for something else in `after` than in `before`, line ends aside.
/// `None` when it cannot read `before`.
#[must_use]
pub fn changed(reader: Dialect, before: &str, after: &str) -> Option<Vec<String>> {
    let before = read_by_newest(reader, before)?;
    let after: BTreeMap<String, Option<zeroize::Zeroizing<String>>> = read_by_newest(reader, after)
        .unwrap_or_default()
        .into_iter()
        .collect();
    let without_returns = |text: &str| zeroize::Zeroizing::new(text.replace('\r', ""));
    let is_same = |key: &str, old: &Option<zeroize::Zeroizing<String>>| match (old, after.get(key))
    {
        (Some(old), Some(Some(new))) => without_returns(old) == without_returns(new),
        (None, Some(_)) => true,
        (Some(_), Some(None)) | (_, None) => false,
    };
    Some(
        before
            .into_iter()
            .filter(|(key, old)| !is_same(key, old))
            .map(|(key, _)| key)
            .collect(),
    )
}

/// Whether a shell keeps a variable of this name for itself.
#[must_use]
pub fn is_special_to_shells(name: &str) -> bool {
    shell::is_special(name)
}

/// The names that a reader finds, in order, each with its value: `None` for a value that depends on
/// another line or on something outside the file.
pub type Taken = Vec<(String, Option<zeroize::Zeroizing<String>>)>;

/// Reads a file as `reader` does; `None` when it gives up.
#[must_use]
pub fn read_as(reader: Dialect, text: &str) -> Option<Taken> {
    taken(&reading(reader, text, &|_| None))
}

/// As [`read_as`], by the newest version alone.
fn read_by_newest(reader: Dialect, text: &str) -> Option<Taken> {
    taken(&(reader.row().versions.first()?.read)(text, &|_| None))
}

fn taken(reading: &Reading) -> Option<Taken> {
    if reading.is_broken() {
        return None;
    }
    let mut order: Vec<(usize, &str)> = reading
        .lines
        .iter()
        .map(|line| (line.line, line.name.as_str()))
        .collect();
    order.extend(
        reading
            .unread
            .iter()
            .filter_map(|unread| Some((unread.line, unread.name.as_deref()?))),
    );
    order.sort_unstable();
    let mut names: Vec<&str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    names.extend(
        order
            .into_iter()
            .map(|(_, name)| name)
            .filter(|name| seen.insert(*name)),
    );
    let values: BTreeMap<&str, &Line> = reading
        .effective()
        .map(|line| (line.name.as_str(), line))
        .collect();
    let value = |name: &str| {
        values
            .get(name)
            .filter(|line| line.expanded_from.is_empty())?
            .value
            .clone()
    };
    Some(
        names
            .into_iter()
            .map(|name| (name.to_owned(), value(name)))
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_says_all_of_it() {
        for row in ROWS {
            let name = row.name;
            assert_eq!(
                row.dialect.row().name,
                name,
                "the row stands under its own dialect"
            );
            assert!(
                !row.name.is_empty() && !row.help.is_empty() && !row.reader.is_empty(),
                "{name}"
            );
            assert!(
                !row.versions.is_empty() && !row.ways.is_empty() && !row.below.is_empty(),
                "{name}"
            );
            assert!(
                row.versions.iter().all(|version| !version.name.is_empty()),
                "{name}"
            );
            for (number, escape) in row.escapes.iter().enumerate() {
                assert!(
                    !row.escapes[..number].contains(escape),
                    "{name}: each way to escape once"
                );
            }
            for value in ["'", "\r", "\\", "${A}", "\n"] {
                assert!(!(row.reason)(value).is_empty(), "{name}");
            }
            let json = serde_json::to_string(&row.dialect).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Dialect>(&json).unwrap(), row.dialect);
            // Each reads and writes by itself.
            let text = write(&[row.dialect], "x").unwrap();
            let reading = reading(row.dialect, &format!("A={}\n", text.as_str()), &|_| None);
            assert!(reading.lines[0].is_literally("x"), "{name}");
        }
        let names: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert_eq!(ROWS[0].dialect, Dialect::Portable);
    }

    #[test]
    fn a_neighbour_shows_one_dialect() {
        for name in [
            "compose.yaml",
            "package.json",
            "pyproject.toml",
            "Gemfile",
            "composer.json",
            "go.mod",
            "Cargo.toml",
            "a.service",
        ] {
            assert_eq!(
                ROWS.iter()
                    .filter(|row| row.neighbours.iter().any(|sign| sign.fits(name)))
                    .count(),
                1,
                "{name}"
            );
        }
        assert_eq!(Dialect::of_neighbour(".service"), None);
    }
}
