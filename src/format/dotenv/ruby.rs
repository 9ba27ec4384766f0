//! dotenv for Ruby, version 3.

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, refused, unset,
};
use super::parse::Escapes;
use super::pattern::{Pattern, PatternPart, unquote};
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, Normal, unescaped};
use super::write::{BACKSLASHED, BELOW, DOUBLE, ESCAPED_FOR_SHELLS, ESCAPED_QUOTE, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Ruby,
    name: "ruby",
    help: "dotenv for Ruby",
    reader: "Ruby's dotenv",
    neighbours: &[Sign::Named("Gemfile")],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "Ruby's dotenv 3",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[
        SINGLE,
        DOUBLE,
        ESCAPED_FOR_SHELLS,
        ESCAPED_QUOTE,
        BACKSLASHED,
    ],
    below: &BELOW,
    escapes: [
        Escapes::BeforeQuotes,
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
    ],
    reason: |_| {
        "Ruby's dotenv turns carriage returns into line breaks, and has no escape for \
        this mix of quotes and $("
    },
};

const RUBY: Pattern = Pattern {
    quotes: &['\'', '"'],
    in_key: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.'),
    lone_key: true,
    space: |c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}'),
};

fn read(text: &str, outside: Outside<'_>) -> Reading {
    let normal = Normal::unix_lines(text);
    let mut out = Collector::new(text, outside);
    let start = Cursor::behind_mark(&normal.text).at;
    let _ = lines(&normal.text, start, &mut out);
    out.finish(Some(&normal))
}

fn lines(text: &str, start: usize, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    let placed = |range: std::ops::Range<usize>| range.start + start..range.end + start;
    for part in RUBY.parts(&text[start..]) {
        let line = match part {
            PatternPart::Line(line) => line,
            PatternPart::Passed(span) => {
                out.unread(
                    None,
                    placed(span),
                    refused("Ruby's dotenv does not accept this line and skips it"),
                )?;
                continue;
            }
        };
        let place = LinePlace {
            span: placed(line.span),
            raw: placed(line.raw),
        };
        if line.exported && line.value.is_none() {
            if !out.is_set(line.key) {
                return out.unread(
                    Some(line.key),
                    place.span,
                    ends("Ruby's dotenv refuses to export a name without a value"),
                );
            }
            continue;
        }
        let found = if line.key == "DOTENV_LINEBREAK_MODE" {
            Err(ends("it changes how Ruby's dotenv reads line breaks"))
        } else {
            value(line.value.unwrap_or_default(), out)
        };
        out.set(line.key, place, found)?;
    }
    Ok(())
}

fn value(text: &str, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let (quote, inner) = unquote(
        text.trim_matches(|c| (RUBY.space)(c) || c == '\0'),
        RUBY.quotes,
    );
    match quote {
        Some('\'') => Ok(FoundEntry::text(inner)),
        Some(_) => replaced(
            &unescaped(&inner.replace("\\n", "\\\\n").replace("\\r", "\\\\r")),
            known,
        ),
        None => replaced(&unescaped(inner), known),
    }
}

/// Refuses a `$(command)` in balanced parentheses, then expands variables. A `\` before the `$`
/// makes either one literal text.
fn replaced(text: &str, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let closings = balanced(text);
    let mut commands = String::with_capacity(text.len());
    let (mut done, mut from) = (0, 0);
    while let Some(at) = text[from..].find('$').map(|at| from + at) {
        let Some(end) = closings.get(&(at + 1)) else {
            from = at + 1;
            continue;
        };
        let kept = text[done..at]
            .strip_suffix('\\')
            .ok_or_else(|| refused("it holds a command, which is not run"))?;
        commands.push_str(kept);
        commands.push_str(&text[at..*end]);
        (done, from) = (*end, *end);
    }
    commands.push_str(&text[done..]);
    variables(&commands, known)
}

/// The start and end of each balanced `(…)` without an empty pair in it.
fn balanced(text: &str) -> std::collections::HashMap<usize, usize> {
    let mut found = std::collections::HashMap::new();
    // For each open parenthesis: its position, whether it holds anything, and whether all pairs in
    // it match.
    let mut open: Vec<(usize, bool, bool)> = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '(' => open.push((at, false, true)),
            ')' => {
                let Some((start, filled, fits)) = open.pop() else {
                    continue;
                };
                let matches = filled && fits;
                if matches {
                    found.insert(start, at + 1);
                }
                if let Some((_, filled, fits)) = open.last_mut() {
                    (*filled, *fits) = (true, *fits && matches);
                }
            }
            _ => {
                if let Some((_, filled, _)) = open.last_mut() {
                    *filled = true;
                }
            }
        }
    }
    found
}

/// Expands `$NAME` and `${NAME}`. Either brace may be missing.
fn variables(text: &str, known: &Collector<'_>) -> Result<FoundEntry, LineError> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (mut out, mut from) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, behind) = (&rest[..at], &rest[at + 1..]);
        if behind.starts_with('(') {
            out.push_str(&rest[..=at]);
            rest = behind;
            continue;
        }
        let inner = behind.strip_prefix('{').unwrap_or(behind);
        let name = &inner[..inner.find(|c| !in_name(c)).unwrap_or(inner.len())];
        let after = &inner[name.len()..];
        let after = after.strip_prefix('}').unwrap_or(after);
        let taken = &behind[..behind.len() - after.len()];
        match before.strip_suffix('\\') {
            Some(before) => out.extend([before, "$", taken]),
            None if name.is_empty() => out.extend([before, "$", taken]),
            None => {
                out.push_str(before);
                out.push_str(
                    &known
                        .value_of(name)?
                        .ok_or_else(|| unset(name, inner.len() < behind.len()))?,
                );
                from.push(name.to_owned());
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(FoundEntry::replaced(out, from))
}
