//! python-dotenv with variable expansion, which is its default.

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, refused, unset,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, Normal};
use super::write::{BELOW, DOUBLE, ESCAPED_QUOTE, ESCAPED_QUOTE_LINES, SINGLE, SINGLE_ESCAPED};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Python,
    name: "python",
    help: "python-dotenv",
    reader: "python-dotenv",
    neighbours: &[Sign::Named("pyproject.toml")],
    is_variant: false,
    is_portable: false,
    is_raw: false,
    versions: &[
        ReaderVersion {
            name: "python-dotenv 1.2.4",
            read: read_newest,
            only_with: &[],
        },
        ReaderVersion {
            name: "python-dotenv before 1.2.3",
            read: |text, outside| read(text, outside, Age::Old),
            only_with: &["\\", "#", "\u{feff}"],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        ESCAPED_QUOTE,
        ESCAPED_QUOTE_LINES,
        SINGLE_ESCAPED,
    ],
    below: &BELOW,
    escapes: [
        Escapes::Everywhere,
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::BeforeQuotes,
    ],
    reason: |value| {
        if value.contains("${") {
            "python-dotenv expands ${…} in any quotes"
        } else {
            "python-dotenv before 1.2.3 and later versions read its \\ differently"
        }
    },
};

#[derive(Clone, Copy, PartialEq)]
enum Age {
    New,
    /// Before 1.2.3: a quote after a `\` never ends a value, even if that `\` is itself escaped;
    /// `KEY= # c` does not contain a comment; a byte order mark is part of the first name.
    Old,
    /// Like `Old`, but skips a byte order mark.
    OldBehindMark,
}

/// Python's definition of white space: Unicode's plus four control characters.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

fn is_blank(c: char) -> bool {
    is_space(c) && !matches!(c, '\n' | '\r')
}

/// docker-compose 1 uses an old python-dotenv, but skips a byte order mark.
pub(super) fn read_by_compose_1(text: &str, outside: Outside<'_>) -> Reading {
    read(text, outside, Age::OldBehindMark)
}

pub(super) fn read_newest(text: &str, outside: Outside<'_>) -> Reading {
    read(text, outside, Age::New)
}

fn read(text: &str, outside: Outside<'_>, age: Age) -> Reading {
    // python-dotenv opens the file in text mode, with universal line ends.
    let normal = Normal::unix_lines(text);
    let mut out = Collector::new(text, outside);
    let mut cursor = if age == Age::Old {
        Cursor::new(&normal.text)
    } else {
        Cursor::behind_mark(&normal.text)
    };
    let _ = lines(&mut cursor, &mut out, age);
    out.finish(Some(&normal))
}

fn lines(cursor: &mut Cursor<'_>, out: &mut Collector<'_>, age: Age) -> Result<(), ReadingStopped> {
    loop {
        cursor.take_while(is_space);
        if cursor.rest().is_empty() {
            return Ok(());
        }
        let start = cursor.at;
        let is_comment = cursor.peek() == Some('#');
        match binding(cursor, age) {
            Some(Binding { key, raw, value }) => {
                let place = LinePlace {
                    span: start..cursor.at,
                    raw,
                };
                let found =
                    value.map_or_else(|| Ok(FoundEntry::default()), |value| replaced(&value, out));
                out.set(&key, place, found)?;
            }
            None => {
                cursor.skip_line();
                if !is_comment {
                    out.unread(
                        None,
                        start..cursor.at,
                        refused("python-dotenv cannot parse it and skips it"),
                    )?;
                }
            }
        }
    }
}

struct Binding {
    key: String,
    raw: std::ops::Range<usize>,
    value: Option<String>,
}

