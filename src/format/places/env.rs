//! The places of an env file.

use std::ops::Range;

use zeroize::Zeroizing;

use super::super::dotenv::{self, Dialect};
use super::super::edit::NewEntry;
use super::{Lines, Place, Role, Writing, comments, pem};

/// Finds entries, comments, and unreadable lines, which may continue a value.
pub(super) fn places(text: &str, dialect: Dialect) -> Vec<Place> {
    let lines = Lines::of(text);
    let keys = pem::regions(text);
    let document = dotenv::parse(text, dialect);
    let (mut places, mut notes, mut at) = (Vec::new(), Vec::new(), 0);
    for entry in &document.entries {
        if entry.start < at {
            continue; // a line of a PEM key that looks like an entry
        }
        between(text, at..entry.start, &lines, &mut places, &mut notes);
        let key = keys.iter().find(|key| entry.value.contains(&key.start));
        let span =
            entry.value.start..key.map_or(entry.value.end, |key| key.end.max(entry.value.end));
        let line_end = text[span.end..]
            .find('\n')
            .map_or(text.len(), |length| span.end + length + 1);
        notes.extend(comment_in(text, span.end..line_end));
        places.push(value(text, entry, span, &lines));
        at = line_end;
    }
    between(text, at..text.len(), &lines, &mut places, &mut notes);
    places.extend(comments::places(text, &notes, &lines));
    places.sort_by_key(|place| place.span.start);
    places
}

fn value(text: &str, entry: &NewEntry, span: Range<usize>, lines: &Lines) -> Place {
    let raw = &text[span.clone()];
    Place {
        name: entry.key.clone(),
        other_names: Vec::new(),
        path: entry.key.clone(),
        line: lines.at(entry.start),
        text: Zeroizing::new(dotenv::unquote(raw)),
        span,
        role: Role::Value,
        writing: Writing::Env,
        in_flow: false,
    }
}

/// Collects the comments and unreadable lines between two entries.
fn between(
    text: &str,
    range: Range<usize>,
    lines: &Lines,
    places: &mut Vec<Place>,
    notes: &mut Vec<Range<usize>>,
) {
    let mut at = range.start;
    while at < range.end {
        let end = text[at..range.end]
            .find('\n')
            .map_or(range.end, |length| at + length + 1);
        let body = text[at..end].trim_start_matches('\u{feff}').trim();
        let start = text[at..end].find(body).map_or(at, |found| at + found);
        if body.starts_with('#') {
            notes.extend(comment_in(text, start..end));
        } else if !body.is_empty() {
            places.push(Place {
                name: String::new(),
                other_names: Vec::new(),
                path: String::new(),
                line: lines.at(start),
                span: start..start + body.len(),
                text: Zeroizing::new(body.to_owned()),
                role: Role::Value,
                writing: Writing::Verbatim,
                in_flow: false,
            });
        }
        at = end;
    }
}

/// The range without leading white space and without the line end.
fn comment_in(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let line = &text[range.clone()];
    let start = line.find(|c: char| !c.is_whitespace())?;
    Some(range.start + start..range.start + line.trim_end_matches(['\r', '\n']).len())
}
