//! phpdotenv 5, which Laravel uses.

use std::ops::Range;

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, unset,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, Normal, line_end};
use super::write::{BELOW, DOUBLE, ESCAPED_FOR_PHP, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Php,
    name: "php",
    help: "phpdotenv, Laravel",
    reader: "phpdotenv",
    neighbours: &[Sign::Named("composer.json")],
    is_variant: false,
    is_portable: false,
    is_raw: false,
    versions: &[
        ReaderVersion {
            name: "phpdotenv 5.8",
            read: |text, outside| read(text, outside, false),
            only_with: &[],
        },
        ReaderVersion {
            name: "phpdotenv 5.4",
            read: |text, outside| read(text, outside, true),
            only_with: &["=\""],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, ESCAPED_FOR_PHP],
    // phpdotenv does not support line breaks in '…'.
    below: &[BELOW[0], BELOW[1]],
    escapes: [
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "phpdotenv has no way to quote it",
};

/// The characters that PHP's `trim` removes.
fn is_trimmed(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t' | '\0' | '\u{b}')
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\r' | '\t' | '\u{b}' | '\u{c}')
}

/// Reads a file like phpdotenv. `begins_again` is for version 5.4, which also looks for the start
/// of a multi-line value inside such a value.
fn read(text: &str, outside: Outside<'_>, begins_again: bool) -> Reading {
    let normal = Normal::unix_lines(text);
    let mut out = Collector::new(text, outside);
    let _ = lines(&normal.text, &mut out, begins_again);
    out.finish(Some(&normal))
}

fn lines(text: &str, out: &mut Collector<'_>, begins_again: bool) -> Result<(), ReadingStopped> {
    let mut at = 0;
    let mut open: Option<usize> = None;
    while at < text.len() {
        let span = at..line_end(text, at);
        let line = text[span.clone()].trim_end_matches('\n');
        at = span.end;
        let opens = line.contains("=\"") && !closes(line, true);
        let start = match open {
            Some(start) => {
                if begins_again && opens || !closes(line, false) {
                    continue;
                }
                open = None;
                start
            }
            None if opens => {
                open = Some(span.start);
                continue;
            }
            None => span.start,
        };
        statement(text, start..span.end, out)?;
    }
    Ok(())
}

fn statement(
    text: &str,
    span: Range<usize>,
    out: &mut Collector<'_>,
) -> Result<(), ReadingStopped> {
    let whole = text[span.clone()].trim_end_matches('\n');
    let trimmed = whole.trim_matches(is_trimmed);
    if trimmed.is_empty() || trimmed.starts_with('#') {
        return Ok(());
    }
    let Some((name, value)) = entry(whole) else {
        return out.unread(None, span, ends("phpdotenv does not accept this name"));
    };
    let Some(value) = value else {
        let raw = span.start + whole.len()..span.start + whole.len();
        return out.set(name, LinePlace { span, raw }, Ok(FoundEntry::default()));
    };
    let value_at = span.start + (value.as_ptr() as usize - whole.as_ptr() as usize);
    let mut cursor = Cursor::new(value);
    match parsed(&mut cursor) {
        Some((parsed, raw)) => {
            let raw = value_at..value_at + raw;
            let found = replaced(parsed, out);
            out.set(name, LinePlace { span, raw }, found)
        }
        None => out.unread(
            Some(name),
            span,
            ends("phpdotenv does not accept this value"),
        ),
    }
}

/// Whether quotes opened by `="` are closed again. phpdotenv counts the quotes without a `\` before
/// them.
fn closes(line: &str, opened_here: bool) -> bool {
    if line == "\"" {
        return true;
    }
    let line = line.replace("\\\\", "");
    let quotes = line
        .char_indices()
        .filter(|(at, c)| *c == '"' && *at > 0 && !line[..*at].ends_with('\\'))
        .count();
    quotes > usize::from(opened_here)
}

/// The name and the raw text of its value. `None` for a name that phpdotenv refuses.
fn entry(line: &str) -> Option<(&str, Option<&str>)> {
    let (name, value) = match line.split_once('=') {
        Some((name, value)) => (
            name.trim_matches(is_trimmed),
            Some(value.trim_matches(is_trimmed)),
        ),
        None => (line, None),
    };
    let name = match name.strip_prefix("export") {
        Some(rest) if name.len() > 8 && rest.starts_with(is_space) => {
            rest.trim_start_matches(is_space)
        }
        _ => name,
    };
    let unquoted = |quote: char| {
        name.strip_prefix(quote)?
            .strip_suffix(quote)
            .filter(|name| !name.is_empty())
    };
    let name = unquoted('"').or_else(|| unquoted('\'')).unwrap_or(name);
    let valid = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    valid.then_some((name, value))
}

/// A value, and the positions of each `$` that may start a reference.
#[derive(Default)]
struct Value {
    text: String,
    dollars: Vec<usize>,
}

impl Value {
    fn push(&mut self, c: char) {
        if c == '$' {
            self.dollars.push(self.text.len());
        }
        self.text.push(c);
    }
}

/// Returns the value, and its length as written.
fn parsed(cursor: &mut Cursor<'_>) -> Option<(Value, usize)> {
    let mut value = Value::default();
    match cursor.peek() {
        Some('\'') => {
            cursor.bump();
            value.text.push_str(cursor.take_while(|c| c != '\''));
            cursor.take('\'').then_some(())?;
        }
        Some('"') => double_quoted(cursor, &mut value)?,
        Some('#') | None => return Some((value, 0)),
        Some(_) => cursor
            .take_while(|c| c != '#' && !is_space(c))
            .chars()
            .for_each(|c| value.push(c)),
    }
    let length = cursor.at;
    cursor.take_while(is_space);
    matches!(cursor.peek(), None | Some('#')).then_some((value, length))
}

fn double_quoted(cursor: &mut Cursor<'_>, value: &mut Value) -> Option<()> {
    cursor.bump();
    loop {
        match cursor.bump()? {
            '"' => return Some(()),
            '\\' => value.text.push(match cursor.bump()? {
                c @ ('"' | '\\' | '$') => c,
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                _ => return None,
            }),
            c => value.push(c),
        }
    }
}

/// Expands `${NAME}`, from the last reference to the first. phpdotenv keeps a reference to an unset
/// name, but we do not know the environment, so such a line is refused.
fn replaced(value: Value, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let mut text = value.text;
    let mut from = Vec::new();
    for at in value.dollars.into_iter().rev() {
        let Some(inner) = text[at..].strip_prefix("${") else {
            continue;
        };
        let length = inner
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
            .unwrap_or(inner.len());
        let name = inner[..length].to_owned();
        if name.is_empty() || !inner[length..].starts_with('}') {
            continue;
        }
        let new = known.value_of(&name)?.ok_or_else(|| unset(&name, true))?;
        text.replace_range(at..at + length + 3, &new);
        from.push(name);
    }
    Ok(FoundEntry::replaced(text, from))
}
