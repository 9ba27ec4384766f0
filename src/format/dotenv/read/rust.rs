//! dotenvy (Rust), which mise and just use too.

use super::{Broken, Cursor, Seen, Variables};

pub(super) fn read(text: &str) -> Result<Variables, Broken> {
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    while !cursor.rest().is_empty() {
        let start = cursor.at;
        let Some(line) = logical_line(&mut cursor) else { return Err(cursor.broken_at(start)) };
        match entry(line) {
            Some(Some((key, value))) => variables.insert(key, value),
            Some(None) => {}
            None => return Err(cursor.broken_at(start)),
        }
    }
    Ok(variables)
}

/// One line, or several where quotes or escapes stay open; without its comment.
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
    if cursor.rest().trim_start_matches(|c: char| c.is_whitespace() && c != '\n').starts_with('#') {
        cursor.take_while(|c| c != '\n');
        cursor.bump();
        return Some("");
    }
    let (mut state, mut blank) = (State::Plain, true);
    while let Some(c) = cursor.bump() {
        blank &= c.is_whitespace();
        state = match (state, c) {
            (State::Blank, '#') => {
                let line = &cursor.text[start..cursor.at - 1];
                cursor.take_while(|c| c != '\n');
                cursor.bump();
                return Some(line);
            }
            (State::Plain | State::Blank, '\\') => State::Escape,
            (State::Plain | State::Blank, quote @ ('\'' | '"')) => State::Quoted(quote),
            (State::Plain, c) if c.is_whitespace() && !matches!(c, '\n' | '\r') => State::Blank,
            (State::Quoted(quote), '\\') => State::QuotedEscape(quote),
            (State::QuotedEscape(quote), _) => State::Quoted(quote),
            (State::Quoted(quote), c) if c != quote => State::Quoted(quote),
            _ => State::Plain,
        };
        if state == State::Plain && c == '\n' {
            return Some(&cursor.text[start..cursor.at]);
        }
        // A comment below blanks that stayed open is taken for the whole.
        if c == '\n' && blank && cursor.rest().trim_start_matches([' ', '\t']).starts_with('#') {
            return None;
        }
    }
    // The last line needs no line break, but it must be complete.
    matches!(state, State::Plain).then(|| &cursor.text[start..])
}

/// A key and its value; `Some(None)` for an empty line, `None` for what dotenvy refuses.
fn entry(line: &str) -> Option<Option<(String, Seen)>> {
    let mut cursor = Cursor::new(line.trim_end());
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        return Some(None);
    }
    let mut key = name(&mut cursor)?;
    cursor.take_while(char::is_whitespace);
    if !cursor.take('=') {
        key = Some(key).filter(|key| *key == "export").and_then(|_| name(&mut cursor))?;
        cursor.take_while(char::is_whitespace);
        cursor.take('=').then_some(())?;
    }
    cursor.take_while(char::is_whitespace);
    if matches!(cursor.peek(), None | Some('#')) {
        return Some(Some((key.to_owned(), Seen::value(""))));
    }
    Some(Some((key.to_owned(), value(&mut cursor)?)))
}

fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    cursor.peek().filter(|c| c.is_ascii_alphabetic() || *c == '_')?;
    Some(cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))
}

fn value(cursor: &mut Cursor<'_>) -> Option<Seen> {
    let (mut value, mut replaced, mut quote) = (String::new(), false, None);
    while let Some(c) = cursor.bump() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => value.push(c),
            (_, '\\') => match cursor.bump() {
                Some(c @ ('\\' | '\'' | '"' | '$' | ' ')) => value.push(c),
                Some('n') => value.push('\n'),
                None if quote.is_none() => {}
                _ => return None,
            },
            (_, '$') => replaced = true,
            (None, '\'' | '"') => quote = Some(c),
            (None, ' ' | '\t') => {
                cursor.take_while(|c| c == ' ' || c == '\t');
                if !matches!(cursor.peek(), None | Some('#')) {
                    return None;
                }
                break;
            }
            (_, c) => value.push(c),
        }
    }
    match (quote, replaced) {
        (Some(_), _) => None,
        (None, true) => Some(Seen::Unknown),
        (None, false) => Some(Seen::value(value)),
    }
}
