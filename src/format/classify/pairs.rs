//! Finds names with values inside a text: `NAME=value` in a command or comment, `Password=x;` in a
//! connection string, `name: value` in a header, the lines of a configuration file, JSON, XML.

use std::ops::Range;

use super::name::{NameHint, name_hint};
use super::{Part, Role, value};
use crate::names::is_public_name;

/// The pairs of a text whose name says that the value is or may be a secret.
pub(super) fn parts(text: &str, role: Role, depth: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let scheme = scheme_of_authorization(text);
    if scheme > 0
        && depth == 0
        && role != Role::Comment
        && !text[scheme..].trim().contains(char::is_whitespace)
    {
        // An authorization header, under any name.
        parts.push(Part {
            name: "token".into(),
            value: scheme..text.trim_end().len(),
        });
    }
    let is_config = role == Role::ConfigContent || text.contains('\n');
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let before = parts.len();
        of_line(
            text,
            start..start + line.trim_end_matches(['\r', '\n']).len(),
            role,
            &mut parts,
        );
        if is_config && parts.len() == before {
            parts.extend(by_blank(text, start, line));
        }
    }
    // A value that spans the whole text is judged by the caller.
    parts.retain(|part| depth > 0 || part.value != (0..text.len()));
    parts
}

fn of_line(text: &str, line: Range<usize>, role: Role, parts: &mut Vec<Part>) {
    let mut at = line.start;
    while let Some(found) = text[at..line.end].find(['=', ':', '>']) {
        let separator = at + found;
        at = separator + 1;
        let Some((name, name_start)) = name_before(text, line.start, separator) else {
            continue;
        };
        if !matches!(
            name_hint(name),
            NameHint::Password
                | NameHint::Token
                | NameHint::Code
                | NameHint::Maybe
                | NameHint::Login
                | NameHint::Topic
        ) {
            continue;
        }
        let is_first = text[line.start..name_start]
            .trim_matches([' ', '\t', '#', ';', '/', '-', '"', '\'', '*'])
            .trim_start_matches("export ")
            .is_empty();
        let Some(value) = value_behind(text, separator, line.end, is_first) else {
            continue;
        };
        if role == Role::Comment
            && !is_pair_in_comment(
                &text[line.clone()],
                &text[value.clone()],
                text.as_bytes()[separator],
                is_first,
                value.end == line.end,
            )
        {
            continue;
        }
        at = value.end.max(at);
        parts.push(Part {
            name: name.to_owned(),
            value,
        });
    }
}

/// The name right before the separator, without quotes.
fn name_before(text: &str, from: usize, separator: usize) -> Option<(&str, usize)> {
    let head = text[from..separator].trim_end();
    let head = head.strip_suffix(['"', '\'', '+', ':']).unwrap_or(head);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let start = head.rfind(|c| !is_name(c)).map_or(0, |at| {
        at + head[at..].chars().next().map_or(1, char::len_utf8)
    });
    let name = head[start..].trim_start_matches(['-', '.']);
    // Only the last word is the name: `Key` in `Api Key=…`, `Password` in `User Password: …`.
    (!name.is_empty()).then_some((name, from + head.len() - name.len()))
}

