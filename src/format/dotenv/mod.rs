//! Reading and writing `.env` files, for one program or for all programs that agree.
//!
//! There is no single `.env` format: each program parses the file in its own way. A [`Dialect`]
//! names the program that reads the file. [`write()`] tries a few ways to quote a value, and keeps
//! one that a model of the program's parser reads back exactly. [`check`] parses the finished file
//! with the same models. A value that no quoting preserves is refused.

mod beside;
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

use row::DialectRow;

pub use beside::{neighbour_names, readers_beside};
pub use parse::{parse, unquote};
pub use reading::{Line, Reading, Unread, reading};
pub use write::{MAX_VARIABLE, Reason, write};

/// Declares each dialect from one line: its variant, and the file that holds its `ROW`.
macro_rules! dialects {
    ($($dialect:ident: $file:ident,)*) => {
        $(mod $file;)*

        /// The program that reads a `.env` file.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename_all = "kebab-case"))]
        pub enum Dialect {
            $(#[doc = concat!("See `", stringify!($file), ".rs`.")] $dialect,)*
        }

        /// All dialects. The portable one must come first.
        const ROWS: &[&DialectRow] = &[$(&$file::ROW,)*];

        impl Dialect {
            /// The table row with everything we know about this dialect.
            pub(in crate::format::dotenv) fn row(self) -> &'static DialectRow {
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

/// The dialects that belong to a specific program: all except [`Dialect::Portable`].
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
    fn rows() -> impl Iterator<Item = &'static DialectRow> {
        ROWS.iter().copied()
    }

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name of the reading program, as used in messages.
    #[must_use]
    pub fn reader(self) -> &'static str {
        self.row().reader
    }

    /// Whether this is a variant of another dialect: the same program in another version or mode.
    #[must_use]
    pub fn is_variant(self) -> bool {
        self.row().is_variant
    }

    /// The dialect with this command-line name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::rows()
            .find(|row| row.name == name)
            .map(|row| row.dialect)
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

/// The readers that must be able to read a file for these dialects. `portable` stands for several
/// of them.
fn required(dialects: &[Dialect]) -> Vec<Dialect> {
    let each = dialects.iter().flat_map(|dialect| {
        let is_required = |row: &&DialectRow| {
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

/// Whether a file for these dialects is guaranteed to work for this reader.
#[must_use]
pub fn serves(dialects: &[Dialect], reader: Dialect) -> bool {
    required(dialects).contains(&reader)
}

/// How a reader fails to read back all values of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Fault<'a> {
    /// The reader stops at this line.
    Broken {
        /// The line number, from 1.
        line: usize,
    },
    /// The reader gets another value for these keys, or does not find them.
    Misread {
        /// Sorted by name.
        keys: Vec<&'a str>,
    },
    /// The reader now gets another value for these defaults than before the file was changed.
    Lost {
        /// In file order.
        keys: Vec<String>,
    },
}

/// Parses a finished file like each version of `reader`, and compares the result with `values`.
///
/// # Errors
/// The line at which the reader stops, or the keys that it does not read back exactly.
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

/// The keys of `before` that `reader` reads differently in `after`, ignoring carriage returns.
/// `None` if the reader cannot read `before`.
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

/// Whether a shell reserves a variable of this name.
#[must_use]
pub fn is_special_to_shells(name: &str) -> bool {
    shell::is_special(name)
}

/// The names that a reader finds, in file order, each with its value. The value is `None` if it
/// depends on another line or on something outside the file.
pub type NamedValues = Vec<(String, Option<zeroize::Zeroizing<String>>)>;

/// Parses a file like `reader`. `None` if the reader gives up.
#[must_use]
pub fn read_as(reader: Dialect, text: &str) -> Option<NamedValues> {
    taken(&reading(reader, text, &|_| None))
}

/// Like [`read_as`], but with the newest version only.
fn read_by_newest(reader: Dialect, text: &str) -> Option<NamedValues> {
    taken(&(reader.row().versions.first()?.read)(text, &|_| None))
}

fn taken(reading: &Reading) -> Option<NamedValues> {
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
    fn every_row_is_complete() {
        for row in ROWS {
            let name = row.name;
            assert_eq!(
                row.dialect.row().name,
                name,
                "the row belongs to its dialect"
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
                    "{name}: each kind of escape once"
                );
            }
            for value in ["'", "\r", "\\", "${A}", "\n"] {
                assert!(!(row.reason)(value).is_empty(), "{name}");
            }
            let json = serde_json::to_string(&row.dialect).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Dialect>(&json).unwrap(), row.dialect);
            // Each dialect reads what it writes.
            let text = write(&[row.dialect], "x").unwrap();
            let reading = reading(row.dialect, &format!("A={}\n", text.as_str()), &|_| None);
            assert!(reading.lines[0].is_literally("x"), "{name}");
        }
        let names: std::collections::BTreeSet<&str> = ROWS.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert_eq!(ROWS[0].dialect, Dialect::Portable);
    }
}
