//! docker compose (compose-go's dotenv package).

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, refused, unset,
};
use super::go::{is_blank, next_statement};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, line_end};
use super::write::{
    BELOW, DOUBLE, ESCAPED_FOR_COMPOSE, ESCAPED_FOR_SHELLS, ESCAPED_QUOTE, ESCAPED_QUOTE_DOLLAR,
    ESCAPED_QUOTE_LINES, SINGLE, SINGLE_ESCAPED,
};
use crate::format::interpolation::{
    ExpansionKind, Failure, Form, Piece, Reference, evaluate, parse,
};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Compose,
    name: "compose",
    help: "docker compose",
    reader: "docker compose",
    neighbours: &[
        Sign::Named("compose.yaml"),
        Sign::Named("compose.yml"),
        Sign::Named("docker-compose.yaml"),
        Sign::Named("docker-compose.yml"),
    ],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: VERSIONS,
    older: &[STRICT],
    retired: super::compose_1::ROW.versions,
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        ESCAPED_FOR_SHELLS,
        ESCAPED_QUOTE_DOLLAR,
        ESCAPED_FOR_COMPOSE,
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
    reason: |_| "docker compose has no way to quote it",
};

/// The values from the first reading of `.env`, if compose reads the file a second time.
type Project = HashMap<String, Zeroizing<String>>;

const VERSIONS: &[ReaderVersion] = &[
    ReaderVersion {
        name: "docker compose 2",
        read,
        only_with: &[],
    },
    ReaderVersion {
        name: "docker compose, if .env is an env_file too,",
        read: read_twice,
        only_with: &["$"],
    },
];

/// Early versions refuse a `$` without a variable.
const STRICT: ReaderVersion = ReaderVersion {
    name: "the first versions of docker compose 2",
    read: read_strictly,
    only_with: &["$"],
};

pub(super) fn read(text: &str, outside: Outside<'_>) -> Reading {
    read_in(&Project::new(), text, outside, false)
}

fn read_strictly(text: &str, outside: Outside<'_>) -> Reading {
    read_in(&Project::new(), text, outside, true)
}

/// Compose reads `.env` once for the project, from top to bottom. If `.env` is an `env_file` as
/// well, compose reads it a second time. References then use the project's values before those of
/// the lines above.
fn read_twice(text: &str, outside: Outside<'_>) -> Reading {
    let first = read(text, outside);
    let project: Project = first
        .lines
        .into_iter()
        .filter_map(|line| Some((line.name, line.value?)))
        .collect();
    read_in(&project, text, outside, false)
}

fn read_in(project: &Project, text: &str, outside: Outside<'_>, is_strict: bool) -> Reading {
    let mut out = Collector::new(text, outside);
    let _ = lines(&mut Cursor::behind_mark(text), &mut out, project, is_strict);
    out.finish(None)
}

/// A statement before its variables are expanded.
struct Statement<'a> {
    start: usize,
    key: &'a str,
    raw: std::ops::Range<usize>,
    end: usize,
    text: Text,
}

enum Text {
    /// A name without a value: inherited from the environment.
    Inherited,
    /// In single quotes.
    Literal(String),
    /// Anything else: its variables are expanded.
    Template(String),
}

fn lines(
    cursor: &mut Cursor<'_>,
    out: &mut Collector<'_>,
    project: &Project,
    is_strict: bool,
) -> Result<(), ReadingStopped> {
    while next_statement(cursor).is_some() {
        let start = cursor.at;
        let Statement {
            start,
            key,
            raw,
            end,
            text,
        } = match statement(cursor) {
            Ok(statement) => statement,
            Err(reason) => {
                return out.unread(None, start..line_end(cursor.text, start), ends(reason));
            }
        };
        let place = LinePlace {
            span: start..end,
            raw,
        };
        if key.is_empty() {
            let reason =
                "docker compose ignores a line without a name, and a last line with a name alone";
            out.unread(None, place.span, refused(reason))?;
            continue;
        }
        let found = match text {
            Text::Inherited => out.value_of(key).map(|value| FoundEntry {
                value,
                from: Vec::new(),
            }),
            Text::Literal(text) => Ok(FoundEntry::text(text)),
            Text::Template(text) if is_strict && has_lone_dollar(&text) => {
                Err(ends("its $ stands for nothing"))
            }
            Text::Template(text) => replaced(&text, out, project),
        };
        out.set(key, place, found)?;
    }
    Ok(())
}

fn has_lone_dollar(text: &str) -> bool {
    let is_lone =
        |piece: Piece| piece.kind == ExpansionKind::Text && text[piece.span].contains('$');
    parse(text).is_ok_and(|pieces| pieces.into_iter().any(is_lone))
}

