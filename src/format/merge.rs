//! Merges a file with its template. The existing file is the base: its own lines stay, byte for
//! byte.
//!
//! This module ignores values: [`Document::fill`] fills them in afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zeroize::Zeroizing;

use super::edit::{Document, KeyTexts, NewEntry};

/// A text with the entries found in it.
pub struct MergePart<'a> {
    /// The text.
    pub text: &'a str,
    /// The entries of the text.
    pub document: &'a Document,
    /// Where the content begins, after our header.
    pub start: usize,
}

/// The inputs of a merge.
pub struct Merge<'a> {
    /// The existing file.
    pub file: MergePart<'a>,
    /// Its template.
    pub template: Option<MergePart<'a>>,
    /// Keys to remove from the file, or to reset to the template's default.
    pub gone_keys: &'a BTreeSet<String>,
    /// Lines that must replace the template's line, by key and without the line end.
    pub defaults: &'a KeyTexts,
    /// The comments above keys that only Vault has. Such a comment is removed if no key is left
    /// below it.
    pub blocks: &'a [&'a str],
}

/// The merged text, before values are filled in.
#[derive(Default)]
pub struct Merged {
    /// The text.
    pub text: Zeroizing<String>,
    /// Keys whose lines came from the template.
    pub inserted: BTreeSet<String>,
    /// Keys whose lines were removed.
    pub removed: BTreeSet<String>,
    /// Keys that were reset to the template's default.
    pub returned: BTreeSet<String>,
}

