//! Decides which keys of a source are taken, and collects remarks about them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Contents, Found, FromOptions, Named, NotTaken, TakenEntries, shown, value_of};
use crate::error::{Error, Result};
use crate::format::classify::{Role, classify};
use crate::format::json::Typed;
use crate::format::source::Unreadable;
use crate::names::{Key, MAX_VALUE_BYTES};

/// How many problems an error lists.
const MAX_NAMED: usize = 5;

/// Takes the chosen keys. If any of them cannot be taken, takes none and reports all that cannot.
pub(super) fn taken(
    source: &Named<'_>,
    contents: Contents,
    options: &FromOptions,
) -> Result<TakenEntries> {
    let Contents {
        found,
        broken,
        is_cut,
        notes,
        is_typed,
    } = contents;
    let names: BTreeSet<&str> = found
        .iter()
        .map(|found| found.entry.name.as_str())
        .collect();
    let missing = options
        .only
        .iter()
        .chain(&options.except)
        .filter(|name| !names.contains(name.as_str()))
        .cloned()
        .collect();
    let is_chosen = |found: &Found| {
        let is_named = |list: &[String]| list.contains(&found.entry.name);
        (options.only.is_empty() || is_named(&options.only)) && !is_named(&options.except)
    };
    let mut faults = Vec::new();
    // A broken line always matters for a whole file. For keys chosen with `--only`, it matters only
    // if the reader stops at the line.
    if options.only.is_empty() || is_cut {
        faults.extend(broken.into_iter().map(|Unreadable { line, reason }| Fault {
            line,
            name: None,
            reason,
        }));
    }
    let mut taken = TakenEntries {
        values: BTreeMap::new(),
        is_typed,
        notes,
        not_taken: Vec::new(),
        missing,
    };
    for found in found.into_iter().filter(is_chosen) {
        if let Err(fault) = take(found, options, &mut taken) {
            faults.push(fault);
        }
    }
    if faults.is_empty() {
        Ok(taken)
    } else {
        Err(refusal(&source.name, faults))
    }
}

/// A key that cannot be taken, or a line without a key.
struct Fault {
    line: usize,
    name: Option<String>,
    reason: String,
}

fn take(
    found: Found,
    options: &FromOptions,
    taken: &mut TakenEntries,
) -> std::result::Result<(), Fault> {
    let Found {
        entry,
        expanded_from,
        is_only_references,
        is_unset,
    } = found;
    let (name, line) = (entry.name, entry.line);
    let fault = |reason: String| Fault {
        line,
        name: shown(&name),
        reason,
    };
    let value = entry.value.map_err(&fault)?;
    let key: Key = name.parse().map_err(|_| {
        fault("it is not the name of a key: 1 to 128 of A-Z a-z 0-9 _ - .".to_owned())
    })?;
    let not_taken = |reason: String| NotTaken {
        name: name.clone(),
        line,
        reason,
    };
    if is_unset {
        taken
            .not_taken
            .push(not_taken("has no value in the file".to_owned()));
        return Ok(());
    }
    if options.secrets_only
        && let Err(reason) = is_secret(&name, &value, is_only_references)
    {
        taken.not_taken.push(not_taken(reason));
        return Ok(());
    }
    let (Typed::Text(text) | Typed::Json(text)) = &value;
    if text.len() > MAX_VALUE_BYTES {
        return Err(fault("its value is longer than 64 KiB".to_owned()));
    }
    if !expanded_from.is_empty() {
        taken.notes.push(format!(
            "{name}: expanded from {}; it will not follow later changes",
            expanded_from.join(", ")
        ));
    }
    taken
        .notes
        .extend(entry.remark.map(|remark| format!("{name} {remark}")));
    taken.values.insert(key, value_of(value));
    Ok(())
}

/// Whether a value should be kept in Vault. If not, the error is the reason, as the rest of a
/// sentence that begins with the key's name.
fn is_secret(
    name: &str,
    value: &Typed,
    is_only_references: bool,
) -> std::result::Result<(), String> {
    if is_only_references {
        return Err("only refers to other variables".to_owned());
    }
    let (Typed::Text(text) | Typed::Json(text)) = value;
    let verdict = classify(name, text, Role::Value);
    if verdict.is_secret {
        Ok(())
    } else {
        Err(format!("is not a secret: {}", verdict.rule.reason))
    }
}

/// One error for everything that cannot be taken. It omits names that may be part of a value.
fn refusal(source: &str, mut faults: Vec<Fault>) -> Error {
    faults.sort_by_key(|fault| fault.line);
    let described = |Fault { line, name, reason }: &Fault| match name {
        Some(name) => format!("line {line}: {name}: {reason}"),
        None => format!("line {line}: {reason}"),
    };
    let named: Vec<String> = faults.iter().take(MAX_NAMED).map(described).collect();
    let more = match faults.len().saturating_sub(MAX_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let names: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault.name.as_deref())
        .collect();
    let hint = match names.as_slice() {
        [] => "correct the line, or take single keys: --only KEY,…".to_owned(),
        names => format!(
            "correct it, or leave it out: --except {}   (or take single keys: --only KEY,…)",
            names.join(",")
        ),
    };
    Error::invalid(format!("{source}: {}{more}", named.join("; ")), hint)
}
