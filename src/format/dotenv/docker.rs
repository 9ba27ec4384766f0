//! `docker run --env-file`: raw lines (docker/cli, `pkg/kvfile`).

use super::Dialect;
use super::collect::{Collector, FoundEntry, LinePlace, Outside, ReadingStopped, ends};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::write::WITHOUT_QUOTES;

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Docker,
    name: "docker",
    help: "docker run --env-file",
    reader: "docker run --env-file",
    neighbours: &[],
    is_variant: false,
    is_portable: false,
    is_raw: true,
    versions: &[ReaderVersion {
        name: "docker",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[WITHOUT_QUOTES],
    below: &[""],
    escapes: [
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "docker takes each line raw: no line break, no carriage return at the end",
};

/// The length in bytes from which docker refuses a line.
const MAX_LINE: usize = 64 * 1024;

pub(super) fn read(text: &str, outside: Outside<'_>) -> Reading {
    let mut out = Collector::new(text, outside);
    let _ = lines(text, &mut out);
    out.finish(None)
}

fn lines(text: &str, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    let mut at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    while at < text.len() {
        let span = at..super::text::line_end(text, at);
        let whole = &text[span.clone()];
        let without_end = whole.strip_suffix('\n').unwrap_or(whole);
        at = span.end;
        if without_end.len() >= MAX_LINE {
            return out.unread(None, span, ends("docker refuses lines over 64 KiB"));
        }
        let line = without_end
            .strip_suffix('\r')
            .unwrap_or(without_end)
            .trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .map_or((line, None), |(key, value)| (key, Some(value)));
        if key.is_empty() || key.contains([' ', '\t']) {
            return out.unread(
                None,
                span,
                ends("docker refuses names with blanks and lines without a name"),
            );
        }
        let raw_end = span.start + without_end.strip_suffix('\r').unwrap_or(without_end).len();
        let raw = raw_end - value.map_or(0, str::len)..raw_end;
        // A name alone takes its value from the environment.
        let value = match value {
            Some(value) => FoundEntry::text(value),
            None => FoundEntry {
                value: out.value_of(key).unwrap_or_default(),
                from: Vec::new(),
            },
        };
        out.set(key, LinePlace { span, raw }, Ok(value))?;
    }
    Ok(())
}
