//! Rewrites a template's defaults so that the file's readers read what the template's author meant:
//! a comment is not part of the value, and unquoted text is taken literally.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::faults::served_readers;
use super::target::FileTarget;
use crate::format::dotenv::{self, Dialect};
use crate::format::edit::{Document, KeyTexts, NewEntry};
use crate::vault::Secrets;

/// The template lines that must be rewritten for the file's readers, by key.
pub(super) fn defaults(
    target: &FileTarget,
    secrets: &Secrets,
    text: &str,
    document: &Document,
) -> KeyTexts {
    let lines = document
        .entries
        .iter()
        .filter(|entry| !secrets.contains_key(&entry.key));
    lines
        .filter_map(|entry| Some((entry.key.clone(), line(target, text, entry)?)))
        .collect()
}

/// A rewritten line that more of the file's readers read as meant, if there is one.
fn line(target: &FileTarget, text: &str, entry: &NewEntry) -> Option<Zeroizing<String>> {
    let end = entry.value.end
        + text[entry.value.end..]
            .lines()
            .next()
            .unwrap_or_default()
            .len();
    let start = &text[entry.start..entry.value.start];
    let (value, comment) = meant(
        target,
        &text[entry.value.clone()],
        text[entry.value.end..end].trim(),
    )?;
    let values = BTreeMap::from([(entry.key.as_str(), value)]);
    let readers = |line: &str| {
        let file = Zeroizing::new(format!("{line}\n"));
        served_readers(target)
            .filter(|reader| dotenv::check(*reader, &file, &values).is_ok())
            .count()
    };
    let written = dotenv::write(&target.dialects, value).ok()?;
    let behind = if value.is_empty() { "''" } else { &written };
    let lines = match comment {
        "" => vec![format!("{start}{}", written.as_str())],
        _ => vec![
            format!("{start}{behind} {comment}"),
            format!("{comment}\n{}{}", start.trim_start(), written.as_str()),
        ],
    };
    let mut best = (readers(&text[entry.start..end]), None);
    for line in lines.into_iter().map(Zeroizing::new) {
        let count = readers(&line);
        if count > best.0 {
            best = (count, Some(line));
        }
    }
    best.1
}

/// The value that the author of a default meant, and the comment after it. `None` if the default
/// has quotes, escapes or variables, which the readers interpret.
fn meant<'a>(target: &FileTarget, raw: &'a str, behind: &'a str) -> Option<(&'a str, &'a str)> {
    let is_comment = |text: &str| text.trim_start().starts_with('#');
    if raw.is_empty() {
        return is_comment(behind).then_some(("", behind));
    }
    // docker reads everything after the `=` as the value, comments included.
    if raw.starts_with([' ', '\t']) && is_comment(raw) {
        return Some(("", raw.trim()));
    }
    let is_literal = !raw.contains(['\'', '"', '`', '\\', '$', '\n']);
    let is_named = target.dialects != [Dialect::Portable];
    (is_literal && is_named && (behind.is_empty() || is_comment(behind))).then_some((raw, behind))
}