fn value_behind(text: &str, separator: usize, end: usize, is_first: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_colon = bytes[separator] == b':';
    let tail = &text[separator + 1..end];
    if bytes[separator] == b'>' {
        // `<Name>value</Name>`
        let close = tail.find("</")?;
        return Some(separator + 1..separator + 1 + close);
    }
    // `"name" => "value"`
    let arrow = usize::from(!is_colon && tail.starts_with("> "));
    let (separator, tail) = (separator + arrow, &tail[arrow..]);
    if is_colon && tail.starts_with("//") || tail.starts_with(['=', '~']) {
        return None;
    }
    let blank = tail.len() - tail.trim_start_matches([' ', '\t']).len();
    let is_quoted_name = separator
        .checked_sub(1)
        .and_then(|before| bytes.get(before))
        .is_some_and(|b| matches!(b, b'"' | b'\''));
    if is_colon && blank == 0 && !is_quoted_name && !is_first {
        return None;
    }
    let start = separator + 1 + blank;
    let tail = &text[start..end];
    if blank > 0 && tail.starts_with('#') {
        return None; // a comment
    }
    if let Some(quote) = tail
        .chars()
        .next()
        .filter(|c| matches!(c, '"' | '\'' | '`'))
    {
        let close = tail[1..].find(quote)?;
        return Some(start + 1..start + 1 + close).filter(|span| !span.is_empty());
    }
    let start = start + scheme_of_authorization(tail);
    let tail = &text[start..end];
    let stops = |c: char| {
        c.is_whitespace() || matches!(c, ';' | '&' | '"' | '\'' | ',' | '}' | ']' | ')' | '<')
    };
    let length = reference_length(tail).unwrap_or_else(|| tail.find(stops).unwrap_or(tail.len()));
    Some(start..start + length).filter(|span| !span.is_empty())
}

/// The length of a reference at the start: `${NAME:-a b}` is one value despite the blank.
fn reference_length(tail: &str) -> Option<usize> {
    tail.starts_with("${")
        .then(|| tail.find('}').map(|close| close + 1))
        .flatten()
}

/// The length of an authorization scheme before a token: `Bearer `, `Basic ` and others.
pub(super) fn scheme_of_authorization(tail: &str) -> usize {
    let schemes = [
        "Bearer ", "bearer ", "Basic ", "basic ", "Token ", "token ", "ApiKey ", "Bot ", "Digest ",
    ];
    schemes
        .iter()
        .find(|scheme| tail.starts_with(**scheme))
        .map_or(0, |scheme| scheme.len())
}

/// A line of a netrc file: `machine … login … password value`.
fn of_netrc(start: usize, line: &str) -> Option<Part> {
    let at = line.find(" password ")? + " password ".len();
    let length = line[at..]
        .find(char::is_whitespace)
        .unwrap_or(line.len() - at);
    (length > 0).then(|| Part {
        name: "password".into(),
        value: start + at..start + at + length,
    })
}

/// A name and a value separated by a blank, as `requirepass value` in a configuration file.
fn by_blank(text: &str, start: usize, line: &str) -> Option<Part> {
    let body = line.trim();
    if body.starts_with("machine ") || body.starts_with("default login ") {
        return of_netrc(start, line);
    }
    let (name, rest) = body.split_once([' ', '\t'])?;
    let rest = rest.trim();
    let is_secret_name = matches!(name_hint(name), NameHint::Password | NameHint::Token);
    let is_one =
        !rest.is_empty() && !rest.contains(char::is_whitespace) && !rest.starts_with(['=', ':']);
    let is_plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let at = start + line.rfind(rest)?;
    (is_secret_name && is_one && is_plain && text.is_char_boundary(at)).then(|| Part {
        name: name.to_owned(),
        value: at..at + rest.len(),
    })
}

/// Whether a match in a comment is an assignment. Prose contains colons and equals signs too, so
/// the value must not be a word. A word only counts after a `NAME=` at the start of the comment, if
/// nothing or a second comment follows it.
fn is_pair_in_comment(
    line: &str,
    found: &str,
    separator: u8,
    is_first: bool,
    is_last: bool,
) -> bool {
    let plain = found.trim_end_matches(['.', ',', '!', '?']);
    let is_word = plain.chars().all(|c| c.is_alphabetic() || c == '-')
        && (!plain.is_ascii() || is_public_name(plain));
    let rest = line.trim_end().ends_with(found) || is_last;
    if separator == b'=' && is_first {
        rest || !is_word || line.contains(" #")
    } else {
        !is_word && (found.len() >= 6 || rest && value::is_number(found) && found.len() >= 4)
    }
}
