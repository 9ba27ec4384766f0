//! Reads a `.env` file as its own readers do.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::{Contents, Found, FromOptions};
use crate::core::inject::Readers;
use crate::format::dotenv::{Dialect, Line, Reading, Unread, reading};
use crate::format::json::Typed;
use crate::format::source::{SourceEntry, Unreadable};
use crate::secret::WayOut;

/// The readers to compare with if nothing shows which program reads the file.
const OTHERS: [Dialect; 4] = [
    Dialect::Shell,
    Dialect::Node,
    Dialect::Python,
    Dialect::Systemd,
];

/// Reads with the given dialect, else with the dialects of all programs beside the file, which must
/// agree. If nothing shows a reader, the file is read as docker compose reads it, which is this
/// program's default.
pub(super) fn contents(text: &str, options: &FromOptions, readers: &Readers) -> Contents {
    let dialects = match options.dialect {
        Some(dialect) => vec![dialect],
        None => readers.dialects.clone(),
    };
    let named: Vec<Dialect> = dialects
        .into_iter()
        .filter(|dialect| *dialect != Dialect::Portable)
        .collect();
    let own = named.first().copied().unwrap_or(Dialect::Compose);
    let outside = |name: &str| {
        options
            .environment
            .get(name)
            .map(|secret| Zeroizing::new(secret.expose(WayOut::Inspection).to_owned()))
    };
    let read = |dialect: Dialect| reading(dialect, text, &outside);
    let own_reading = read(own);
    let is_guess = named.is_empty();
    let rest: Vec<Dialect> = match is_guess {
        true => OTHERS.to_vec(),
        false => named.iter().skip(1).copied().collect(),
    };
    let differing = rest.iter().flat_map(|other| {
        differing(&own_reading, &read(*other))
            .into_iter()
            .map(|name| (name, *other))
    });
    let mut differ: BTreeMap<String, Vec<Dialect>> = BTreeMap::new();
    differing.for_each(|(name, other)| differ.entry(name).or_default().push(other));
    let mut contents = collected(own_reading);
    if is_guess {
        contents.notes.push(format!(
            "read as {} reads it, since nothing beside it shows its reader: --dialect selects \
             another",
            own.reader()
        ));
        contents.notes.extend(differ.iter().map(|(name, others)| {
            format!("{name}: {} would read a different value", list(others))
        }));
    } else {
        for found in &mut contents.found {
            if let Some(others) = differ.get(&found.entry.name) {
                let reason = format!(
                    "{} and {} read it differently: name the reader with --dialect",
                    own.reader(),
                    list(others)
                );
                found.entry.value = Err(reason);
            }
        }
    }
    contents
}

/// The names in `own` whose values differ in `other`.
fn differing(own: &Reading, other: &Reading) -> BTreeSet<String> {
    let other: BTreeMap<&str, &Line> = other
        .lines
        .iter()
        .map(|line| (line.name.as_str(), line))
        .collect();
    let same = |line: &&Line| {
        other
            .get(line.name.as_str())
            .is_some_and(|read| read.value == line.value)
    };
    own.effective()
        .filter(|line| !same(line))
        .map(|line| line.name.clone())
        .collect()
}

fn list(dialects: &[Dialect]) -> String {
    dialects
        .iter()
        .map(|dialect| dialect.reader())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The entries that can be read.
fn readable(reading: &Reading) -> Vec<Found> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &reading.lines {
        *count.entry(&line.name).or_default() += 1;
    }
    let found = |line: &Line| Found {
        entry: SourceEntry {
            name: line.name.clone(),
            line: line.line,
            value: Ok(Typed::Text(line.value.clone().unwrap_or_default())),
            remark: (count.get(line.name.as_str()) > Some(&1))
                .then_some("appears more than once: the last one counts"),
        },
        expanded_from: line.expanded_from.clone(),
        is_only_references: line.is_only_references,
        is_unset: line.value.is_none(),
    };
    reading.effective().map(found).collect()
}

fn collected(reading: Reading) -> Contents {
    let mut all = readable(&reading);
    let (mut broken, mut is_cut) = (Vec::new(), false);
    for Unread {
        line,
        name,
        reason,
        ends_reading,
    } in reading.unread
    {
        is_cut |= ends_reading;
        match name {
            // A later, readable line with the same name replaces it.
            Some(name)
                if all
                    .iter()
                    .any(|found| found.entry.name == name && found.entry.line > line) => {}
            Some(name) => {
                all.retain(|found| found.entry.name != name);
                let entry = SourceEntry {
                    name,
                    line,
                    value: Err(reason),
                    remark: None,
                };
                all.push(Found {
                    entry,
                    expanded_from: Vec::new(),
                    is_only_references: false,
                    is_unset: false,
                });
            }
            None => broken.push(Unreadable { line, reason }),
        }
    }
    all.sort_by_key(|found| found.entry.line);
    Contents {
        found: all,
        broken,
        is_cut,
        notes: Vec::new(),
        is_typed: false,
    }
}
