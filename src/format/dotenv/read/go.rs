//! The two Go readers: docker compose (compose-go) and godotenv.

use super::{Broken, Cursor, Seen, Variables, unescaped};

/// Blank, and no line feed, to both.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
}

/// Moves to the next statement; `None` at the end of the file.
fn next_statement(cursor: &mut Cursor<'_>) -> Option<()> {
    loop {
        cursor.take_while(char::is_whitespace);
        match cursor.peek()? {
            '#' => cursor.take_while(|c| c != '\n'),
            _ => return Some(()),
        };
    }
}

/// docker compose: a key without a value is taken from the environment, `KEY: value` works too.
pub(super) fn compose(text: &str) -> Result<Variables, Broken> {
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(text.strip_prefix('\u{feff}').unwrap_or(text));
    while next_statement(&mut cursor).is_some() {
        let start = cursor.at;
        cursor.take_export(|c| matches!(c, ' ' | '\t' | '\r' | '\u{c}' | '\n'));
        let key = cursor.take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']') || is_blank(c));
        let key = key.trim_end().to_owned();
        let inherited = match cursor.bump() {
            Some('=' | ':') => false,
            Some('\n') => true,
            _ => return Err(cursor.broken_at(start)),
        };
        if key.contains(' ') {
            return Err(cursor.broken_at(start));
        }
        cursor.take_while(is_blank);
        let value = if inherited { Some(Seen::Unknown) } else { compose_value(&mut cursor) };
        variables.insert(key, value.ok_or_else(|| cursor.broken_at(start))?);
    }
    Ok(variables)
}

fn compose_value(cursor: &mut Cursor<'_>) -> Option<Seen> {
    let Some(quote) = cursor.peek().filter(|c| matches!(c, '\'' | '"')) else {
        let line = cursor.take_while(|c| c != '\n');
        return replaced_by_compose(line.split(" #").next().unwrap_or_default().trim_end());
    };
    cursor.bump();
    let mut value = String::new();
    loop {
        match cursor.bump()? {
            c if c == quote => break,
            '\\' => match cursor.bump()? {
                c if c == quote => value.push(c),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    if quote == '"' { replaced_by_compose(&unescaped_by_compose(&value)?) } else { Some(Seen::value(value)) }
}

/// `\n` and the like; `None` for octal numbers, which this program never writes.
fn unescaped_by_compose(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = match (c, chars.peek()) {
            ('\\', Some('a')) => '\u{7}',
            ('\\', Some('b')) => '\u{8}',
            ('\\', Some('f')) => '\u{c}',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('t')) => '\t',
            ('\\', Some('v')) => '\u{b}',
            ('\\', Some(c @ ('"' | '\\'))) => *c,
            ('\\', Some('$')) => {
                out.push('$');
                '$'
            }
            ('\\', Some('0')) => return None,
            _ => {
                out.push(c);
                continue;
            }
        };
        out.push(escaped);
        chars.next();
    }
    Some(out)
}

/// `$$` is a dollar sign, `$NAME` is replaced, `$` before anything else is an error.
fn replaced_by_compose(text: &str) -> Option<Seen> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '$' {
            match chars.next()? {
                '$' => {}
                c if c.is_ascii_alphabetic() || matches!(c, '_' | '{') => return Some(Seen::Unknown),
                _ => return None,
            }
        }
        out.push(c);
    }
    Some(Seen::value(out))
}

/// godotenv 1.5.
pub(super) fn godotenv(text: &str) -> Result<Variables, Broken> {
    let text = zeroize::Zeroizing::new(text.replace("\r\n", "\n"));
    let mut variables = Variables::new();
    let mut cursor = Cursor::new(&text);
    while next_statement(&mut cursor).is_some() {
        let start = cursor.at;
        cursor.take_export(is_blank);
        // It looks at bytes here: a name beyond ASCII is not told.
        let key = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.') || (c.is_ascii() && is_blank(c)));
        let key = key.trim_end().to_owned();
        if !matches!(cursor.bump(), Some('=' | ':')) {
            return Err(cursor.broken_at(start));
        }
        cursor.take_while(is_blank);
        let value = match cursor.peek() {
            Some(quote @ ('\'' | '"')) => quoted_by_godotenv(&mut cursor, quote).ok_or_else(|| cursor.broken_at(start))?,
            _ => replaced_by_godotenv(bare_for_godotenv(cursor.take_while(|c| !matches!(c, '\n' | '\r')))),
        };
        variables.insert(key, value);
    }
    Ok(variables)
}

/// Up to the last `#` behind a blank.
fn bare_for_godotenv(line: &str) -> &str {
    let is_comment = |at: &usize| line[..*at].ends_with(is_blank);
    let end = line.match_indices('#').map(|(at, _)| at).rfind(is_comment).unwrap_or(line.len());
    line[..end].trim_matches(is_blank)
}

fn quoted_by_godotenv(cursor: &mut Cursor<'_>, quote: char) -> Option<Seen> {
    let rest = cursor.rest();
    let end = rest.match_indices(quote).map(|(at, _)| at).find(|at| *at > 0 && !rest[..*at].ends_with('\\'))?;
    cursor.at += end + 1;
    // Quotes of the same kind at either end are cut off, however many.
    let value = rest[..end].trim_matches(quote);
    if quote == '\'' {
        return Some(Seen::value(value));
    }
    Some(replaced_by_godotenv(&unescaped_by_godotenv(value)))
}

/// In two passes, as godotenv does it: `\n` and `\r`, then every `\` but one before a `$` goes.
fn unescaped_by_godotenv(text: &str) -> String {
    let mut first = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, (c == '\\').then(|| chars.next()).flatten()) {
            ('\\', Some('n')) => first.push('\n'),
            ('\\', Some('r')) => first.push('\r'),
            (c, next) => first.extend(std::iter::once(c).chain(next)),
        }
    }
    unescaped(&first)
}

fn replaced_by_godotenv(text: &str) -> Seen {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let behind = &rest[at + 1..];
        let name = behind.strip_prefix('(').unwrap_or(behind);
        let name = name.strip_prefix('{').unwrap_or(name);
        let is_named = name.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if rest[..at].ends_with('\\') {
            out.push_str(&rest[..at - 1]);
        } else if is_named {
            return Seen::Unknown;
        } else {
            out.push_str(&rest[..at]);
        }
        out.push('$');
        // What the pattern took along with the dollar sign is not looked at again.
        let taken =
            behind.len() - name.trim_start_matches(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_').len();
        out.push_str(&behind[..taken]);
        rest = &behind[taken..];
    }
    out.push_str(rest);
    Seen::value(out)
}
