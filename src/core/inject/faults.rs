//! Checks that the readers of a `.env` file read back what was written, and builds the error if
//! they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::render::{RenderSource, list};
use super::target::FileTarget;
use crate::error::Error;
use crate::format::dotenv::{self, Dialect, Fault, READERS};
use crate::names::{is_variable, printable};

/// The first of the file's named readers that does not read back all values. For a portable file,
/// it is enough that at least one of the readers that it serves reads back each value.
pub(super) fn first_fault<'a>(
    target: &FileTarget,
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
    let faults = served_readers(target).map(|reader| dotenv::check(reader, text, values));
    let mut misread_by_all: Option<BTreeSet<&str>> = None;
    for outcome in faults {
        let misread: BTreeSet<&str> = match outcome {
            Ok(()) => return None,
            Err(Fault::Misread { keys }) => keys.into_iter().collect(),
            Err(_) => continue,
        };
        misread_by_all = Some(misread_by_all.map_or_else(
            || misread.clone(),
            |keys| keys.intersection(&misread).copied().collect(),
        ));
    }
    let keys: Vec<&str> = misread_by_all
        .unwrap_or_else(|| values.keys().copied().collect())
        .into_iter()
        .collect();
    (!keys.is_empty()).then_some((Dialect::Portable, Fault::Misread { keys }))
}

/// A template default that a reader would read differently in the new text. Readers that could not
/// read the template at all do not count.
pub(super) fn lost_default<'a>(
    target: &FileTarget,
    template: &'a str,
    text: &str,
    values: &BTreeMap<&'a str, &str>,
) -> Option<(Dialect, Fault<'a>)> {
    let lost: Vec<(Dialect, Vec<String>)> = served_readers(target)
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
    // Readers disagree about odd templates: for a portable file, it is enough that one of them
    // reads every default as before.
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
    target: &FileTarget,
    reader: Dialect,
    fault: &Fault<'_>,
    text: &str,
    source: &RenderSource<'_>,
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
                format!("it stops at a line that is not KEY=value{place}"),
            )
        }
        Fault::Misread { keys } => {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            if reader == Dialect::Shell && keys.iter().all(|key| dotenv::is_special_to_shells(key))
            {
                return reserved_by_shells(target, &keys);
            }
            (
                list(&keys),
                format!("text around or above the value in {base} changes how it is read"),
            )
        }
        Fault::Lost { keys } => (
            list(keys),
            format!("the value in {base} would be read differently"),
        ),
    };
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys,
        reader: reader.reader().to_owned(),
        reason,
        hint: format!("keep only KEY=value lines and comments in {base}"),
    }
}

fn reserved_by_shells(target: &FileTarget, keys: &[String]) -> Error {
    Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(keys),
        reader: "a shell".to_owned(),
        reason: "shells reserve variables of that name".to_owned(),
        hint: "choose another name in Vault, or another reader with --dialect".to_owned(),
    }
}

/// Readers outside the file's dialects that would misread it, by what goes wrong.
pub(super) fn other_readers(
    target: &FileTarget,
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

/// All readers that the file must serve.
pub(super) fn served_readers(target: &FileTarget) -> impl Iterator<Item = Dialect> {
    READERS
        .into_iter()
        .filter(|reader| dotenv::serves(&target.dialects, *reader))
}

/// Keys whose lines can stay as they are: every reader that would read the value correctly from
/// `new` already reads it correctly from `old`, and at least one reader does.
pub(super) fn settled(
    target: &FileTarget,
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
    for reader in served_readers(target) {
        let (before, after) = (misread(reader, old), misread(reader, new));
        read_by_one.extend(settled.iter().filter(|key| !before.contains(*key)).cloned());
        settled.retain(|key| after.contains(key) || !before.contains(key));
    }
    settled.retain(|key| read_by_one.contains(key));
    settled
}
