//! Finding the entries of a `.env` file, for any reader.

use super::super::edit::{Document, NewEntry};
use super::Dialect;

/// The value of an entry without quotes and escapes, for any reader. Variables are not expanded.
#[must_use]
pub fn unquote(raw: &str) -> String {
    match raw.as_bytes() {
        [b'`', inner @ .., b'`'] => String::from_utf8_lossy(inner).into_owned(),
        [b'\'' | b'"', ..] => read_quoted(raw),
        _ => raw.to_owned(), // without quotes, every character is literal
    }
}

fn read_quoted(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '\\') => out.extend(chars.next()),
            (Some('"'), '\\') => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(c @ ('"' | '\\' | '$' | '`')) => out.push(c),
                Some('\n') => {}
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            (_, c) => out.push(c),
        }
    }
    out
}

/// Finds the entries of a `.env` file: `KEY=value`, also with `export`, blanks around the `=`,
/// comments after the value, and quoted values over several lines.
///
/// `reader` decides where quotes end if there is more than one candidate. A raw reader, such as
/// docker, has no quotes: the value is everything after the `=`, up to the end of the line.
#[must_use]
pub fn parse(text: &str, reader: Dialect) -> Document {
    let (mut entries, mut unread) = (Vec::new(), Vec::new());
    let mut offset = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let (mut number, mut counted) = (1, 0);
    while offset < text.len() {
        let line_end = text[offset..]
            .find('\n')
            .map_or(text.len(), |at| offset + at + 1);
        match entry(text, offset, line_end, reader) {
            Some(entry) => {
                offset = text[entry.value.end..]
                    .find('\n')
                    .map_or(text.len(), |at| entry.value.end + at + 1);
                entries.push(entry);
            }
            None => {
                let line = text[offset..line_end].trim();
                if !line.is_empty() && !line.starts_with('#') {
                    number += text[counted..offset].matches('\n').count();
                    counted = offset;
                    unread.push(number);
                }
                offset = line_end;
            }
        }
    }
    Document { entries, unread }
}

fn entry(text: &str, start: usize, line_end: usize, reader: Dialect) -> Option<NewEntry> {
    let line = &text[start..line_end];
    let blank = |c: char| c == ' ' || c == '\t';
    let mut rest = line.trim_start_matches(blank);
    if let Some(after) = rest
        .strip_prefix("export")
        .filter(|after| after.starts_with(blank))
    {
        rest = after.trim_start_matches(blank);
    }
    let key_length = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .unwrap_or(rest.len());
    let key = &rest[..key_length];
    let after_key = rest[key_length..].trim_start_matches(blank);
    let value = after_key.strip_prefix('=')?.trim_start_matches(blank);
    if key.is_empty() {
        return None;
    }
    let key_end = line_end - rest.len() + key_length;
    let mut value_start = line_end - value.len();
    let equals = line_end - after_key.len() + 1;
    if reader.row().is_raw {
        let value = equals..start + line.trim_end_matches(['\r', '\n']).len();
        return Some(NewEntry {
            start,
            key: key.to_owned(),
            key_end,
            value,
        });
    }
    if value.starts_with('#') && value_start > equals {
        value_start = equals; // only a comment: a new value goes before the blank
        return Some(NewEntry {
            start,
            key: key.to_owned(),
            key_end,
            value: value_start..value_start,
        });
    }
    Some(NewEntry {
        start,
        key: key.to_owned(),
        key_end,
        value: value_start..value_end(text, value_start, line_end, reader),
    })
}

/// The end of the value: the end of its quotes, or else before a comment or the end of the line.
fn value_end(text: &str, start: usize, line_end: usize, reader: Dialect) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    if matches!(bytes.get(at), Some(b'\'' | b'"' | b'`')) {
        let is_whole = |end: &usize| {
            // A value over several lines must end with its quotes. Anything else is two lines with
            // one quote each.
            let ends_in_quote = matches!(bytes[*end - 1], b'\'' | b'"' | b'`');
            if !ends_in_quote && bytes[start..*end].contains(&b'\n') {
                return false;
            }
            let rest = text[*end..].split('\n').next().unwrap_or_default().trim();
            rest.is_empty() || rest.starts_with('#')
        };
        for escapes in reader.row().escapes {
            if let Some(end) = quoted_end(bytes, at, escapes).filter(is_whole) {
                return end;
            }
        }
    }
    while at < line_end
        && !matches!(bytes[at], b'\n')
        && !(bytes[at] == b'#' && at > start && matches!(bytes[at - 1], b' ' | b'\t'))
    {
        at += 1;
    }
    start + text[start..at].trim_end().len()
}

