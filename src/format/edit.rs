//! Edits a file entry by entry. Everything outside of the edited values stays, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zeroize::Zeroizing;

/// Values by key, as written in the file.
pub type KeyTexts = BTreeMap<String, Zeroizing<String>>;

/// A key and the position of its value in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// The start of the entry's line.
    pub start: usize,
    /// The key, without quotes.
    pub key: String,
    /// The end of the key as written.
    pub key_end: usize,
    /// The range of the value as written.
    pub value: Range<usize>,
}

/// The entries of a text, in text order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Document {
    /// All entries, including repeated keys.
    pub entries: Vec<NewEntry>,
    /// The numbers of lines that are neither entries nor comments nor blank.
    pub unread: Vec<usize>,
}

/// A template with its values filled in.
pub struct Edited {
    /// The text.
    pub text: Zeroizing<String>,
    /// Keys of the template without a new value, which keep their default.
    pub defaults: Vec<String>,
    /// Keys that were set and occur more than once in the template.
    pub repeated: Vec<String>,
}

/// The format-specific parts of an edit.
pub struct CommentStyle<'a> {
    /// Formats a key and a value as a line, without its end.
    pub line: fn(&str, &str) -> String,
    /// Rewrites every entry in its plainest form, with its comment on a line of its own, for
    /// readers that support nothing else. If `false`, everything except the values stays unchanged.
    pub tidy: bool,
    /// The comment lines at the top, without line ends.
    pub header: &'a [String],
    /// Returns the length in bytes of an older header at the start of a text.
    pub header_length: fn(&str) -> usize,
    /// The comment above keys that are added to the text.
    pub block: &'a str,
    /// Every comment that such a block can have: [`Self::block`], and those of earlier versions.
    pub blocks: &'a [&'a str],
}

impl Document {
    /// The raw value of each key. The last of repeated keys counts, as in most readers.
    #[must_use]
    pub fn raw<'a>(&self, text: &'a str) -> BTreeMap<String, &'a str> {
        self.entries
            .iter()
            .map(|entry| (entry.key.clone(), &text[entry.value.clone()]))
            .collect()
    }

    /// Fills `values` (key and text as written) into the template `text`.
    #[must_use]
    pub fn fill(&self, text: &str, values: &KeyTexts, style: &CommentStyle<'_>) -> Edited {
        let end = self.line_end(text);
        let (mark, body_start) = skip_header(text, style.header_length);
        // Reserve enough room for everything: a reallocation would leave a copy of the secrets in
        // memory.
        let additions: usize = values
            .iter()
            .map(|(key, value)| key.len() + 2 * value.len() + 16)
            .sum();
        let header: usize = style.header.iter().map(|line| line.len() + 2).sum();
        let mut out = Zeroizing::new(String::with_capacity(
            2 * text.len() + additions + header + style.block.len() + 16,
        ));
        out.push_str(mark);
        for line in style.header {
            out.push_str(line);
            out.push_str(end);
        }
        let mut at = body_start;
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &self.entries {
            *seen.entry(&entry.key).or_default() += 1;
            let value = values.get(&entry.key).map(|value| value.as_str());
            if style.tidy {
                out.push_str(&text[at..entry.start]);
                at = tidied(&mut out, text, entry, value, style);
            } else if let Some(value) = value {
                out.push_str(&text[at..entry.value.start]);
                if text[entry.key_end..entry.value.start].ends_with(':') {
                    out.push(' ');
                }
                out.push_str(value);
                at = entry.value.end;
            }
        }
        out.push_str(&text[at..]);
        self.append_missing(&mut out, values, style, end);
        Edited {
            text: out,
            defaults: seen
                .keys()
                .filter(|key| !values.contains_key(**key))
                .map(|key| (*key).to_owned())
                .collect(),
            repeated: seen
                .iter()
                .filter(|(key, count)| **count > 1 && values.contains_key(**key))
                .map(|(key, _)| (*key).to_owned())
                .collect(),
        }
    }

    /// The line end of a text: the first one outside of a value.
    pub(super) fn line_end(&self, text: &str) -> &'static str {
        let in_value = |at: usize| self.entries.iter().any(|entry| entry.value.contains(&at));
        let first = text
            .match_indices('\n')
            .map(|(at, _)| at)
            .find(|at| !in_value(*at));
        if first.is_some_and(|at| text[..at].ends_with('\r')) {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// Appends the missing keys: to the block of such keys at the end of the text, or else to a new
    /// block.
    fn append_missing(
        &self,
        out: &mut String,
        values: &KeyTexts,
        style: &CommentStyle<'_>,
        end: &str,
    ) {
        let existing: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        let missing: Vec<_> = values
            .iter()
            .filter(|(key, _)| !existing.contains(key.as_str()))
            .collect();
        if missing.is_empty() {
            return;
        }
        if !out.is_empty() && !out.ends_with('\n') {
            out.push_str(end);
        }
        if !ends_with_block(out, style.blocks) {
            out.push_str(end);
            out.push_str(style.block);
            out.push_str(end);
        }
        for (key, value) in missing {
            out.push_str(&(style.line)(key, value));
            out.push_str(end);
        }
    }
}

