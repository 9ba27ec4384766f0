//! Editing a file entry by entry: what is not an entry that is set stays, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use zeroize::Zeroizing;

/// Values by key, as they shall stand in a text.
pub type Texts = BTreeMap<String, Zeroizing<String>>;

/// A key with its place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where its line starts.
    pub start: usize,
    /// The key, quotes removed.
    pub key: String,
    /// Where its key ends.
    pub key_end: usize,
    /// Where its value stands.
    pub value: Range<usize>,
}

/// The entries of a text, in its order.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Document {
    /// All of them, also those of the same key.
    pub entries: Vec<Entry>,
    /// Numbers of lines that are neither entries nor comments nor blank.
    pub unread: Vec<usize>,
}

/// A template with values put in.
pub struct Edited {
    /// The text.
    pub text: Zeroizing<String>,
    /// Keys that the template has and the values lack.
    pub defaults: Vec<String>,
    /// Keys that were set and stand in the template more than once.
    pub repeated: Vec<String>,
}

/// What an edit needs to know of a format.
pub struct Style<'a> {
    /// Puts key and value on a line, without its end.
    pub line: fn(&str, &str) -> String,
    /// Every entry in its plainest form, with its comment on a line of its own, for readers that
    /// know nothing else. Otherwise all that is not a value stays as it is.
    pub tidy: bool,
    /// The comment lines at the top, without line ends.
    pub header: &'a [String],
    /// How many bytes of a text, from its first line on, are an older header.
    pub header_length: fn(&str) -> usize,
    /// The comment over keys that the text lacks.
    pub block: &'a str,
    /// The comments that such a block may have had before.
    pub blocks: &'a [&'a str],
}

impl Document {
    /// The value's text of each key; the last one counts, as readers do.
    #[must_use]
    pub fn raw<'a>(&self, text: &'a str) -> BTreeMap<String, &'a str> {
        self.entries
            .iter()
            .map(|entry| (entry.key.clone(), &text[entry.value.clone()]))
            .collect()
    }

    /// Puts `values` (key and text as it shall stand) into the template `text`.
    #[must_use]
    pub fn fill(&self, text: &str, values: &Texts, style: &Style<'_>) -> Edited {
        let end = self.line_end(text);
        let (mark, body_start) = skip_header(text, style.header_length);
        // Large enough for all of it: a text that moves leaves a copy behind.
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

    /// The line end of a text: its first one that is not part of a value.
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

    /// Adds the keys that the text lacks: to the block of such keys that it ends with, else in a
    /// new one.
    fn append_missing(&self, out: &mut String, values: &Texts, style: &Style<'_>, end: &str) {
        let there: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| entry.key.as_str())
            .collect();
        let missing: Vec<_> = values
            .iter()
            .filter(|(key, _)| !there.contains(key.as_str()))
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

/// Writes one entry with nothing around it; gives the place where the text goes on. Of an entry
/// that is not set, what stands behind the value may be a part of it: that stays.
fn tidied(
    out: &mut String,
    text: &str,
    entry: &Entry,
    value: Option<&str>,
    style: &Style<'_>,
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

/// The byte order mark, and where the text goes on after it and a header of ours.
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
        let style = Style {
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
    fn a_comment_where_a_value_is_due_stays_a_comment() {
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
    fn keys_that_come_later_join_the_block_of_those_before() {
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