impl Merge<'_> {
    /// Performs the merge.
    #[must_use]
    pub fn merge(&self) -> Merged {
        let mut merged = Merged::default();
        let mut edits: Vec<(Range<usize>, Zeroizing<String>)> = Vec::new();
        for entry in &self.file.document.entries {
            if self.gone_keys.contains(&entry.key) {
                edits.push(self.without(entry, &mut merged));
            } else if let Some(line) = self.default_in_file(entry) {
                edits.push(line);
            }
        }
        let removes = !merged.removed.is_empty();
        edits.extend(self.insertions(&mut merged));
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        merged.text = apply(self.file.text, &edits);
        if removes {
            merged.text = without_empty_blocks(&merged.text, self.blocks);
        }
        merged
    }

    /// The edit for a key that is no longer in Vault: reset to the template's default, or removed.
    fn without(&self, entry: &NewEntry, merged: &mut Merged) -> (Range<usize>, Zeroizing<String>) {
        let template = self.template.as_ref();
        let default = template.and_then(|part| {
            Some((
                part,
                part.document
                    .entries
                    .iter()
                    .rfind(|one| one.key == entry.key)?,
            ))
        });
        if let Some((part, default)) = default {
            merged.returned.insert(entry.key.clone());
            let line = self.line_of(part, default);
            return (
                entry.start..line_end(self.file.text, entry.value.end),
                self.with_own_line_end(&line),
            );
        }
        merged.removed.insert(entry.key.clone());
        (
            entry.start..next_line(self.file.text, entry.value.end),
            Zeroizing::default(),
        )
    }

    /// The edit for a line that still equals the template's line, if `defaults` replaces that line.
    fn default_in_file(&self, entry: &NewEntry) -> Option<(Range<usize>, Zeroizing<String>)> {
        let line = self.defaults.get(&entry.key)?;
        let part = self.template.as_ref()?;
        let default = part
            .document
            .entries
            .iter()
            .rfind(|one| one.key == entry.key)?;
        let range = entry.start..line_end(self.file.text, entry.value.end);
        let is_same = self.file.text[range.clone()]
            == part.text[default.start..line_end(part.text, default.value.end)];
        is_same.then(|| (range, self.with_own_line_end(line)))
    }

    /// The template's line for a key, or the line that replaces it.
    fn line_of(&self, part: &MergePart<'_>, entry: &NewEntry) -> Zeroizing<String> {
        let own = || {
            Zeroizing::new(part.text[entry.start..line_end(part.text, entry.value.end)].to_owned())
        };
        self.defaults.get(&entry.key).cloned().unwrap_or_else(own)
    }

    /// The template's lines that are missing in the file. Each is placed after the nearest
    /// preceding key that the file has.
    fn insertions(&self, merged: &mut Merged) -> Vec<(Range<usize>, Zeroizing<String>)> {
        let Some(part) = &self.template else {
            return Vec::new();
        };
        let mut ends: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &self.file.document.entries {
            if !merged.removed.contains(&entry.key) {
                ends.insert(&entry.key, next_line(self.file.text, entry.value.end));
            }
        }
        let own_lines: BTreeSet<&str> = self.file.text.lines().map(str::trim).collect();
        let mut copied = own_lines;
        let mut chunks: BTreeMap<usize, Zeroizing<String>> = BTreeMap::new();
        let mut behind: Option<usize> = None;
        for (number, entry) in part.document.entries.iter().enumerate() {
            if let Some(end) = ends.get(entry.key.as_str()) {
                behind = Some(*end);
                continue;
            }
            let is_first = merged.inserted.insert(entry.key.clone());
            if !is_first {
                continue; // the key occurs twice in the template
            }
            let at = behind.unwrap_or_else(|| self.before_next(part, number, &ends));
            let chunk = chunks.entry(at).or_default();
            self.append_chunk(chunk, at, part, entry, &mut copied);
        }
        chunks
            .into_iter()
            .map(|(at, chunk)| (at..at, self.finished(at, chunk)))
            .collect()
    }

    /// The position for a template line if the file has no key that precedes it: before the next
    /// key that the file has, and before that key's comments. If the line and that key share a
    /// comment, right before the key itself. Without a next key, at the end.
    fn before_next(
        &self,
        part: &MergePart<'_>,
        number: usize,
        ends: &BTreeMap<&str, usize>,
    ) -> usize {
        let file = &self.file;
        let next = part.document.entries[number..]
            .iter()
            .find(|entry| ends.contains_key(entry.key.as_str()));
        let Some(entry) = next.and_then(|next| {
            file.document
                .entries
                .iter()
                .find(|entry| entry.key == next.key)
        }) else {
            return file.text.len();
        };
        let above = comments_above(file.text, entry.start, file.start);
        let wanted = &part.document.entries[number];
        let own = part.text[comments_above(part.text, wanted.start, part.start)..wanted.start]
            .lines()
            .map(str::trim);
        let existing: BTreeSet<&str> = file.text[above..entry.start]
            .lines()
            .map(str::trim)
            .filter(|line| has_words(line))
            .collect();
        if own.into_iter().any(|line| existing.contains(line)) {
            entry.start
        } else {
            above
        }
    }

    fn append_chunk<'a>(
        &'a self,
        chunk: &mut Zeroizing<String>,
        at: usize,
        part: &MergePart<'a>,
        entry: &NewEntry,
        copied: &mut BTreeSet<&'a str>,
    ) {
        let end = self.file.document.line_end(self.file.text);
        let first = comments_above(part.text, entry.start, part.start);
        let comments: Vec<&str> = part.text[first..entry.start]
            .lines()
            .map(str::trim_end)
            .collect();
        let comments = not_yet_copied(&comments, copied);
        let is_apart = ends_with_blank_line(&part.text[part.start..first]);
        let before = if chunk.is_empty() {
            &self.file.text[self.file.start..at]
        } else {
            chunk.as_str()
        };
        if is_apart && !before.is_empty() && !ends_with_blank_line(before) {
            chunk.push_str(end);
        }
        for comment in comments {
            copied.insert(comment.trim());
            chunk.push_str(comment);
            chunk.push_str(end);
        }
        chunk.push_str(&self.with_own_line_end(&self.line_of(part, entry)));
        chunk.push_str(end);
    }

    /// A chunk, preceded by a line end if the line before it lacks one.
    fn finished(&self, at: usize, chunk: Zeroizing<String>) -> Zeroizing<String> {
        let before = &self.file.text[..at];
        if before.is_empty() || before.ends_with('\n') || before == "\u{feff}" {
            return chunk;
        }
        Zeroizing::new(format!(
            "{}{}",
            self.file.document.line_end(self.file.text),
            chunk.as_str()
        ))
    }

    /// A template text converted to the file's line ends.
    fn with_own_line_end(&self, text: &str) -> Zeroizing<String> {
        let unix = Zeroizing::new(text.replace("\r\n", "\n"));
        match self.file.document.line_end(self.file.text) {
            "\r\n" => Zeroizing::new(unix.replace('\n', "\r\n")),
            _ => unix,
        }
    }
}

/// The comments that the file does not have yet. Lines without words, such as rulers, are included
/// only if all other lines are new.
fn not_yet_copied<'a>(comments: &[&'a str], copied: &BTreeSet<&str>) -> Vec<&'a str> {
    let is_new = |line: &&&str| !copied.contains(line.trim());
    let new: Vec<&str> = comments
        .iter()
        .filter(|line| has_words(line))
        .filter(is_new)
        .copied()
        .collect();
    let worded = comments.iter().filter(|line| has_words(line)).count();
    if worded > 0 && new.len() == worded {
        comments.to_vec()
    } else {
        new
    }
}

fn has_words(line: &str) -> bool {
    line.contains(char::is_alphanumeric)
}

fn apply(text: &str, edits: &[(Range<usize>, Zeroizing<String>)]) -> Zeroizing<String> {
    let more: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut out = Zeroizing::new(String::with_capacity(text.len() + more));
    let mut at = 0;
    for (range, new) in edits {
        out.push_str(&text[at..range.start.max(at)]);
        out.push_str(new);
        at = range.end.max(at);
    }
    out.push_str(&text[at..]);
    out
}

