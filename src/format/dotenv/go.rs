//! godotenv (Go), version 1.5.

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, unset,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, Normal, line_end, unescaped};
use super::write::{BELOW, DOUBLE, ESCAPED_DOLLAR_LINES, ESCAPED_QUOTE_DOLLAR_LINES, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Go,
    name: "go",
    help: "godotenv",
    reader: "godotenv",
    neighbours: &[Sign::Named("go.mod")],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "godotenv 1.5",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        ESCAPED_QUOTE_DOLLAR_LINES,
        ESCAPED_DOLLAR_LINES,
    ],
    below: &BELOW,
    escapes: [
        Escapes::BeforeQuotes,
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
    ],
    reason: |_| "godotenv has no escape for ' together with \" or \\",
};

/// A blank other than a line feed, for godotenv and docker compose.
pub(super) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}'
    )
}

/// Moves to the next statement; `None` at the end of the file.
pub(super) fn next_statement(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        cursor.take_while(char::is_whitespace);
        match cursor.peek()? {
            '#' => cursor.take_while(|c| c != '\n'),
            _ => return Some(()),
        };
    }
}

fn read(text: &str, outside: Outside<'_>) -> Reading {
    let normal = Normal::crlf_lines(text);
    let mut out = Collector::new(text, outside);
    let _ = lines(&mut Cursor::new(&normal.text), &mut out);
    out.finish(Some(&normal))
}

fn lines(cursor: &mut Cursor<'_>, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    while next_statement(cursor).is_some() {
        let start = cursor.at;
        let lost = start..line_end(cursor.text, start);
        cursor.take_export(is_blank);
        // godotenv checks bytes here, so it refuses names with characters beyond ASCII.
        let key = cursor.take_while(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || (c.is_ascii() && is_blank(c))
        });
        let key = key.trim_end();
        if !matches!(cursor.bump(), Some('=' | ':')) {
            return out.unread(None, lost, ends("godotenv does not accept this line"));
        }
        cursor.take_while(is_blank);
        let raw_start = cursor.at;
        let (found, raw_end) = match cursor.peek() {
            Some(quote @ ('\'' | '"')) => {
                let Some(found) = quoted(cursor, quote, out) else {
                    return out.unread(Some(key), lost, ends("its quotes are not closed"));
                };
                (found, cursor.at)
            }
            _ => {
                let value = bare(cursor.take_while(|c| !matches!(c, '\n' | '\r')));
                (replaced(value, out), raw_start + value.len())
            }
        };
        let behind = cursor.rest().trim_start_matches(is_blank);
        let ends_line = matches!(behind.chars().next(), None | Some('\n' | '#'));
        let end = if ends_line {
            cursor.line_end()
        } else {
            cursor.at
        };
        out.set(
            key,
            LinePlace {
                span: start..end,
                raw: raw_start..raw_end,
            },
            found,
        )?;
    }
    Ok(())
}

/// An unquoted value: everything up to the last `#` after a blank.
fn bare(line: &str) -> &str {
    let is_comment = |at: &usize| line[..*at].ends_with(is_blank);
    let end = line
        .match_indices('#')
        .map(|(at, _)| at)
        .rfind(is_comment)
        .unwrap_or(line.len());
    line[..end].trim_matches(is_blank)
}

/// `None` if the quotes are not closed.
fn quoted(
    cursor: &mut Cursor<'_>,
    quote: char,
    out: &Collector<'_>,
) -> Option<Result<FoundEntry, LineError>> {
    let rest = cursor.rest();
    let end = rest
        .match_indices(quote)
        .map(|(at, _)| at)
        .find(|at| *at > 0 && !rest[..*at].ends_with('\\'))?;
    cursor.at += end + 1;
    // godotenv trims all quotes of this kind at both ends.
    let value = rest[..end].trim_matches(quote);
    if quote == '\'' {
        return Some(Ok(FoundEntry::text(value)));
    }
    Some(replaced(&unescaped_twice(value), out))
}

/// Unescapes in two passes, as godotenv does: first `\n` and `\r`, then it removes every other `\`
/// that is not before a `$`.
fn unescaped_twice(text: &str) -> String {
    let mut first = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('n')) => first.push('\n'),
            ('\\', Some('r')) => first.push('\r'),
            (c, next) => first.extend(std::iter::once(c).chain(next)),
        }
    }
    unescaped(&first)
}

/// Expands `$NAME`, `${NAME}` and `$(NAME`, with a name in capitals. Either brace may be missing. A
/// `)` after the name is not a part of the reference, and stays.
fn replaced(text: &str, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let in_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let (mut out, mut from) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let behind = &rest[at + 1..];
        let in_parentheses = behind.strip_prefix('(').unwrap_or(behind);
        let inner = in_parentheses.strip_prefix('{').unwrap_or(in_parentheses);
        let name = &inner[..inner.find(|c| !in_name(c)).unwrap_or(inner.len())];
        let after = &inner[name.len()..];
        let after = after.strip_prefix('}').unwrap_or(after);
        let taken = &behind[..behind.len() - after.len()];
        if let Some(before) = rest[..at].strip_suffix('\\') {
            out.push_str(before);
            out.push('$');
            out.push_str(taken);
        } else if name.is_empty() {
            out.push_str(&rest[..at]);
            out.push('$');
            out.push_str(taken);
        } else {
            out.push_str(&rest[..at]);
            let value = known
                .value_of(name)?
                .ok_or_else(|| unset(name, inner.len() < in_parentheses.len()))?;
            out.push_str(&value);
            from.push(name.to_owned());
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(FoundEntry::replaced(out, from))
}
