//! Whether the readers of a `.env` file give back what was written, and the error where they do
//! not.

use std::collections::{BTreeMap, BTreeSet};

use super::place::Target;
use super::render::{Source, list};
use crate::error::Error;
use crate::format::dotenv::{self, Dialect, Fault, READERS};
use crate::names::{is_variable, printable};

/// The first reader named that does not give all values back. A portable file is held to its
/// template's style only as far as somebody can read each value.
pub(super) fn first_fault<'a>(
    target: &Target,
    text: &str,
    values: &BTreeMap<&'a str, &str>,
) -> Option<(Dialect, Fault<'a>)> {
    if target.dialects != [Dialect::Portable] {
        let named = target
            .dialects
            .iter()
            .filter(|dialect| **dialect != Dialect::Portable);
        return named.into_iter().find_map(|reader| {
            dotenv::check(*reader, text, values)
                .err()
                .map(|fault| (*reader, fault))
        });
    }
    let faults = served(target).map(|reader| dotenv::check(reader, text, values));
    let mut nobody: Option<BTreeSet<&str>> = None;
    for outcome in faults {
        let misread: BTreeSet<&str> = match outcome {
            Ok(()) => return None,
            Err(Fault::Misread { keys }) => keys.into_iter().collect(),
            Err(_) => continue,
        };
        nobody = Some(nobody.map_or_else(
            || misread.clone(),
            |keys| keys.intersection(&misread).copied().collect(),
        ));
    }
    let keys: Vec<&str> = nobody
        .unwrap_or_else(|| values.keys().copied().collect())
        .into_iter()
        .collect();
    (!keys.is_empty()).then_some((Dialect::Portable, Fault::Misread { keys }))
}

/// A default of the template that the reader took for something else before. Those of readers that
/// could not read the template at all do not count.
pub(super) fn lost_default<'a>(
    target: &Target,
    template: &'a str,
    text: &str,
    values: &BTreeMap<&'a str, &str>,
) -> Option<(Dialect, Fault<'a>)> {
    let lost: Vec<(Dialect, Vec<String>)> = served(target)
        .filter_map(|reader| Some((reader, dotenv::changed(reader, template, text)?)))
        .map(|(reader, keys)| {
            (
                reader,
                keys.into_iter()
                    .filter(|key| is_variable(key) && !values.contains_key(key.as_str()))
                    .collect(),
            )
        })
        .collect();
    let is_portable = target.dialects == [Dialect::Portable];
    // Readers disagree about odd templates: a portable file keeps what any of them has read.
    if is_portable
        && lost
            .iter()
            .any(|(_, keys): &(Dialect, Vec<String>)| keys.is_empty())
    {
        return None;
    }
    let (reader, keys) = lost.into_iter().find(|(_, keys)| !keys.is_empty())?;
    Some((
        if is_portable {
            Dialect::Portable
        } else {
            reader
        },
        Fault::Lost { keys },
    ))
}

pub(super) fn unreadable(
    target: &Target,
    reader: Dialect,
    fault: &Fault<'_>,
    text: &str,
    source: &Source<'_>,
) -> Error {
    let base = source.base_name(target);
    let (keys, reason) = match fault {
        Fault::Broken { line } => {
            let line = text.lines().nth(line - 1).unwrap_or_default();
            let place = source
                .place_of(target, line)
                .map(|place| format!(" ({place})"))
                .unwrap_or_default();
            (
                "it".to_owned(),
                format!("it gives up at a line that is no KEY=value{place}"),
            )
        }
        Fault::Misread { keys } => {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            if reader == Dialect::Shell && keys.iter().all(|key| dotenv::is_special_to_shells(key))
            {
                return own_variables(target, &keys);
            }
            (
                list(&keys),
                format!(
                    "what stands around the value in {base}, or above it, is read in another way"
                ),
            )
        }
        Fault::Lost { keys } => (
            list(keys),
            format!("the value in {base} would be read as something else"),
        ),
    };
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys,
        reader: reader.reader().to_owned(),
        reason,
        hint: format!("put nothing but KEY=value lines and comments into {base}"),
    }
}

fn own_variables(target: &Target, keys: &[String]) -> Error {
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(keys),
        reader: "a shell".to_owned(),
        reason: "shells keep variables of that name for themselves".to_owned(),
        hint: "choose another name in Vault, or another reader with --dialect".to_owned(),
    }
}

/// Readers outside the file's dialects that would misread it, by what they do.
pub(super) fn other_readers(
    target: &Target,
    text: &str,
    values: &BTreeMap<&str, &str>,
) -> BTreeMap<String, Vec<Dialect>> {
    let mut misread: BTreeMap<String, Vec<Dialect>> = BTreeMap::new();
    for reader in READERS
        .into_iter()
        .filter(|reader| !target.dialects.contains(reader) && !reader.is_variant())
    {
        let what = match dotenv::check(reader, text, values) {
            Ok(()) => continue,
            Err(Fault::Broken { line }) => format!("stops at line {line}"),
            Err(Fault::Misread { keys }) => shortened(&keys),
            Err(Fault::Lost { .. }) => continue,
        };
        misread.entry(what).or_default().push(reader);
    }
    misread
}

fn shortened(keys: &[&str]) -> String {
    const SHOWN: usize = 4;
    let shown = keys
        .iter()
        .take(SHOWN)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    if keys.len() > SHOWN {
        format!("{shown} and {} more", keys.len() - SHOWN)
    } else {
        shown
    }
}

/// The readers that the file must serve.
pub(super) fn served(target: &Target) -> impl Iterator<Item = Dialect> {
    READERS
        .into_iter()
        .filter(|reader| dotenv::serves(&target.dialects, *reader))
}

/// The keys that every reader which would read them right from `new` reads right from `old` too:
/// their lines can stay as they are.
pub(super) fn settled(
    target: &Target,
    old: &str,
    new: &str,
    values: &BTreeMap<&str, &str>,
) -> BTreeSet<String> {
    let misread = |reader: Dialect, text: &str| -> BTreeSet<String> {
        match dotenv::check(reader, text, values) {
            Ok(()) => BTreeSet::new(),
            Err(Fault::Misread { keys }) => keys.into_iter().map(str::to_owned).collect(),
            Err(Fault::Broken { .. } | Fault::Lost { .. }) => {
                values.keys().map(|key| (*key).to_owned()).collect()
            }
        }
    };
    let mut settled: BTreeSet<String> = values.keys().map(|key| (*key).to_owned()).collect();
    let mut read_by_one: BTreeSet<String> = BTreeSet::new();
    for reader in served(target) {
        let (before, after) = (misread(reader, old), misread(reader, new));
        read_by_one.extend(settled.iter().filter(|key| !before.contains(*key)).cloned());
        settled.retain(|key| after.contains(key) || !before.contains(key));
    }
    settled.retain(|key| read_by_one.contains(key));
    settled
}