/// The end of the line that contains `at`, excluding the line end.
fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length);
    if text[at..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}

/// The start of the line after the one that contains `at`.
fn next_line(text: &str, at: usize) -> usize {
    text[at..]
        .find('\n')
        .map_or(text.len(), |length| at + length + 1)
}

/// The start of the comment lines directly above a line, but not before `from`.
fn comments_above(text: &str, line: usize, from: usize) -> usize {
    let mut first = line;
    while first > from {
        let start = text[from..first - 1]
            .rfind('\n')
            .map_or(from, |at| from + at + 1);
        if !text[start..first].trim_start().starts_with('#') {
            break;
        }
        first = start;
    }
    first
}

fn ends_with_blank_line(text: &str) -> bool {
    let mut lines = text.lines().rev();
    text.ends_with('\n') && lines.next().is_some_and(|line| line.trim().is_empty())
}

/// Drops the comment above keys that only Vault had, if no key is left below it.
fn without_empty_blocks(text: &str, blocks: &[&str]) -> Zeroizing<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut out = Zeroizing::new(String::with_capacity(text.len()));
    for (number, line) in lines.iter().enumerate() {
        let is_empty = blocks.contains(&line.trim_end())
            && lines
                .get(number + 1)
                .is_none_or(|next| next.trim().is_empty());
        if !is_empty {
            out.push_str(line);
            continue;
        }
        let kept = out.len()
            - if ends_with_blank_line(&out) {
                lines[number - 1].len()
            } else {
                0
            };
        out.truncate(kept);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dotenv::{Dialect, parse};

    fn merged(file: &str, template: &str, gone: &[&str]) -> Merged {
        let (of_file, of_template) = (
            parse(file, Dialect::Portable),
            parse(template, Dialect::Portable),
        );
        let gone = gone.iter().map(|key| (*key).to_owned()).collect();
        let start = if file.starts_with('\u{feff}') { 3 } else { 0 };
        let merge = Merge {
            file: MergePart {
                text: file,
                document: &of_file,
                start,
            },
            template: Some(MergePart {
                text: template,
                document: &of_template,
                start: 0,
            }),
            gone_keys: &gone,
            defaults: &KeyTexts::new(),
            blocks: &["# From Vault:"],
        };
        merge.merge()
    }

    #[test]
    fn a_missing_line_is_inserted_with_its_comment_after_the_preceding_key() {
        let template = "# the first\nA=1\n\n# the second\nB=2\n\n# the third\nC=3\n";
        let text = merged("A=mine\n\n# the third\nC=own\n# my end\n", template, &[]).text;
        assert_eq!(
            *text,
            "A=mine\n\n# the second\nB=2\n\n# the third\nC=own\n# my end\n"
        );
        let text = merged("# my own\nC=own", template, &[]).text;
        assert_eq!(
            *text,
            "# the first\nA=1\n\n# the second\nB=2\n# my own\nC=own"
        );
        let text = merged("X=1", "A=1\nB=2\n", &[]).text;
        assert_eq!(*text, "X=1\nA=1\nB=2\n");
    }

    #[test]
    fn a_comment_is_never_copied_twice() {
        let template = "# ----\n# the database\n# ----\nA=1\nB=2\n";
        let text = merged("# ----\n# the database\n# ----\nB=2\n", template, &[]).text;
        assert_eq!(*text, "# ----\n# the database\n# ----\nA=1\nB=2\n");
        let text = merged("B=2\n", template, &[]).text;
        assert_eq!(*text, "# ----\n# the database\n# ----\nA=1\nB=2\n");
    }

    #[test]
    fn keys_no_longer_in_vault_are_removed_or_reset_to_their_default() {
        let merged = merged(
            "A=old # note\nX=gone # with it\nY=mine\n\n# From Vault:\nZ=1\n",
            "A=default\n",
            &["A", "X", "Z"],
        );
        assert_eq!(*merged.text, "A=default\nY=mine\n");
        assert_eq!(merged.removed.iter().collect::<Vec<_>>(), ["X", "Z"]);
        assert_eq!(merged.returned.iter().collect::<Vec<_>>(), ["A"]);
    }

    #[test]
    fn line_ends_and_a_byte_order_mark_are_the_files_own() {
        assert_eq!(
            *merged("\u{feff}A=1\r\nC=3\r\n", "A=1\n# b\nB=2\n", &[]).text,
            "\u{feff}A=1\r\n# b\r\nB=2\r\nC=3\r\n"
        );
        assert_eq!(
            *merged("A=1\nC=3\n", "A=1\r\nB='x\r\ny'\r\n", &[]).text,
            "A=1\nB='x\ny'\nC=3\n"
        );
    }
}
