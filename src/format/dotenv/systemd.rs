//! systemd's `EnvironmentFile=` (systemd.exec(5), "Environment").

use super::Dialect;
use super::beside::Sign;
use super::collect::{Collector, FoundEntry, LinePlace, Outside, ReadingStopped, refused};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::Cursor;
use super::write::{BELOW, DOUBLE, ESCAPED_FOR_SHELLS, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Systemd,
    name: "systemd",
    help: "EnvironmentFile= of a unit",
    reader: "systemd",
    neighbours: &[Sign::Ending(".service")],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[
        ReaderVersion {
            name: "systemd 254 and later",
            read: |text, outside| read(text, outside, false),
            only_with: &[],
        },
        ReaderVersion {
            name: "systemd before 254",
            read: |text, outside| read(text, outside, true),
            only_with: &["\\"],
        },
    ],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, ESCAPED_FOR_SHELLS],
    below: &BELOW,
    escapes: [
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "systemd has no way to quote it",
};

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

/// Reads a file like systemd. `comments_continue` is for versions before 254, in which a `\` at the
/// end of a comment continues the comment on the next line.
fn read(text: &str, outside: Outside<'_>, comments_continue: bool) -> Reading {
    let mut out = Collector::new(text, outside);
    let _ = lines(&mut Cursor::new(text), &mut out, comments_continue);
    out.finish(None)
}

fn lines(
    cursor: &mut Cursor<'_>,
    out: &mut Collector<'_>,
    comments_continue: bool,
) -> Result<(), ReadingStopped> {
    loop {
        cursor.take_while(is_blank);
        let start = cursor.at;
        match cursor.peek() {
            None => return Ok(()),
            Some('#' | ';') => skip_comment(cursor, comments_continue),
            Some(_) => {
                let key = cursor
                    .take_while(|c| c != '=' && !is_line_end(c))
                    .trim_end_matches(is_blank);
                if cursor.take('=') {
                    assignment(cursor, out, start, key)?;
                } else {
                    out.unread(None, start..cursor.line_end(), refused("it has no ="))?;
                }
            }
        }
    }
}

fn assignment(
    cursor: &mut Cursor<'_>,
    out: &mut Collector<'_>,
    start: usize,
    key: &str,
) -> Result<(), ReadingStopped> {
    let raw_start =
        cursor.at + cursor.rest().len() - cursor.rest().trim_start_matches([' ', '\t']).len();
    let found = value(cursor);
    let raw_end = raw_start.max(
        raw_start
            + cursor.text[raw_start.min(cursor.at)..cursor.at]
                .trim_end_matches(is_blank)
                .len(),
    );
    let place = LinePlace {
        span: start..cursor.at,
        raw: raw_start..raw_end,
    };
    if !crate::names::is_variable(key) {
        return out.unread(
            None,
            place.span,
            refused("systemd ignores a variable of this name"),
        );
    }
    match found {
        Some(value) => out.set(key, place, Ok(FoundEntry::text(value))),
        None => out.unread(Some(key), place.span, refused("its quotes are not closed")),
    }
}

fn skip_comment(cursor: &mut Cursor<'_>, continues: bool) {
    while let Some(c) = cursor.bump() {
        match c {
            '\\' if continues => drop(cursor.bump()),
            c if is_line_end(c) => return,
            _ => {}
        }
    }
}

/// Reads quoted parts, then optionally one unquoted part up to the end of the line. `None` if a
/// quote is not closed: systemd then takes the rest of the file as the value.
fn value(cursor: &mut Cursor<'_>) -> Option<String> {
    let mut value = String::new();
    loop {
        cursor.take_while(|c| c == ' ' || c == '\t');
        match cursor.bump() {
            None => return Some(value),
            Some(c) if is_line_end(c) => return Some(value),
            Some('\'') => {
                value.push_str(cursor.take_while(|c| c != '\''));
                cursor.take('\'').then_some(())?;
            }
            Some('"') => double_quoted(cursor, &mut value)?,
            Some(c) => {
                bare(cursor, c, &mut value);
                return Some(value);
            }
        }
    }
}

fn double_quoted(cursor: &mut Cursor<'_>, value: &mut String) -> Option<()> {
    loop {
        match cursor.bump()? {
            '"' => return Some(()),
            '\\' => match cursor.bump()? {
                c @ ('"' | '\\' | '`' | '$') => value.push(c),
                '\n' => {}
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

fn bare(cursor: &mut Cursor<'_>, first: char, value: &mut String) {
    let mut kept = value.len(); // trailing blanks after this length are cut off
    let mut next = Some(first);
    while let Some(c) = next.filter(|c| !is_line_end(*c)) {
        if c == '\\' {
            value.extend(cursor.bump().filter(|c| !is_line_end(*c)));
            kept = value.len();
        } else {
            value.push(c);
            if !is_blank(c) {
                kept = value.len();
            }
        }
        next = cursor.bump();
    }
    value.truncate(kept);
}
