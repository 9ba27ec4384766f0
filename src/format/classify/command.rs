//! Finds secrets in command lines: long options by name, and the short password options of
//! well-known programs.

mod known;

use std::ops::Range;

use super::name::{NameHint, name_hint, split};
use super::{Part, Role, value};
use known::{PLACES, PasswordPosition, SHORTS, WORDS};

/// The named parts of a command. `name` is the name of the whole text: `CURL_OPTS` holds options of
/// curl.
pub(super) fn parts(name: &str, text: &str, role: Role) -> Vec<Part> {
    nested(name, text, role, 0)
}

fn nested(name: &str, text: &str, role: Role, depth: usize) -> Vec<Part> {
    let words = words(text);
    let mut parts = Vec::new();
    let owner = split(name);
    let mut program =
        known_program(|program| owner.iter().any(|word| word == program)).unwrap_or("");
    for (at, span) in words.iter().enumerate() {
        let word = &text[span.clone()];
        if matches!(word, "|" | "||" | "&&" | ";" | "&") {
            program = "";
            continue;
        }
        if word.contains(char::is_whitespace) && word.len() < text.len() && depth < super::MAX_DEPTH
        {
            // A nested command: `sh -c '…'`, or an item of a list.
            let inner = nested(name, word, role, depth + 1).into_iter();
            parts.extend(inner.map(|part| Part {
                value: span.start + part.value.start..span.start + part.value.end,
                ..part
            }));
        }
        let called = word.rsplit('/').next().unwrap_or(word);
        program = known_program(|known| known == called).unwrap_or(program);
        let next = words
            .get(at + 1)
            .cloned()
            .filter(|next| !text[next.clone()].starts_with('-'));
        parts.extend(long(text, span, next.clone()));
        parts.extend(short(text, span, next.clone(), program));
        parts.extend(by_place(text, &words[at..], called));
        if matches!(role, Role::Command | Role::Healthcheck) {
            let behind = behind_word(word, next, &parts);
            parts.extend(behind);
        }
        parts.extend(of_sftp(text, span));
        if text.contains("chpasswd") && value::is_user_and_password(word) {
            parts.extend(behind_user(text, span.clone()));
        }
        parts.extend(of_openssl(word, span));
    }
    parts
}

/// The first program with a short password option that `is` accepts.
fn known_program(is: impl Fn(&str) -> bool) -> Option<&'static str> {
    SHORTS
        .iter()
        .flat_map(|(programs, ..)| *programs)
        .copied()
        .find(|program| is(program))
}

/// The secret behind a configuration word, unless it was found already.
fn behind_word(word: &str, next: Option<Range<usize>>, parts: &[Part]) -> Option<Part> {
    let value = next?;
    let is_new = !parts.iter().any(|part| part.value == value);
    (WORDS.contains(&word) && is_new).then(|| Part {
        name: word.to_owned(),
        value,
    })
}

/// `pass:X`, the way in which openssl takes a password.
fn of_openssl(word: &str, span: &Range<usize>) -> Option<Part> {
    let rest = word.strip_prefix("pass:").filter(|rest| !rest.is_empty())?;
    Some(Part {
        name: "pass".into(),
        value: span.end - rest.len()..span.end,
    })
}

/// `user:password:uid[:gid…]`, the format in which an SFTP server takes its users.
fn of_sftp(text: &str, span: &Range<usize>) -> Option<Part> {
    let (user, rest) = text[span.clone()].split_once(':')?;
    let (password, ids) = rest.split_once(':')?;
    let is_user = !user.is_empty()
        && user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let is_id = ids
        .split(':')
        .next()
        .is_some_and(|id| id == "e" || id.len() >= 3 && id.bytes().all(|b| b.is_ascii_digit()));
    let start = span.start + user.len() + 1;
    let is_password = password.len() >= 3
        && !password.contains('/')
        && !password.bytes().all(|b| b.is_ascii_digit());
    (is_user && is_id && is_password).then(|| Part {
        name: "password".into(),
        value: start..start + password.len(),
    })
}

fn by_place(text: &str, words: &[Range<usize>], called: &str) -> Option<Part> {
    let (command, place) = PLACES.iter().find(|(command, _)| {
        command.first() == Some(&called)
            && command
                .iter()
                .skip(1)
                .zip(words.iter().skip(1))
                .filter(|(wanted, span)| text.get((*span).clone()) == Some(**wanted))
                .count()
                + 1
                == command.len()
    })?;
    let value = words.get(command.len() + place)?.clone();
    Some(Part {
        name: "password".into(),
        value,
    })
}

