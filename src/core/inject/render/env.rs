//! Fills Vault's values into a `.env` file.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::{Base, Filled, RenderSource, list, reader, readers, style, values_of};
use crate::core::inject::faults::{first_fault, lost_default, settled, unreadable};
use crate::core::inject::target::FileTarget;
use crate::error::{Error, Result};
use crate::format::dotenv::{self, Dialect, READERS};
use crate::format::edit::KeyTexts;
use crate::names::printable;
use crate::secret::WayOut;
use crate::vault::Secrets;

/// Keeps the base as it is if its readers read back the values; otherwise writes every entry in its
/// plainest form. If a reader still misreads that, the file is refused.
pub(super) fn fill(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
    base: &Base,
) -> Result<Filled> {
    let texts = env_values(target, secrets)?;
    let values = values_of(secrets);
    let text = base.merged.text.as_str();
    let filled = |texts: &KeyTexts| {
        base.document
            .fill(text, texts, &style(target, source, false))
    };
    let all = filled(&texts);
    let settled = source
        .old
        .map(|old| settled(target, old, &all.text, &values))
        .unwrap_or_default();
    let edited = if settled.is_empty() {
        all
    } else {
        filled(&without(&texts, &settled))
    };
    let fault = |now: &str| {
        first_fault(target, now, &values).or_else(|| lost_default(target, text, now, &values))
    };
    let own_reader = reader(target);
    let Some((reader, _)) = fault(&edited.text) else {
        return Ok(Filled {
            edited,
            settled,
            remarks: Vec::new(),
        });
    };
    let plain = Zeroizing::new(text.trim_start_matches('\u{feff}').replace("\r\n", "\n"));
    let tidied =
        dotenv::parse(&plain, own_reader).fill(&plain, &texts, &style(target, source, true));
    if let Some((reader, fault)) = fault(&tidied.text) {
        return Err(unreadable(target, reader, &fault, &tidied.text, source));
    }
    let whose = if source.old.is_some() {
        "the file's"
    } else {
        "the template's"
    };
    let remark = format!(
        "{whose} lines were rewritten as plain KEY=value lines, since {} reads no others",
        reader.reader()
    );
    Ok(Filled {
        edited: tidied,
        settled,
        remarks: vec![remark],
    })
}

fn without(texts: &KeyTexts, settled: &BTreeSet<String>) -> KeyTexts {
    texts
        .iter()
        .filter(|(key, _)| !settled.contains(*key))
        .map(|(key, text)| (key.clone(), text.clone()))
        .collect()
}

/// The text of each value as written to the file. The error names all values that cannot be
/// written.
fn env_values(target: &FileTarget, secrets: &Secrets) -> Result<KeyTexts> {
    let mut texts = KeyTexts::new();
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in secrets {
        let value = value.secret().expose(WayOut::InjectedFile);
        match dotenv::write(&target.dialects, value) {
            Ok(text) => drop(texts.insert(key.clone(), text)),
            Err(reason) => refused.entry(reason).or_default().push(key.clone()),
        }
    }
    let Some((reason, keys)) = refused.iter().next() else {
        return Ok(texts);
    };
    let others: Vec<&str> = refused
        .values()
        .skip(1)
        .flatten()
        .map(String::as_str)
        .collect();
    let rest = if others.is_empty() {
        String::new()
    } else {
        format!("; {} cannot either, for other reasons", others.join(", "))
    };
    let all: Vec<&String> = refused.values().flatten().collect();
    Err(Error::Unwritable {
        file: printable(&target.file.to_string_lossy(), false),
        keys: list(keys),
        reader: readers(&target.dialects),
        reason: format!("{reason}{rest}"),
        hint: ways_out(target, &all, secrets),
    })
}

/// Hints for values that were refused: readers that can read all of them, or ways without a `.env`
/// file.
fn ways_out(target: &FileTarget, refused: &[&String], secrets: &Secrets) -> String {
    let writable = |dialect: &&Dialect| {
        refused.iter().all(|key| {
            let value = secrets
                .get(*key)
                .map(|value| value.secret().expose(WayOut::Inspection));
            value.is_some_and(|value| dotenv::write(&[**dialect], value).is_ok())
        })
    };
    // If the file has several readers, suggest only these; otherwise suggest any reader.
    let candidates: &[Dialect] = if target.dialects.len() > 1 {
        &target.dialects
    } else {
        &READERS
    };
    let dialects: Vec<&str> = candidates
        .iter()
        .filter(writable)
        .map(|dialect| dialect.name())
        .collect();
    let FileTarget {
        command, service, ..
    } = target;
    let named = match dialects.as_slice() {
        [] => String::new(),
        [first] => format!("for one reader: {command} --dialect {first}; or "),
        [first, rest @ ..] => {
            format!(
                "for one reader: {command} --dialect {first}   (or {}); or ",
                rest.join(", ")
            )
        }
    };
    format!(
        "{named}run the program without a file: claude-vault exec {service} -- COMMAND; or give the value a file of its own: \
         claude-vault get {service} {}",
        refused.first().map_or("KEY", |key| key.as_str())
    )
}
