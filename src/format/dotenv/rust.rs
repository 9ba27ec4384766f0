//! dotenvy (Rust), which mise and just use too.

use zeroize::Zeroizing;

use super::Dialect;
use super::beside::Sign;
use super::collect::{
    Collector, FoundEntry, LineError, LinePlace, Outside, ReadingStopped, ends, refused, unset,
};
use super::parse::Escapes;
use super::reading::Reading;
use super::row::{Agreement, DialectRow, ReaderVersion};
use super::text::{Cursor, line_end};
use super::write::{BELOW, DOUBLE, ESCAPED_QUOTE_DOLLAR, SHELL_QUOTED, SINGLE};

pub(super) const ROW: DialectRow = DialectRow {
    dialect: Dialect::Rust,
    name: "rust",
    help: "dotenvy, mise, just",
    reader: "dotenvy",
    neighbours: &[Sign::Named("Cargo.toml")],
    is_variant: false,
    is_portable: true,
    is_raw: false,
    versions: &[ReaderVersion {
        name: "dotenvy 0.15",
        read,
        only_with: &[],
    }],
    older: &[],
    retired: &[],
    agreement: Agreement::Every,
    ways: &[SINGLE, DOUBLE, SHELL_QUOTED, ESCAPED_QUOTE_DOLLAR],
    below: &BELOW,
    escapes: [
        Escapes::InDouble,
        Escapes::Nowhere,
        Escapes::Everywhere,
        Escapes::BeforeQuotes,
    ],
    reason: |_| "dotenvy has no escape for a carriage return here",
};

fn read(text: &str, outside: Outside<'_>) -> Reading {
    let mut out = Collector::new(text, outside);
    // `dotenv()` accepts a byte order mark, `from_path_iter` does not.
    if text.starts_with('\u{feff}') {
        let reason = "it starts with a byte order mark, which dotenvy does not always accept";
        let _ = out.unread(None, 0..line_end(text, 0), ends(reason));
    } else {
        let _ = lines(&mut Cursor::new(text), &mut out);
    }
    out.finish(None)
}

fn lines(cursor: &mut Cursor<'_>, out: &mut Collector<'_>) -> Result<(), ReadingStopped> {
    while !cursor.rest().is_empty() {
        let start = cursor.at;
        let Some(line) = logical_line(cursor) else {
            return out.unread(
                None,
                start..cursor.text.len(),
                ends("its quotes or escapes are not closed"),
            );
        };
        let span = start..cursor.at;
        match entry(line) {
            Ok(None) => {}
            Ok(Some((key, value))) => {
                let value_at = start + (value.as_ptr() as usize - line.as_ptr() as usize);
                let (found, length) = if value.starts_with('#') {
                    (Ok(FoundEntry::text("")), 0)
                } else {
                    replaced(value, out)
                };
                let place = LinePlace {
                    span,
                    raw: value_at..value_at + length,
                };
                out.set(
                    key,
                    place,
                    found.and_then(|found| refuse_conflict(key, found, out)),
                )?;
            }
            Err(reason) => return out.unread(None, span, ends(reason)),
        }
    }
    Ok(())
}

/// Refuses a name that is set twice to different values: depending on the call, a program uses the
/// first (`dotenv()`) or the last one (`dotenv_override()`).
fn refuse_conflict(
    key: &str,
    found: FoundEntry,
    out: &Collector<'_>,
) -> Result<FoundEntry, LineError> {
    let is_other = |known: Option<Zeroizing<String>>| known != found.value;
    if out.is_set(key) && out.value_of(key).map_or(true, is_other) {
        return Err(refused(
            "a line above sets it to something else, and dotenvy may use the first or the last",
        ));
    }
    Ok(found)
}

/// Reads one line without its comment, or several lines if quotes or escapes stay open.
fn logical_line<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Plain,
        Blank,
        Escape,
        Quoted(char),
        QuotedEscape(char),
    }
    let start = cursor.at;
    if cursor
        .rest()
        .trim_start_matches(|c: char| c.is_whitespace() && c != '\n')
        .starts_with('#')
    {
        cursor.skip_line();
        return Some("");
    }
    let (mut state, mut blank) = (State::Plain, true);
    while let Some(c) = cursor.bump() {
        blank &= c.is_whitespace();
        state = match (state, c) {
            (State::Blank, '#') => {
                let line = &cursor.text[start..cursor.at - 1];
                cursor.skip_line();
                return Some(line);
            }
            (State::Plain | State::Blank, '\\') => State::Escape,
            (State::Plain | State::Blank, quote @ ('\'' | '"')) => State::Quoted(quote),
            (State::Plain, c) if c.is_whitespace() && !matches!(c, '\n' | '\r') => State::Blank,
            (State::Quoted(quote), '\\') => State::QuotedEscape(quote),
            (State::QuotedEscape(quote), _) => State::Quoted(quote),
            (State::Quoted(quote), c) if c != quote => State::Quoted(quote),
            (State::Plain | State::Blank | State::Escape | State::Quoted(_), _) => State::Plain,
        };
        if state == State::Plain && c == '\n' {
            return Some(&cursor.text[start..cursor.at]);
        }
        // After blank lines that stayed open, dotenvy takes a comment for the whole logical line.
        if c == '\n'
            && blank
            && cursor
                .rest()
                .trim_start_matches([' ', '\t'])
                .starts_with('#')
        {
            return None;
        }
    }
    // The last line may lack a line break, but it must be complete.
    matches!(state, State::Plain).then(|| &cursor.text[start..])
}