/// `--name=value`, `--name value` or `-name value`. The name may be a path (`--a.b.password=x`).
fn long(text: &str, span: &Range<usize>, next: Option<Range<usize>>) -> Option<Part> {
    let word = &text[span.clone()];
    let option = word
        .strip_prefix("--")
        .or_else(|| word.strip_prefix('-').filter(|rest| rest.len() > 2))?;
    if let Some((name, value)) = option.split_once('=') {
        let value = unquoted(text, span.end - value.len()..span.end);
        return (!name.is_empty()).then(|| Part {
            name: name.to_owned(),
            value,
        });
    }
    let is_secret_name = matches!(
        name_hint(option),
        NameHint::Password | NameHint::Token | NameHint::Code | NameHint::Maybe | NameHint::Login
    );
    let value = next.filter(|_| {
        is_secret_name
            && option
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    })?;
    Some(Part {
        name: option.to_owned(),
        value,
    })
}

fn short(
    text: &str,
    span: &Range<usize>,
    next: Option<Range<usize>>,
    program: &str,
) -> Option<Part> {
    let word = &text[span.clone()];
    let letters = word
        .strip_prefix('-')
        .filter(|rest| !rest.is_empty() && !rest.starts_with('-'))?;
    let known = SHORTS.iter().find(|(programs, option, stands)| {
        // `-fsu user:password`: the last of several combined letters takes the value.
        let is_last = *stands != PasswordPosition::Attached
            && letters.len() <= 5
            && letters.ends_with(&option[1..])
            && letters.bytes().all(|b| b.is_ascii_lowercase());
        programs.contains(&program) && (word.starts_with(option) || is_last)
    });
    let Some((_, option, stands)) = known else {
        return unknown(text, letters, next);
    };
    let attached = if word.starts_with(option) {
        unquoted(text, span.start + option.len()..span.end)
    } else {
        span.end..span.end
    };
    let value = match stands {
        PasswordPosition::Attached => Some(attached).filter(|value| !value.is_empty())?,
        PasswordPosition::Beside | PasswordPosition::BehindUser => {
            if attached.is_empty() {
                next?
            } else {
                attached
            }
        }
    };
    if *stands == PasswordPosition::BehindUser {
        return behind_user(text, value);
    }
    Some(Part {
        name: "password".into(),
        value,
    })
}

/// `-u user:password` of an unknown program.
fn unknown(text: &str, letters: &str, next: Option<Range<usize>>) -> Option<Part> {
    let value =
        next.filter(|next| letters == "u" && value::is_user_and_password(&text[next.clone()]))?;
    behind_user(text, value)
}

/// The password of `user:password`, `user%password` or `user;password;…`.
fn behind_user(text: &str, value: Range<usize>) -> Option<Part> {
    let inner = &text[value.clone()];
    let colon = inner.find([':', '%', ';'])?;
    let end = inner[colon + 1..]
        .find(';')
        .map_or(value.end, |end| value.start + colon + 1 + end);
    Some(Part {
        name: "password".into(),
        value: value.start + colon + 1..end,
    })
}

/// The words of a command, split like a shell does and without outer quotes. For a list such as
/// `["a", "b"]`, its items.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut start, mut quote, mut depth) = (None, None, 0_i32);
    for (at, c) in text.char_indices() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => {
                quote = Some(c);
                start = start.or(Some(at));
            }
            (None, c)
                if c.is_whitespace() && depth <= 0
                    || matches!(c, ',' | '[' | ']') && text.starts_with('[') =>
            {
                found.extend(start.take().map(|start| start..at));
            }
            (None, _) => start = start.or(Some(at)),
        }
    }
    found.extend(start.map(|start| start..text.len()));
    found
        .into_iter()
        .map(|span| unquoted(text, span))
        .filter(|span| !span.is_empty())
        .collect()
}

fn unquoted(text: &str, span: Range<usize>) -> Range<usize> {
    let word = text[span.clone()].trim_end_matches(';');
    let is_quoted = word.len() >= 2
        && ['"', '\'', '`']
            .iter()
            .any(|quote| word.starts_with(*quote) && word.ends_with(*quote));
    let end = span.start + word.len();
    if is_quoted {
        span.start + 1..end - 1
    } else {
        span.start..end
    }
}
