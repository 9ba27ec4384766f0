//! systemd's `EnvironmentFile=` (systemd.exec(5), "Environment").

use super::{Cursor, Seen, Variables};

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub(super) fn read(text: &str) -> Variables {
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(text);
    loop {
        cursor.take_while(is_blank);
        match cursor.peek() {
            None => return variables,
            Some('#' | ';') => skip_comment(&mut cursor),
            Some(_) => {
                let key = cursor.take_while(|c| c != '=' && !is_line_end(c)).trim_end_matches(is_blank).to_owned();
                if cursor.take('=') {
                    let value = value(&mut cursor);
                    variables.insert(key, Seen::value(value));
                }
            }
        }
    }
}

/// A `\` at the end of a comment takes the next line with it, in versions before 254.
fn skip_comment(cursor: &mut Cursor<'_>) {
    while let Some(c) = cursor.bump() {
        match c {
            '\\' => drop(cursor.bump()),
            c if is_line_end(c) => return,
            _ => {}
        }
    }
}

/// Parts in quotes, then perhaps one part without, up to the end of the line.
fn value(cursor: &mut Cursor<'_>) -> String {
    let mut value = String::new();
    loop {
        cursor.take_while(|c| c == ' ' || c == '\t');
        match cursor.bump() {
            None => return value,
            Some(c) if is_line_end(c) => return value,
            Some('\'') => {
                value.push_str(cursor.take_while(|c| c != '\''));
                cursor.bump();
            }
            Some('"') => double_quoted(cursor, &mut value),
            Some(c) => {
                bare(cursor, c, &mut value);
                return value;
            }
        }
    }
}

fn double_quoted(cursor: &mut Cursor<'_>, value: &mut String) {
    while let Some(c) = cursor.bump() {
        match c {
            '"' => return,
            '\\' => match cursor.bump() {
                Some(c @ ('"' | '\\' | '`' | '$')) => value.push(c),
                Some('\n') | None => {}
                Some(c) => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

fn bare(cursor: &mut Cursor<'_>, first: char, value: &mut String) {
    let mut kept = value.len(); // blanks behind this are cut off at the end of the line
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
