//! Fills Vault's values into a YAML file.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

use super::{Base, Filled, RenderSource, list, style};
use crate::core::inject::target::FileTarget;
use crate::core::inject::yaml_text::{self, Mapping};
use crate::error::{Error, Result};
use crate::format::edit::{KeyTexts, NewEntry};
use crate::format::yaml;
use crate::secret::Value;
use crate::vault::Secrets;

/// Why a text cannot be edited safely.
type Unsafe = &'static str;

const WOULD_CHANGE_OTHERS: Unsafe = "replacing the values would change others in it";

/// Parses the text again after writing: every value must read back as written, and everything else
/// must be unchanged.
pub(super) fn fill(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
    base: &Base,
) -> Result<Filled> {
    fill_if_safe(target, secrets, source, base).map_err(|reason| Error::Confined {
        path: source.path(target).to_owned(),
        reason,
    })
}

fn fill_if_safe(
    target: &FileTarget,
    secrets: &Secrets,
    source: &RenderSource<'_>,
    base: &Base,
) -> std::result::Result<Filled, Unsafe> {
    let text = base.merged.text.as_str();
    let before = Mapping::read(text)?;
    let entries = &base.document.entries;
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    if !before.has_keys(&names) {
        return Err(WOULD_CHANGE_OTHERS);
    }
    let is_settled =
        |(key, value): &(&String, &Value)| source.old.is_some() && before.has(key, value);
    let settled: BTreeSet<String> = secrets
        .iter()
        .filter(is_settled)
        .map(|(key, _)| key.clone())
        .collect();
    let due = secrets.iter().filter(|(key, _)| !settled.contains(*key));
    let texts: KeyTexts = due
        .map(|(key, value)| (key.clone(), yaml_text::written(value)))
        .collect();
    if before.has_anchor_in(&texts) {
        return Err("a value that Vault sets has an anchor (&…) that other lines may refer to");
    }
    let edited = base
        .document
        .fill(text, &texts, &style(target, source, false));
    let after = Mapping::read(&edited.text)?;
    check_written(&texts, secrets, &edited.text, &after)?;
    check_others(&texts, source, base, &before, &after)?;
    Ok(Filled {
        edited,
        settled,
        remarks: remark(secrets, base).into_iter().collect(),
    })
}

/// Every value must read back as written.
fn check_written(
    texts: &KeyTexts,
    secrets: &Secrets,
    edited: &str,
    after: &Mapping,
) -> std::result::Result<(), Unsafe> {
    let again = yaml::parse(edited)?;
    let written = again.raw(edited);
    let is_read =
        |key: &String, value: &Value| matches!(value, Value::Json(_)) || after.has(key, value);
    let is_right = |(key, text): (&String, &Zeroizing<String>)| {
        written.get(key) == Some(&text.as_str())
            && secrets.get(key).is_some_and(|value| is_read(key, value))
    };
    if texts.iter().all(is_right) {
        Ok(())
    } else {
        Err("a value in it is written in a way that cannot be replaced safely")
    }
}

/// Everything else must be unchanged, compared with the existing file and with the base.
fn check_others(
    texts: &KeyTexts,
    source: &RenderSource<'_>,
    base: &Base,
    before: &Mapping,
    after: &Mapping,
) -> std::result::Result<(), Unsafe> {
    let merged = &base.merged;
    let moved = [&merged.inserted, &merged.removed, &merged.returned]
        .into_iter()
        .flatten();
    let touched: BTreeSet<&str> = texts.keys().chain(moved).map(String::as_str).collect();
    let old = source.old.map(Mapping::read).transpose()?;
    let is_kept = old.is_none_or(|old| old.is_same_but(after, &touched));
    if is_kept && before.is_same_but(after, &texts.keys().map(String::as_str).collect()) {
        Ok(())
    } else {
        Err(WOULD_CHANGE_OTHERS)
    }
}

/// A remark about unquoted names that YAML readers do not take for text.
fn remark(secrets: &Secrets, base: &Base) -> Option<String> {
    let text = base.merged.text.as_str();
    let is_typed = |entry: &&NewEntry| {
        secrets.contains_key(&entry.key) && yaml::is_typed(&text[entry.start..entry.key_end])
    };
    let typed: Vec<String> = base
        .document
        .entries
        .iter()
        .filter(is_typed)
        .map(|entry| entry.key.clone())
        .collect();
    (!typed.is_empty()).then(|| {
        format!(
            "unquoted, {} is not text to many YAML readers: quote it in the template",
            list(&typed)
        )
    })
}
