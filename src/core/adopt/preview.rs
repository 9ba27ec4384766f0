//! Previews of files for the person, with every value masked.

use std::ops::Range;

use super::intake::IntakeFormat;
use crate::core::mask::{MASK, mask_lines};
use crate::format::dotenv::{self, Dialect};
use crate::format::yaml::tree::{self, Node};

/// The text with each value masked. Lines that are not entries are masked too, except those with a
/// reference `${…}`.
pub(super) fn masked(text: &str, format: IntakeFormat, reader: Dialect) -> String {
    let values: Vec<Range<usize>> = match format {
        IntakeFormat::Env => {
            let reading = dotenv::reading(reader, text, &|_| None);
            reading
                .lines
                .iter()
                .filter(|line| !line.is_only_references)
                .map(|line| line.raw.clone())
                .collect()
        }
        IntakeFormat::Yaml => {
            let documents = tree::parse(text).unwrap_or_default();
            let entries = documents.iter().flat_map(Node::entries);
            entries.map(|(_, value)| value.span.clone()).collect()
        }
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
    mask_lines(&out, |line| line.contains(MASK) || line.contains("${"))
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
