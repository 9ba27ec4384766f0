//! The common part of npm's and Ruby's dotenv. Both search the file for lines that match one
//! pattern, and skip everything else.

use std::ops::Range;

use super::text::{Cursor, line_end, line_start};

/// A line that matches.
pub(super) struct Line<'a> {
    pub(super) exported: bool,
    pub(super) key: &'a str,
    /// The text of the value, including quotes and blanks.
    pub(super) value: Option<&'a str>,
    /// The range of the line, including its end.
    pub(super) span: Range<usize>,
    /// The range of the value, without surrounding blanks.
    pub(super) raw: Range<usize>,
}

/// The differences between the two patterns.
pub(super) struct Pattern {
    pub(super) quotes: &'static [char],
    pub(super) in_key: fn(char) -> bool,
    /// Whether a name without `=` is a line.
    pub(super) lone_key: bool,
    pub(super) space: fn(char) -> bool,
}

/// A line that matches, or a range that is skipped.
pub(super) enum PatternPart<'a> {
    Line(Line<'a>),
    Passed(Range<usize>),
}

impl Pattern {
    /// All parts of a text, except blank lines and comments.
    pub(super) fn parts<'a>(&self, text: &'a str) -> Vec<PatternPart<'a>> {
        let mut parts = Vec::new();
        let mut cursor = Cursor::new(text);
        while !cursor.rest().is_empty() {
            let start = cursor.at;
            if let Some(mut line) = self.line(&mut cursor) {
                cursor.skip_line();
                line.span = line_start(text, line.key.as_ptr() as usize - text.as_ptr() as usize)
                    .max(start)..cursor.at;
                parts.push(PatternPart::Line(line));
            } else {
                cursor.at = line_end(text, start);
                let passed = text[start..cursor.at].trim();
                if !passed.is_empty() && !passed.starts_with('#') {
                    parts.push(PatternPart::Passed(start..cursor.at));
                }
            }
        }
        parts
    }

    fn line<'a>(&self, cursor: &mut Cursor<'a>) -> Option<Line<'a>> {
        cursor.take_while(self.space);
        let exported = cursor.take_export(self.space);
        let key = Some(cursor.take_while(self.in_key)).filter(|key| !key.is_empty())?;
        let gap = cursor.take_while(self.space);
        let yaml_like = gap.is_empty()
            && cursor.rest().starts_with(':')
            && cursor.rest()[1..].starts_with(self.space);
        if !yaml_like && cursor.peek() != Some('=') {
            let ends = gap.contains('\n') || matches!(cursor.peek(), None | Some('#'));
            cursor.at -= gap.len();
            let raw = cursor.at..cursor.at;
            return (self.lone_key && ends).then_some(Line {
                exported,
                key,
                value: None,
                span: 0..0,
                raw,
            });
        }
        cursor.bump();
        if yaml_like {
            cursor.bump();
        }
        let value_at = cursor.at;
        let value = self.value(cursor);
        let text = value.unwrap_or_default();
        let start = value_at + text.len() - text.trim_start_matches(self.space).len();
        let raw = start..start + text.trim_matches(self.space).len();
        Some(Line {
            exported,
            key,
            value,
            span: 0..0,
            raw,
        })
    }

    /// Reads a quoted value, if only a comment follows it on the line; otherwise everything up to a
    /// `#` or the end of the line.
    fn value<'a>(&self, cursor: &mut Cursor<'a>) -> Option<&'a str> {
        let rest = cursor.rest();
        let start = rest.len() - rest.trim_start_matches(self.space).len();
        if let Some(quote) = rest[start..]
            .chars()
            .next()
            .filter(|c| self.quotes.contains(c))
            && let Some(end) = self.quoted_end(rest, start, quote)
        {
            cursor.at += end;
            return Some(&rest[..end]);
        }
        Some(cursor.take_while(|c| !matches!(c, '#' | '\n' | '\r')))
            .filter(|value| !value.is_empty())
    }

    /// Where the quoted value ends: at the first quote without a `\` before it, if nothing or only
    /// a comment follows it on its line; otherwise at the last quote before it that fulfils this,
    /// although a `\` comes before that quote.
    fn quoted_end(&self, text: &str, start: usize, quote: char) -> Option<usize> {
        let mut ends = Vec::new();
        let bytes = text.as_bytes();
        let mut at = start + 1;
        while at < bytes.len() {
            if bytes[at] == b'\\' && bytes.get(at + 1) == Some(&(quote as u8)) {
                ends.push(at + 2);
                at += 2;
                continue;
            }
            if bytes[at] == quote as u8 {
                ends.push(at + 1);
                break;
            }
            at += 1;
        }
        let ends_line = |c: char| matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}' | '#');
        let line_ends = |end: &usize| {
            text[*end..]
                .chars()
                .find(|c| ends_line(*c) || !(self.space)(*c))
                .is_none_or(ends_line)
        };
        ends.into_iter().rev().find(line_ends)
    }
}

/// Removes a pair of quotes around the whole value.
pub(super) fn unquote<'a>(value: &'a str, quotes: &[char]) -> (Option<char>, &'a str) {
    let inside = |quote: &char| {
        Some((
            Some(*quote),
            value.strip_prefix(*quote)?.strip_suffix(*quote)?,
        ))
    };
    quotes.iter().find_map(inside).unwrap_or((None, value))
}