/// Whether a text ends with a block of lines under one of these comments.
fn ends_with_block(text: &str, blocks: &[&str]) -> bool {
    let is_not_blank = |line: &&str| !line.trim().is_empty();
    text.lines()
        .rev()
        .take_while(is_not_blank)
        .any(|line| blocks.contains(&line.trim_end()))
}

/// Writes one entry in its plainest form, and returns the position at which the text continues. If
/// the entry gets no new value, the text after the old value may be a part of it, and stays.
fn tidied(
    out: &mut String,
    text: &str,
    entry: &NewEntry,
    value: Option<&str>,
    style: &CommentStyle<'_>,
) -> usize {
    let Some(value) = value else {
        out.push_str(&(style.line)(&entry.key, &text[entry.value.clone()]));
        return entry.value.end;
    };
    let rest = text[entry.value.end..]
        .split('\n')
        .next()
        .unwrap_or_default()
        .trim_end_matches('\r');
    let is_comment = rest.trim_start().starts_with('#');
    if is_comment {
        out.push_str(rest.trim());
        out.push('\n');
    }
    out.push_str(&(style.line)(&entry.key, value));
    entry.value.end
        + if is_comment || rest.trim().is_empty() {
            rest.len()
        } else {
            0
        }
}

/// Returns the byte order mark, and the position after it and after our own header.
#[must_use]
pub fn skip_header(text: &str, header_length: fn(&str) -> usize) -> (&str, usize) {
    let mark = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    (&text[..mark], mark + header_length(&text[mark..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::dotenv;

    fn filled(template: &str, values: &[(&str, &str)], tidy: bool) -> Edited {
        let header = ["# ours".to_owned(), "#".to_owned()];
        let header_length = |text: &str| {
            if text.starts_with("# ours\n#\n") {
                "# ours\n#\n".len()
            } else {
                0
            }
        };
        let style = CommentStyle {
            line: |k, v| format!("{k}={v}"),
            tidy,
            header: &header,
            header_length,
            block: "# more",
            blocks: &["# more"],
        };
        let values = values
            .iter()
            .map(|(k, v)| ((*k).to_owned(), Zeroizing::new((*v).to_owned())))
            .collect();
        dotenv::parse(template, dotenv::Dialect::Portable).fill(template, &values, &style)
    }

    fn fill(template: &str, values: &[(&str, &str)]) -> Edited {
        filled(template, values, false)
    }

    #[test]
    fn everything_but_the_values_stays() {
        let edited = fill(
            "# top\n\nexport A=x # why\nB = y\nC=keep\n",
            &[("A", "1"), ("B", ""), ("D", "4")],
        );
        assert_eq!(
            *edited.text,
            "# ours\n#\n# top\n\nexport A=1 # why\nB = \nC=keep\n\n# more\nD=4\n"
        );
        assert_eq!(edited.defaults, ["C"]);
    }

    #[test]
    fn a_tidy_file_has_nothing_but_plain_entries_and_comments() {
        let edited = filled(
            "# top\n\n  export A = x # why\nB = y\nC='keep'\t\nD=4",
            &[("A", "1"), ("D", "5")],
            true,
        );
        assert_eq!(
            *edited.text,
            "# ours\n#\n# top\n\n# why\nA=1\nB=y\nC='keep'\t\nD=5"
        );
    }

    #[test]
    fn a_comment_in_place_of_a_value_stays_a_comment() {
        assert!(
            fill("A= # why\n", &[("A", "1")])
                .text
                .ends_with("A=1 # why\n")
        );
        assert!(fill("A=#why\n", &[("A", "1")]).text.ends_with("A=1\n"));
    }

    #[test]
    fn a_second_edit_changes_nothing() {
        let once = fill("A=x\n", &[("A", "1"), ("D", "4")]).text;
        assert_eq!(fill(&once, &[("A", "1"), ("D", "4")]).text, once);
    }

    #[test]
    fn keys_added_later_join_the_existing_block() {
        let once = fill("A=x\n", &[("A", "1"), ("D", "4")]).text;
        assert!(
            fill(&once, &[("A", "1"), ("D", "4"), ("E", "5")])
                .text
                .ends_with("A=1\n\n# more\nD=4\nE=5\n")
        );
    }

    #[test]
    fn line_ends_byte_order_mark_and_repeated_keys_are_kept() {
        let edited = fill("\u{feff}A=x\r\nA=y", &[("A", "1"), ("B", "2")]);
        assert_eq!(
            *edited.text,
            "\u{feff}# ours\r\n#\r\nA=1\r\nA=1\r\n\r\n# more\r\nB=2\r\n"
        );
        assert_eq!(edited.repeated, ["A"]);
    }
}