/// Reads one statement. It may end before the line does: text after closing quotes starts another
/// statement.
fn statement<'a>(cursor: &mut Cursor<'a>) -> Result<Statement<'a>, &'static str> {
    let start = cursor.at;
    if cursor.take_export(|c| matches!(c, ' ' | '\t' | '\r' | '\u{c}' | '\n')) {
        cursor.take_while(is_blank);
    }
    let key_start = cursor.at;
    let key = cursor.take_while(|c| {
        c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']') || is_blank(c)
    });
    let inherited = match cursor.bump() {
        Some('=' | ':') => false,
        Some('\n') => true,
        // At the end of the file, the name is taken for a value without a name.
        None => {
            cursor.at = cursor.text.len();
            let raw = key_start..cursor.at;
            return Ok(Statement {
                start,
                key: "",
                raw,
                end: cursor.at,
                text: Text::Inherited,
            });
        }
        Some(_) => return Err("its name holds a character that docker compose takes in no name"),
    };
    let key = key.trim_end();
    if key.contains(' ') {
        return Err("docker compose takes no name with blanks in it");
    }
    if inherited {
        let raw = key_start + key.len()..key_start + key.len();
        return Ok(Statement {
            start,
            key,
            raw,
            end: cursor.at,
            text: Text::Inherited,
        });
    }
    cursor.take_while(is_blank);
    let raw_start = cursor.at;
    let (text, raw_end) = value(cursor)?;
    let end = if cursor.text[..cursor.at].ends_with('\n') {
        cursor.at
    } else {
        cursor.assignment_end(is_blank)
    };
    Ok(Statement {
        start,
        key,
        raw: raw_start..raw_end,
        end,
        text,
    })
}

fn value(cursor: &mut Cursor<'_>) -> Result<(Text, usize), &'static str> {
    let start = cursor.at;
    let Some(quote) = cursor.peek().filter(|c| matches!(c, '\'' | '"')) else {
        let line = cursor.take_while(|c| c != '\n');
        let value = line.split(" #").next().unwrap_or_default().trim_end();
        cursor.bump();
        return Ok((Text::Template(value.to_owned()), start + value.len()));
    };
    cursor.bump();
    let mut value = String::new();
    let no_end = "its quotes have no end";
    loop {
        match cursor.bump().ok_or(no_end)? {
            c if c == quote => break,
            '\\' => match cursor.bump().ok_or(no_end)? {
                c if c == quote => value.push(c),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    let text = if quote == '"' {
        Text::Template(unescaped(&value))
    } else {
        Text::Literal(value)
    };
    Ok((text, cursor.at))
}

/// Unescapes `\n` and similar, and `\0` with up to three octal digits. `\$` becomes `$$`.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let escaped = match behind.chars().next() {
            Some('a') => "\u{7}",
            Some('b') => "\u{8}",
            Some('f') => "\u{c}",
            Some('n') => "\n",
            Some('r') => "\r",
            Some('t') => "\t",
            Some('v') => "\u{b}",
            Some('"') => "\"",
            Some('\\') => "\\",
            Some('$') => "$$",
            Some('0') => {
                rest = &behind[octal(&behind[1..], &mut out) + 1..];
                continue;
            }
            _ => {
                out.push('\\');
                rest = behind;
                continue;
            }
        };
        out.push_str(escaped);
        rest = &behind[1..];
    }
    out.push_str(rest);
    out
}

/// Writes the character for `\0` and the digits after it, and returns the number of digits
/// consumed. Go accepts exactly three octal digits up to 377; otherwise only the 0 is dropped.
fn octal(digits: &str, out: &mut String) -> usize {
    let count = digits
        .bytes()
        .take(3)
        .take_while(u8::is_ascii_digit)
        .count();
    match u32::from_str_radix(&digits[..count], 8) {
        Ok(number) if count == 3 && number < 256 => out.extend(char::from_u32(number)),
        _ => {
            out.push('\\');
            out.push_str(&digits[..count]);
        }
    }
    count
}

fn replaced(text: &str, out: &Collector<'_>, project: &Project) -> Result<FoundEntry, LineError> {
    let mut from = Vec::new();
    let mut lookup = |reference: &Reference| -> Result<_, LineError> {
        let name = reference.name.as_str();
        let value = project
            .get(name)
            .cloned()
            .map_or_else(|| out.value_of(name), |value| Ok(Some(value)))?;
        match (reference.form, &value) {
            (Form::Plain, None) => return Err(unset(name, reference.is_braced)),
            (Form::Required, None) => {
                return Err(LineError {
                    ends: true,
                    ..unset(name, true)
                });
            }
            (Form::Plain | Form::Default | Form::Alternative | Form::Required, _) => {}
        }
        if !from.contains(&reference.name) {
            from.push(reference.name.clone());
        }
        Ok(value)
    };
    match evaluate(text, &mut lookup) {
        Ok(value) => Ok(FoundEntry {
            value: Some(value),
            from,
        }),
        Err(Failure::Invalid) => Err(ends(
            "it holds ${ without a name and a }, which docker compose refuses",
        )),
        Err(Failure::TooDeep) => Err(refused("it holds too many defaults in defaults")),
        Err(Failure::Missing(name)) => Err(ends(format!("it requires {name}, which is empty"))),
        Err(Failure::Lookup(trouble)) => Err(trouble),
    }
}
