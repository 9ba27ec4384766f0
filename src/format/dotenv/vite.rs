//! Vite, Next.js and other users of dotenv-expand: npm dotenv or Node's own parser, followed by
//! variable expansion.

mod expand;

use std::collections::{BTreeSet, HashMap};

use zeroize::Zeroizing;

use super::Dialect;
use super::beside::Sign;
use super::collect::{LineError, Outside, refused};
use super::parse::Escapes;
use super::reading::{Line, Reading, Unread};
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::{
    BACKTICKS, BELOW, DOUBLE, ESCAPED_DOLLAR_RETURN, ESCAPED_LINES, ESCAPED_RETURN, SINGLE,
    WITH_DOLLARS,
};
use expand::{Expand, Names, Values, expand_11, expand_13, expand_next};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Vite,
    name: "vite",
    help: "Vite, Next.js and others with dotenv-expand",
    reader: "Vite or Next.js",
    neighbours: &[Sign::Package(&["vite", "next"])],
    is_variant: false,
    is_portable: false,
    is_raw: false,
    versions: &[
        ReaderVersion {
            name: "Vite 8",
            read: |text, outside| expanded(sorted, expand_13, text, outside),
            only_with: &[],
        },
        ReaderVersion {
            name: "Vite before 8",
            read: |text, outside| expanded(super::node::read, expand_13, text, outside),
            only_with: &[],
        },
        ReaderVersion {
            name: "Vite before 6",
            read: |text, outside| expanded(super::node::read, expand_11, text, outside),
            only_with: &["$"],
        },
        ReaderVersion {
            name: "Next.js",
            read: |text, outside| expanded(super::node::read, expand_next, text, outside),
            only_with: &["$"],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        BACKTICKS,
        ESCAPED_RETURN,
        ESCAPED_LINES,
        ESCAPED_DOLLAR_RETURN,
        WITH_DOLLARS,
    ],
    below: &BELOW,
    escapes: [
        Escapes::BeforeQuotes,
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
    ],
    reason: |_| "its $ would be replaced, and a \\ or a quote leaves no way to prevent that",
};

/// Node's own parser returns the names in alphabetical order, and a value can only refer to names
/// already processed. So the lines are sorted first.
fn sorted(text: &str, outside: Outside<'_>) -> Reading {
    let mut reading = super::node_env_file::read(text, outside);
    reading
        .lines
        .sort_by(|one, other| one.name.cmp(&other.name));
    reading
}

/// Reads a file with `parse`, then expands each value in the order in which the names first appear.
fn expanded(
    parse: fn(&str, Outside<'_>) -> Reading,
    expand: Expand,
    text: &str,
    outside: Outside<'_>,
) -> Reading {
    let reading = parse(text, outside);
    let mut parsed = Values::new();
    let mut order: Vec<String> = Vec::new();
    let mut last: HashMap<String, usize> = HashMap::new();
    for (at, line) in reading.lines.iter().enumerate() {
        if parsed
            .insert(line.name.clone(), line.value.clone().unwrap_or_default())
            .is_none()
        {
            order.push(line.name.clone());
        }
        last.insert(line.name.clone(), at);
    }
    let lost = reading
        .unread
        .iter()
        .filter_map(|unread| unread.name.clone())
        .collect();
    let mut expansion = ViteExpansion {
        reading,
        parsed,
        running: Values::new(),
        lost,
        removed: BTreeSet::new(),
    };
    for name in order {
        let (value, from) = expansion.value(&name, expand, outside);
        expansion.set(&name, last[&name], text, value, from);
    }
    expansion.finish()
}

/// A file whose values are being expanded.
struct ViteExpansion {
    reading: Reading,
    /// The last value of every name in the file, expanded for the names already processed.
    parsed: Values,
    /// The expanded values of the names already processed.
    running: Values,
    /// Names without a usable value.
    lost: BTreeSet<String>,
    /// The positions of lines that turned out to have no value.
    removed: BTreeSet<usize>,
}

impl ViteExpansion {
    /// The expanded value of a name, and the names that it refers to.
    fn value(
        &self,
        name: &str,
        expand: Expand,
        outside: Outside<'_>,
    ) -> (Result<Zeroizing<String>, LineError>, BTreeSet<String>) {
        let own = self.parsed.get(name).cloned().unwrap_or_default();
        let mut names = Names::new(&self.parsed, &self.running, outside);
        let value = expand(&own, &mut names).map(|value| Zeroizing::new(value.replace("\\$", "$")));
        let (from, unset) = names.used();
        let value = value.and_then(|value| match unset {
            _ if from.iter().any(|from| self.lost.contains(from)) => Err(refused(
                "it refers to a variable whose own line cannot be read",
            )),
            Some((name, is_braced)) => Err(super::collect::unset(&name, is_braced)),
            None => Ok(value),
        });
        (value, from)
    }

    /// Stores the value of a name, whose last line is at `at`.
    fn set(
        &mut self,
        name: &str,
        at: usize,
        text: &str,
        value: Result<Zeroizing<String>, LineError>,
        from: BTreeSet<String>,
    ) {
        let new = value.clone().unwrap_or_default();
        self.parsed.insert(name.to_owned(), new.clone());
        self.running.insert(name.to_owned(), new);
        if value.is_err() {
            self.lost.insert(name.to_owned());
        }
        if let Some(unread) = set_value(&mut self.reading.lines[at], text, value, from) {
            self.reading.unread.push(unread);
            self.removed.insert(at);
        }
    }

    /// The reading without the removed lines, in file order.
    fn finish(self) -> Reading {
        let mut reading = self.reading;
        let mut number = 0..;
        reading
            .lines
            .retain(|_| number.next().is_none_or(|at| !self.removed.contains(&at)));
        reading.lines.sort_by_key(|line| line.span.start);
        reading
    }
}

/// Stores the value in the line, or returns the reason why it has none.
fn set_value(
    line: &mut Line,
    text: &str,
    value: Result<Zeroizing<String>, LineError>,
    from: BTreeSet<String>,
) -> Option<Unread> {
    match value {
        Err(LineError { reason, ends }) => {
            return Some(Unread {
                line: line.line,
                name: Some(line.name.clone()),
                reason,
                ends_reading: ends,
            });
        }
        Ok(value) => {
            line.value = Some(value);
            line.is_only_references =
                !from.is_empty() && super::frame::is_only_references(&text[line.raw.clone()]);
            line.expanded_from = from.into_iter().collect();
        }
    }
    None
}