/// What a `\` does inside quotes.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Escapes {
    /// Nothing.
    Nowhere,
    /// In `"…"` it escapes the next character.
    InDouble,
    /// In all quotes it escapes the next character.
    Everywhere,
    /// It escapes a quote right after it, even if another `\` comes before.
    BeforeQuotes,
}

impl Escapes {
    fn step(self, bytes: &[u8], at: usize, quote: u8) -> usize {
        let takes = bytes[at] == b'\\'
            && match self {
                Self::Nowhere => false,
                Self::InDouble => quote == b'"',
                Self::Everywhere => true,
                Self::BeforeQuotes => bytes.get(at + 1) == Some(&quote),
            };
        if takes { 2 } else { 1 }
    }
}

/// The end of one or more adjacent quoted parts, as in `'it'\''s'`.
fn quoted_end(bytes: &[u8], start: usize, escapes: Escapes) -> Option<usize> {
    let mut at = start;
    loop {
        match bytes.get(at) {
            Some(quote @ (b'\'' | b'"' | b'`')) => {
                at += 1;
                while bytes.get(at)? != quote {
                    at += escapes.step(bytes, at, *quote);
                }
                at += 1;
            }
            Some(b'\\') if bytes.get(at + 1).is_some_and(|b| *b != b'\n') => at += 2,
            None | Some(b' ' | b'\t' | b'\r' | b'\n') => return Some(at),
            Some(_) => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_with_export_blanks_and_comments() {
        let sample = "\u{feff}# c\nA=1 # note\nexport B = 'x # y' # z\n  \
            C=\"a\nb\"\r\nD=\nE='it'\\''s'\nF= # only a comment\nG=don't\nbad line\nH=`x`";
        let found: Vec<(String, &str)> = parse(sample, Dialect::Portable)
            .entries
            .iter()
            .map(|e| (e.key.clone(), &sample[e.value.clone()]))
            .collect();
        let expected = [
            ("A", "1"),
            ("B", "'x # y'"),
            ("C", "\"a\nb\""),
            ("D", ""),
            ("E", "'it'\\''s'"),
            ("F", ""),
            ("G", "don't"),
            ("H", "`x`"),
        ];
        assert_eq!(found, expected.map(|(k, v)| (k.to_owned(), v)));
    }

    #[test]
    fn text_after_closing_quotes_belongs_to_the_value() {
        let text = "A=\"x\" y\nB='it's fine' # c\nC=\"a\" \"b\"\nnonsense\n";
        let document = parse(text, Dialect::Portable);
        let found: Vec<&str> = document
            .entries
            .iter()
            .map(|entry| &text[entry.value.clone()])
            .collect();
        assert_eq!(found, ["\"x\" y", "'it's fine'", "\"a\" \"b\""]);
        assert_eq!(document.unread, [4]);
    }

    #[test]
    fn values_are_read_as_shells_write_them() {
        assert_eq!(unquote("'it'\\''s'"), "it's");
        assert_eq!(unquote("\"a\\nb\\\"c\""), "a\nb\"c");
        for plain in ["plain", "it's", "ab\"cd", "C:\\temp"] {
            assert_eq!(unquote(plain), plain);
        }
        assert_eq!(unquote("`a'b\"`"), "a'b\"");
    }

    #[test]
    fn docker_lines_are_literal() {
        let text = "A= 'x' # y\r\nB=\n";
        let found: Vec<&str> = parse(text, Dialect::Docker)
            .entries
            .iter()
            .map(|entry| &text[entry.value.clone()])
            .collect();
        assert_eq!(found, [" 'x' # y", ""]);
    }

    #[test]
    fn a_backslash_before_the_last_quote_may_be_literal() {
        let text = "A=\"x\ny\\\"\nB=\"z\"\n";
        let found: Vec<&str> = parse(text, Dialect::Portable)
            .entries
            .iter()
            .map(|entry| &text[entry.value.clone()])
            .collect();
        assert_eq!(found, ["\"x\ny\\\"", "\"z\""]);
    }
}
