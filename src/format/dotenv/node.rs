//! npm's dotenv, versions 16 to 18, which all read the same way.

use super::Dialect;
use super::beside::Sign;
use super::collect::{Collector, FoundEntry, LinePlace, Outside, ReadingStopped, refused};
use super::parse::Escapes;
use super::pattern::{Line, Pattern, PatternPart, unquote};
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::Normal;
use super::write::{BACKTICKS, BELOW, DOUBLE, ESCAPED_LINES, ESCAPED_RETURN, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Node,
    name: "node",
    help: "npm dotenv",
    reader: "npm dotenv",
    neighbours: &[Sign::Named("package.json")],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "npm dotenv",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, BACKTICKS, ESCAPED_RETURN, ESCAPED_LINES],
    below: &BELOW,
    escapes: [
        Escapes::BeforeQuotes,
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
    ],
    reason: |_| {
        "it holds all of ' \" ` together with # or a line break, or what npm dotenv takes \
        for an escape"
    },
};

const DOTENV: Pattern = Pattern {
    quotes: &['\'', '"', '`'],
    in_key: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
    lone_key: false,
    space: |c| c.is_whitespace() && c != '\u{85}' || c == '\u{feff}',
};

pub(super) fn read(text: &str, outside: Outside<'_>) -> Reading {
    let normal = Normal::unix_lines(text);
    let mut out = Collector::new(text, outside);
    let _ = lines(&normal.text, &mut out);
    out.finish(Some(&normal))
}

fn lines(text: &str, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    for part in DOTENV.parts(text) {
        match part {
            PatternPart::Line(line) => {
                let found = value(&line);
                out.set(
                    line.key,
                    LinePlace {
                        span: line.span,
                        raw: line.raw,
                    },
                    found,
                )?;
            }
            PatternPart::Passed(span) => out.unread(
                None,
                span,
                refused("npm dotenv does not accept this line and skips it"),
            )?,
        }
    }
    Ok(())
}

fn value(line: &Line<'_>) -> Result<FoundEntry, super::collect::LineError> {
    let text = line.value.unwrap_or_default().trim_matches(DOTENV.space);
    let (_, inner) = unquote(text, DOTENV.quotes);
    // npm dotenv looks for quotes line by line, and these two characters end a line in JavaScript.
    if inner.len() == text.len() && text.contains(['\u{2028}', '\u{2029}']) {
        return Err(refused(
            "it holds a line separator, after which npm dotenv looks for quotes again",
        ));
    }
    // The first character decides about escapes, even if the value does not end in the same quote.
    Ok(FoundEntry::text(if text.starts_with('"') {
        inner.replace("\\n", "\n").replace("\\r", "\r")
    } else {
        inner.to_owned()
    }))
}
