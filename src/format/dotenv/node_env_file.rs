//! `node --env-file` and `util.parseEnv` (Node.js documentation, "Environment variables").

use super::Dialect;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, refused,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Normal, line_end};
use super::write::{BACKTICKS, BELOW, DOUBLE, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::NodeEnvFile,
    name: "node-env-file",
    help: "node --env-file",
    reader: "node --env-file",
    neighbours: &[],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "node 20 and later",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, BACKTICKS],
    below: &BELOW,
    escapes: [
        Escapes::Nowhere,
        Escapes::InDouble,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "node drops carriage returns, and a value with all of ' \" ` leaves no quotes to use",
};

const DISPUTED: &str = "node 20 and later versions read it differently";

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\n'])
}

/// Reads what versions 20 and later agree on. The older ones do not treat tabs as blanks, and take
/// a line without `=` for a part of the next key.
pub(super) fn read(text: &str, outside: Outside<'_>) -> Reading {
    let normal = Normal::without_returns(text);
    let mut out = Collector::new(text, outside);
    let _ = lines(&normal.text, &mut out);
    out.finish(Some(&normal))
}

fn lines(text: &str, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    let mut lines = NodeLines {
        text,
        at: 0,
        is_disputed: false,
    };
    while lines.at < text.len() {
        let end = line_end(text, lines.at);
        let line = text[lines.at..end].trim_end_matches('\n');
        if line.contains('=') && !line.trim_start().starts_with('#') {
            lines.entry(line, end, out)?;
        } else {
            lines.other(line, end, out)?;
        }
    }
    Ok(())
}

/// The place in the text, and whether versions differ on the next entry because of the text before
/// it.
struct NodeLines<'a> {
    text: &'a str,
    at: usize,
    is_disputed: bool,
}

impl NodeLines<'_> {
    /// A line without an entry.
    fn other(
        &mut self,
        line: &str,
        end: usize,
        out: &mut Collector<'_>,
    ) -> Result<(), ReadingStopped> {
        let is_comment = line.is_empty() || line.starts_with('#');
        self.is_disputed |= !is_comment;
        if !is_comment && !line.trim_start().starts_with('#') && !line.trim().is_empty() {
            out.unread(None, self.at..end, refused("node ignores a line without ="))?;
        }
        self.at = end;
        Ok(())
    }

    /// A line with an entry, whose value may go on in the next lines.
    fn entry(
        &mut self,
        line: &str,
        end: usize,
        out: &mut Collector<'_>,
    ) -> Result<(), ReadingStopped> {
        let (text, start) = (self.text, self.at);
        let key_end = start + line.find('=').unwrap_or_default();
        let (key, value_at) = (&text[start..key_end], key_end + 1);
        self.is_disputed |=
            key.contains('\t') || text[value_at..].trim_start_matches(' ').starts_with('\t');
        let key = trim(key);
        if key.is_empty() {
            return out.unread(
                None,
                start..end,
                ends("node 20 stops at a line without a name"),
            );
        }
        let exported = key.strip_prefix("export ");
        // Newer versions keep `export ` in the name if no value follows.
        let is_empty = text[value_at..end].trim_matches([' ', '\n']).is_empty();
        self.is_disputed |= exported.is_some_and(|key| key.starts_with(' ') || is_empty);
        if start == 0 && key.starts_with('\u{feff}') {
            return self.marked(exported.unwrap_or(key), value_at, out);
        }
        let key = exported.map_or(key, trim);
        let takes_next_text = takes_next_text(text, value_at, end);
        let (found, raw, next) = if takes_next_text {
            (Err(refused(DISPUTED)), value_at..value_at, end)
        } else {
            value(text, value_at)
        };
        let found = if self.is_disputed {
            Err(refused(DISPUTED))
        } else {
            found
        };
        let span = start..next;
        out.set(key, LinePlace { span, raw }, found)?;
        (self.at, self.is_disputed) = (next, takes_next_text);
        Ok(())
    }

    /// The first entry of a text with a byte order mark.
    fn marked(
        &mut self,
        key: &str,
        value_at: usize,
        out: &mut Collector<'_>,
    ) -> Result<(), ReadingStopped> {
        let name = key
            .trim_start_matches('\u{feff}')
            .trim_start_matches("export ");
        let found = Err(refused(
            "node takes the byte order mark for a part of the name",
        ));
        let (_, raw, next) = value(self.text, value_at);
        let span = self.at..next;
        out.set(name, LinePlace { span, raw }, found)?;
        (self.at, self.is_disputed) = (next, false);
        Ok(())
    }
}

/// Whether newer versions take the next text as the value: the value is blank, and the next text is
/// not a comment.
fn takes_next_text(text: &str, value_at: usize, end: usize) -> bool {
    let is_blank = text[value_at..end]
        .trim_matches([' ', '\t', '\n'])
        .is_empty()
        && !text[value_at..].starts_with('\n');
    let behind = text[value_at..].trim_start_matches([' ', '\t', '\n']);
    is_blank && !behind.is_empty() && !behind.starts_with('#')
}

/// Returns the value, its range, and the start of the line after it.
fn value(
    text: &str,
    from: usize,
) -> (Result<FoundEntry, LineError>, std::ops::Range<usize>, usize) {
    if text[from..].starts_with('\n') {
        return (Ok(FoundEntry::text("")), from..from, from + 1);
    }
    let start =
        from + text[from..].len() - text[from..].trim_start_matches([' ', '\t', '\n']).len();
    let rest = &text[start..];
    let (found, length, next) = if let Some(quote) = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '\'' | '"' | '`'))
        && let Some(length) = rest[1..].find(quote)
    {
        let inner = &rest[1..=length];
        let value = if quote == '"' {
            inner.replace("\\n", "\n")
        } else {
            inner.to_owned()
        };
        (
            Ok(FoundEntry::text(value)),
            length + 2,
            line_end(text, start + length + 2),
        )
    } else {
        let next = line_end(text, start);
        let line = &text[start..next];
        if line.starts_with(['\'', '"', '`']) {
            (
                Err(refused("its quotes are not closed")),
                line.trim_end().len(),
                next,
            )
        } else {
            let value = line
                .split('#')
                .next()
                .unwrap_or_default()
                .trim_matches([' ', '\n']);
            // Only the newer versions cut off a tab at the end.
            let found = if value.ends_with('\t') {
                Err(refused(DISPUTED))
            } else {
                Ok(FoundEntry::text(value))
            };
            (found, value.len(), next)
        }
    };
    (found, start..start + length, next)
}