/// Reads a line that python-dotenv accepts. `None` for any other line: the caller skips its rest.
fn binding(cursor: &mut Cursor<'_>, age: Age) -> Option<Binding> {
    cursor.take_export(is_blank);
    let key = match cursor.peek()? {
        '#' => return None,
        '\'' => {
            cursor.bump();
            let key = cursor.take_while(|c| c != '\'');
            cursor.take('\'').then_some(key)?
        }
        _ => cursor.take_while(|c| !matches!(c, '=' | '#') && !is_space(c)),
    };
    if key.is_empty() {
        return None;
    }
    let key = key.to_owned();
    cursor.take_while(is_blank);
    let (mut raw, mut value) = (cursor.at..cursor.at, None);
    if cursor.take('=') {
        let gap = cursor.take_while(is_blank);
        let start = cursor.at;
        let text = match cursor.peek() {
            Some('#') if !gap.is_empty() && age == Age::New => String::new(),
            Some(quote @ ('\'' | '"')) => quoted(cursor, quote, age)?,
            None | Some('\n') => String::new(),
            Some(_) => bare(cursor.take_while(|c| c != '\n')).to_owned(),
        };
        let written = cursor.text[start..cursor.at]
            .trim_end_matches(is_space)
            .len();
        let is_quoted = cursor.text[start..].starts_with(['\'', '"']);
        raw = start..start + if is_quoted { written } else { text.len() };
        value = Some(text);
    }
    cursor.take_while(is_blank);
    if cursor.peek() == Some('#') {
        cursor.take_while(|c| c != '\n');
    }
    let at_end = matches!(cursor.peek(), None | Some('\n'));
    cursor.take('\n');
    at_end.then_some(Binding { key, raw, value })
}

fn quoted(cursor: &mut Cursor<'_>, quote: char, age: Age) -> Option<String> {
    let start = cursor.at;
    let inner = &cursor.text[start + 1..];
    let Some(end) = (if age == Age::New {
        quoted_end(inner, quote)
    } else {
        old_quoted_end(inner, quote)
    }) else {
        cursor.at = start;
        return None;
    };
    cursor.at = start + 1 + end + 1;
    Some(unescaped(&inner[..end], quote))
}

/// The first closing quote that is not escaped. A `\` escapes the character after it.
fn quoted_end(inner: &str, quote: char) -> Option<usize> {
    let mut chars = inner.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()?),
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

/// The first quote without a `\` right before it, or else the last quote of all.
fn old_quoted_end(inner: &str, quote: char) -> Option<usize> {
    let ends = || inner.match_indices(quote).map(|(at, _)| at);
    ends()
        .find(|at| !inner[..*at].ends_with('\\'))
        .or_else(|| ends().next_back())
}

fn unescaped(text: &str, quote: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let behind = chars.clone().next();
        let escaped = match (quote, behind) {
            (_, Some(c @ ('\\' | '\''))) | ('"', Some(c @ '"')) => c,
            ('"', Some('n')) => '\n',
            ('"', Some('r')) => '\r',
            ('"', Some('t')) => '\t',
            ('"', Some('a')) => '\u{7}',
            ('"', Some('b')) => '\u{8}',
            ('"', Some('f')) => '\u{c}',
            ('"', Some('v')) => '\u{b}',
            _ => {
                out.push('\\');
                continue;
            }
        };
        out.push(escaped);
        chars.next();
    }
    out
}

/// An unquoted value: everything up to a `#` after a blank.
fn bare(line: &str) -> &str {
    let mut before = None;
    let end = line.char_indices().find(|(_, c)| {
        let comment = *c == '#' && before.is_some_and(is_space);
        before = Some(*c);
        comment
    });
    line[..end.map_or(line.len(), |(at, _)| at)].trim_end_matches(is_space)
}

/// Expands `${NAME}` and `${NAME:-default}`, in any quotes.
fn replaced(text: &str, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let (mut out, mut from) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 2..];
        let Some((name, default, taken)) = reference(behind) else {
            out.push_str("${");
            rest = behind;
            continue;
        };
        match (known.value_of(name)?, default) {
            (Some(value), _) => out.push_str(&value),
            // A name without a value expands to nothing, even if the reference has a default.
            (None, _) if known.is_set(name) => {}
            (None, Some(default)) => out.push_str(default),
            (None, None) => return Err(unset(name, true)),
        }
        from.push(name.to_owned());
        rest = &behind[taken..];
    }
    out.push_str(rest);
    from.dedup();
    Ok(FoundEntry::replaced(out, from))
}

/// Returns the name, the default, and the length of the reference.
fn reference(behind: &str) -> Option<(&str, Option<&str>, usize)> {
    let length = behind.find(['}', ':'])?;
    let (name, rest) = behind.split_at(length);
    if rest.starts_with('}') {
        return Some((name, None, length + 1));
    }
    let default = rest.strip_prefix(":-")?;
    let end = default.find('}')?;
    Some((name, Some(&default[..end]), length + 2 + end + 1))
}