type Entry<'a> = Option<(&'a str, &'a str)>;

/// Returns a key and the raw text of its value, or `Ok(None)` for an empty line.
fn entry(line: &str) -> Result<Entry<'_>, &'static str> {
    const REASON: &str = "dotenvy does not accept this line";
    let mut cursor = Cursor::new(line.trim_end());
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        return Ok(None);
    }
    let mut key = name(&mut cursor).ok_or(REASON)?;
    cursor.take_while(char::is_whitespace);
    if !cursor.take('=') {
        key = Some(key)
            .filter(|key| *key == "export")
            .and_then(|_| name(&mut cursor))
            .ok_or(REASON)?;
        cursor.take_while(char::is_whitespace);
        cursor.take('=').then_some(()).ok_or(REASON)?;
    }
    cursor.take_while(char::is_whitespace);
    Ok(Some((key, cursor.rest())))
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    cursor
        .peek()
        .filter(|c| c.is_ascii_alphabetic() || *c == '_')?;
    Some(cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
}

/// Returns the value with its variables expanded, and its length as written.
fn replaced(text: &str, known: &Collector<'_>) -> (Result<FoundEntry, LineError>, usize) {
    let mut value = Value {
        known,
        text: String::new(),
        from: Vec::new(),
        trouble: None,
    };
    let mut cursor = Cursor::new(text);
    let found = match value.read(&mut cursor) {
        Err(reason) => Err(ends(reason)),
        Ok(()) => match value.trouble {
            Some(trouble) => Err(trouble),
            None => Ok(FoundEntry::replaced(value.text, value.from)),
        },
    };
    (found, cursor.at)
}

struct Value<'a, 'b> {
    known: &'a Collector<'b>,
    text: String,
    from: Vec<String>,
    trouble: Option<LineError>,
}

impl Value<'_, '_> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
        let mut quote = None;
        while let Some(c) = cursor.peek() {
            if quote.is_none() && matches!(c, ' ' | '\t') {
                let behind = cursor.rest().trim_start_matches([' ', '\t']);
                return if behind.is_empty() || behind.starts_with('#') {
                    Ok(())
                } else {
                    Err("dotenvy does not accept a blank in an unquoted value")
                };
            }
            cursor.bump();
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some('\''), c) => self.text.push(c),
                (_, '\\') => match cursor.bump() {
                    Some(c @ ('\\' | '\'' | '"' | '$' | ' ')) => self.text.push(c),
                    Some('n') => self.text.push('\n'),
                    None if quote.is_none() => {}
                    _ => return Err("dotenvy does not support this escape"),
                },
                (_, '$') => self.variables(cursor)?,
                (None, '\'' | '"') => quote = Some(c),
                (_, c) => self.text.push(c),
            }
        }
        if quote.is_some() {
            Err("its quotes are not closed")
        } else {
            Ok(())
        }
    }

    /// Expands the variable after a `$`: letters and digits, or anything in braces. The character
    /// after a bare name is always literal text.
    fn variables(&mut self, cursor: &mut Cursor<'_>) -> Result<(), &'static str> {
        loop {
            let name = cursor.take_while(char::is_alphanumeric);
            if name.is_empty() && cursor.take('{') {
                let name = cursor.take_while(|c| c != '}');
                cursor
                    .take('}')
                    .then_some(())
                    .ok_or("its braces are not closed")?;
                self.replace(name, true);
                return Ok(());
            }
            self.replace(name, false);
            match cursor.bump() {
                Some('$') => {}
                Some(c) => {
                    self.text.push(c);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    fn replace(&mut self, name: &str, is_braced: bool) {
        if name.is_empty() {
            return; // a $ alone is dropped
        }
        match self.known.value_of(name) {
            Ok(Some(value)) => self.text.push_str(&value),
            // For `${A:-d}`, dotenvy looks for a variable named `A:-d`, which no environment has.
            Ok(None) if is_braced && !crate::names::is_variable(name) => {}
            Ok(None) => drop(self.trouble.get_or_insert_with(|| unset(name, is_braced))),
            Err(trouble) => drop(self.trouble.get_or_insert(trouble)),
        }
        self.from.push(name.to_owned());
    }
}
