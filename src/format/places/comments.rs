//! Comments, which may hold commented-out assignments, and tokens or URLs in prose.

use std::ops::Range;

use zeroize::Zeroizing;

use super::{Lines, Place, Role, Writing, pem};

/// Creates a place for each comment. The lines of a commented-out PEM key form one place.
pub(super) fn places(text: &str, comments: &[Range<usize>], lines: &Lines) -> Vec<Place> {
    let keys = pem::regions(text);
    let mut places: Vec<Place> = Vec::new();
    for comment in comments {
        let key = keys.iter().find(|key| comment.contains(&key.start));
        let span = comment.start..key.map_or(comment.end, |key| key.end.max(comment.end));
        if places
            .last()
            .is_some_and(|last| last.span.end >= comment.end)
        {
            continue; // a line of the previous key
        }
        places.push(place(text, span, lines));
    }
    places
}

fn place(text: &str, span: Range<usize>, lines: &Lines) -> Place {
    let own = &text[span.clone()];
    let name = assignment(own)
        .map_or("", |(name, _)| &own[name])
        .to_owned();
    let path = if name.is_empty() {
        "comment".to_owned()
    } else {
        format!("comment {name}")
    };
    Place {
        name,
        other_names: Vec::new(),
        path,
        line: lines.at(span.start),
        text: Zeroizing::new(own.to_owned()),
        span,
        role: Role::Comment,
        writing: Writing::Verbatim,
        in_flow: false,
    }
}

/// The name and value of a commented-out `NAME=value`, `- NAME=value` or `key: value`. The value
/// excludes a trailing comment.
pub(in crate::format) fn assignment(comment: &str) -> Option<(Range<usize>, Range<usize>)> {
    let first = comment.lines().next()?;
    let mut at = first.len() - first.trim_start_matches(['#', ' ', '\t', ';']).len();
    for skipped in ["- ", "export "] {
        let rest = first[at..].strip_prefix(skipped).unwrap_or(&first[at..]);
        at = first.len() - rest.trim_start().len();
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let rest = first[at..].trim_start_matches(['"', '\'']);
    let name_start = first.len() - rest.len();
    let name_end = name_start + rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let behind = first[name_end..].trim_start_matches(['"', '\'']);
    let behind = behind.trim_start_matches([' ', '\t']);
    let value = match behind.as_bytes() {
        [b'=', b'=', ..] => return None,
        [b'=', ..] => &behind[1..],
        [b':'] => "",
        [b':', b' ' | b'\t', ..] => &behind[1..],
        _ => return None,
    };
    let starts_as_name =
        first[name_start..name_end].starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_as_name {
        return None;
    }
    let from = first.len() - value.len();
    let value_start = from + (value.len() - value.trim_start_matches([' ', '\t']).len());
    let note = first[from..]
        .match_indices('#')
        .map(|(found, _)| from + found)
        .find(|found| first[..*found].ends_with([' ', '\t', '=']));
    let end = note.unwrap_or(first.len());
    let value_start = value_start.min(end);
    let value_end = value_start + first[value_start..end].trim_end().len();
    Some((name_start..name_end, value_start..value_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(comment: &str) -> Option<(&str, &str)> {
        assignment(comment).map(|(name, value)| (&comment[name], &comment[value]))
    }

    #[test]
    fn commented_out_assignments_are_distinguished_from_prose() {
        assert_eq!(
            of("# DB_MAX=25    # max open connections"),
            Some(("DB_MAX", "25"))
        );
        assert_eq!(of("# TOKEN=      # bearer token"), Some(("TOKEN", "")));
        assert_eq!(of("##export A_B = 'x y'"), Some(("A_B", "'x y'")));
        assert_eq!(of("#  - API_KEY=abc"), Some(("API_KEY", "abc")));
        assert_eq!(of("# api_key: abc # c"), Some(("api_key", "abc")));
        assert_eq!(of("# \"api_key\": abc"), Some(("api_key", "abc")));
        for prose in [
            "# a note = fine",
            "# see https://x.example",
            "# 12:30 is the time",
            "# x == y",
            "#",
            "# only words",
        ] {
            assert_eq!(of(prose), None, "{prose}");
        }
    }
}
