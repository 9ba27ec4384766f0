//! python-dotenv, with its variables replaced as it does by default.

use super::{Cursor, Seen, Variables, unix_lines};

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r')
}

pub(super) fn read(text: &str) -> Variables {
    // A text file is opened with universal line ends.
    let text = unix_lines(text);
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(&text));
    loop {
        cursor.take_while(char::is_whitespace);
        if cursor.rest().is_empty() {
            return variables;
        }
        if let Some((key, value)) = binding(&mut cursor) {
            let known = value.filter(|value| !value.match_indices("${").any(|(at, _)| is_replaced(&value[at + 2..])));
            variables.insert(key, known.map_or(Seen::Unknown, Seen::value));
        }
        cursor.take_while(|c| c != '\n');
    }
}

/// Whether `NAME}` or `NAME:-default}` stands there.
fn is_replaced(behind: &str) -> bool {
    match behind.split_once(['}', ':']) {
        Some((name, rest)) if behind[name.len()..].starts_with(':') => rest.starts_with('-') && rest.contains('}'),
        found => found.is_some(),
    }
}

/// A line that python-dotenv takes; of every other it skips the rest. A name alone has no value.
fn binding(cursor: &mut Cursor<'_>) -> Option<(String, Option<String>)> {
    cursor.take_export(is_blank);
    let key = match cursor.peek()? {
        '#' => return None,
        '\'' => {
            cursor.bump();
            let key = cursor.take_while(|c| c != '\'');
            cursor.take('\'').then_some(key)?
        }
        _ => cursor.take_while(|c| !matches!(c, '=' | '#') && !c.is_whitespace()),
    };
    cursor.take_while(is_blank);
    if !cursor.take('=') {
        let at_end = matches!(cursor.peek(), None | Some('\n' | '#'));
        return (at_end && !key.is_empty()).then(|| (key.to_owned(), None));
    }
    let gap = cursor.take_while(is_blank);
    let value = match cursor.peek() {
        Some('#') if !gap.is_empty() => String::new(),
        Some(quote @ ('\'' | '"')) => quoted(cursor, quote)?,
        None | Some('\n') => String::new(),
        Some(_) => bare(cursor.take_while(|c| c != '\n')),
    };
    cursor.take_while(is_blank);
    let at_end = matches!(cursor.peek(), None | Some('\n' | '#'));
    (at_end && !key.is_empty()).then(|| (key.to_owned(), Some(value)))
}

fn quoted(cursor: &mut Cursor<'_>, quote: char) -> Option<String> {
    let start = cursor.at;
    cursor.bump();
    let mut value = String::new();
    loop {
        let Some(c) = cursor.bump() else {
            cursor.at = start;
            return None;
        };
        if c == quote {
            return Some(value);
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match (quote, cursor.bump()) {
            (_, Some(c @ ('\\' | '\''))) | ('"', Some(c @ '"')) => value.push(c),
            ('"', Some('n')) => value.push('\n'),
            ('"', Some('r')) => value.push('\r'),
            ('"', Some('t')) => value.push('\t'),
            ('"', Some('a')) => value.push('\u{7}'),
            ('"', Some('b')) => value.push('\u{8}'),
            ('"', Some('f')) => value.push('\u{c}'),
            ('"', Some('v')) => value.push('\u{b}'),
            (_, other) => {
                value.push('\\');
                value.extend(other);
            }
        }
    }
}

/// Up to a `#` behind a blank.
fn bare(line: &str) -> String {
    let mut before = ' ';
    let end = line.char_indices().find(|(at, c)| {
        let comment = *c == '#' && *at > 0 && before.is_whitespace();
        before = *c;
        comment
    });
    line[..end.map_or(line.len(), |(at, _)| at)].trim_end().to_owned()
}
