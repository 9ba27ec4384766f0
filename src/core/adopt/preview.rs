//! Previews of files for the person, with every value masked.

use zeroize::Zeroizing;

use super::intake::IntakeFormat;
use crate::format::dotenv::{self, Dialect};
use crate::format::yaml::tree::{self, NodeKind};

/// Replaces every value. Its fixed length does not reveal the length of the value.
const MASK: &str = "••••••••";

/// The text with each value masked. Lines that are not entries are masked too.
pub(super) fn masked(text: &str, format: IntakeFormat, reader: Dialect) -> String {
    let values = match format {
        IntakeFormat::Env => {
            let reading = dotenv::reading(reader, text, &|_| None);
            reading
                .lines
                .iter()
                .filter(|line| !line.is_only_references)
                .map(|line| line.raw.clone())
                .collect()
        }
        IntakeFormat::Yaml => yaml_values(text),
    };
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for value in values {
        if value.start < at || value.is_empty() {
            continue;
        }
        out.push_str(&text[at..value.start]);
        out.push_str(MASK);
        at = value.end;
    }
    out.push_str(&text[at..]);
    without_strays(&out)
}

fn yaml_values(text: &str) -> Vec<std::ops::Range<usize>> {
    let documents = tree::parse(text).unwrap_or_default();
    let entries = documents
        .iter()
        .filter_map(|document| match &document.kind {
            NodeKind::Map(entries) => Some(entries),
            NodeKind::List(_) | NodeKind::Scalar { .. } | NodeKind::Alias(_) => None,
        });
    entries
        .flatten()
        .map(|(_, value)| value.span.clone())
        .collect()
}

/// Masks each line that may be part of a value. Blank lines, comments, lines with a masked value
/// and lines with a reference `${…}` stay.
fn without_strays(text: &str) -> String {
    let masked = |line: &str| match line.trim() {
        "" => line.to_owned(),
        trimmed if trimmed.starts_with('#') || trimmed.contains(MASK) || trimmed.contains("${") => {
            line.to_owned()
        }
        _ => format!("{MASK}\n"),
    };
    text.split_inclusive('\n').map(masked).collect()
}

/// The lines that differ from the old text, with their numbers.
pub(super) fn changed_lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let is_same_length = old.len() == new.len();
    let changed = new
        .iter()
        .enumerate()
        .filter(|(at, line)| match is_same_length {
            true => old.get(*at) != Some(*line),
            false => !old.contains(line),
        });
    changed
        .map(|(at, line)| format!("{}: {}\n", at + 1, line.trim()))
        .collect()
}

/// The template with an empty entry appended for each key; `None` without keys.
pub(super) fn with_keys(
    template: &str,
    format: IntakeFormat,
    keys: &[&str],
) -> Option<Zeroizing<String>> {
    if keys.is_empty() {
        return None;
    }
    let end = if template.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    let mut text = Zeroizing::new(template.to_owned());
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    for key in keys {
        match format {
            IntakeFormat::Env => text.push_str(&format!("{key}={end}")),
            IntakeFormat::Yaml => {
                text.push_str(&format!("{}: \"\"{end}", crate::format::yaml::quote(key)));
            }
        }
    }
    Some(text)
}
