//! Verdicts for all places of a file.

use std::ops::Range;

use super::super::places::{Place, Role};
use super::name::{NameHint, name_hint};
use super::{Verdict, classify, rules};

/// A place with its verdict.
pub struct Judged<'a> {
    /// The place.
    pub place: &'a Place,
    /// The verdict. Its spans refer to [`Place::text`].
    pub verdict: Verdict,
}

/// Judges every place of a file, in order.
#[must_use]
pub fn judge_places(places: &[Place]) -> Vec<Judged<'_>> {
    let mut judged: Vec<Judged<'_>> = places
        .iter()
        .map(|place| Judged {
            place,
            verdict: by_names(place),
        })
        .collect();
    lists_of_bytes(places, &mut judged);
    let mut start = 0;
    while start < judged.len() {
        let end = end_of_command(places, start);
        if end > start + 1
            && let Some(command) = judged.get_mut(start..end)
        {
            together(command);
        }
        start = end.max(start + 1);
    }
    judged
}

/// The fewest numbers in a list of bytes that count as a key.
const MIN_BYTES: usize = 8;

/// Finds keys that are written as a list of bytes, as Zigbee2MQTT's `network_key`.
fn lists_of_bytes(places: &[Place], judged: &mut [Judged<'_>]) {
    let list = |place: &Place| {
        place
            .path
            .rsplit_once('[')
            .map(|(list, _)| list.to_owned())
            .filter(|_| place.path.ends_with(']'))
    };
    let is_byte = |place: &Place| {
        let text = place.text.trim();
        text.parse::<u8>().is_ok()
            || text
                .strip_prefix("0x")
                .is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok())
    };
    let mut start = 0;
    while let Some(first) = places.get(start) {
        let Some(path) =
            list(first).filter(|_| name_hint(&first.name) == NameHint::Token && is_byte(first))
        else {
            start += 1;
            continue;
        };
        let rest = places.get(start..).unwrap_or_default();
        let count = rest
            .iter()
            .take_while(|place| list(place).as_ref() == Some(&path) && is_byte(place))
            .count();
        if count >= MIN_BYTES {
            for one in judged.iter_mut().skip(start).take(count) {
                one.verdict = Verdict {
                    is_secret: true,
                    kind: rules::TOKEN.kind,
                    rule: &rules::TOKEN,
                    severity: rules::TOKEN.severity,
                    spans: std::iter::once(0..one.place.text.len()).collect(),
                };
            }
        }
        start += count.max(1);
    }
}

/// Judges a place under each of its names. It is a secret if it is one under any of them.
fn by_names(place: &Place) -> Verdict {
    let own = classify(&place.name, &place.text, place.role);
    if own.is_secret {
        return own;
    }
    let others = place
        .other_names
        .iter()
        .map(|name| classify(name, &place.text, place.role));
    others
        .into_iter()
        .find(|verdict| verdict.is_secret)
        .unwrap_or(own)
}

/// The index after the last item of a command that is written as a list and begins at `start`.
/// Returns `start` if no such command begins there.
fn end_of_command(places: &[Place], start: usize) -> usize {
    let list = |place: &Place| {
        let in_command = place.path.ends_with(']')
            && (place.role == Role::Command
                || place.role == Role::Healthcheck
                || place.role == Role::Value);
        let list = place.path.rsplit_once('[').map(|(list, _)| list.to_owned());
        list.filter(|list| in_command && is_command(list))
    };
    let Some(first) = places.get(start).and_then(list) else {
        return start;
    };
    let rest = places.get(start..).unwrap_or_default();
    start
        + rest
            .iter()
            .take_while(|place| list(place).as_ref() == Some(&first))
            .count()
}

fn is_command(path: &str) -> bool {
    matches!(
        path.rsplit('.').next(),
        Some("command" | "entrypoint" | "test" | "args")
    )
}

/// Judges the items of a command together: `-p` needs the item after it, and the program that both
/// belong to.
fn together(items: &mut [Judged<'_>]) {
    let mut whole = zeroize::Zeroizing::new(String::new());
    let mut spans = Vec::with_capacity(items.len());
    for item in items.iter() {
        let start = whole.len();
        // Each item is one word: a blank in it must not split it.
        whole.extend(
            item.place
                .text
                .chars()
                .map(|c| if c.is_ascii_whitespace() { '_' } else { c }),
        );
        spans.push(start..whole.len());
        whole.push(' ');
    }
    let verdict = classify("command", &whole, Role::Command);
    for (item, span) in items.iter_mut().zip(spans) {
        let own = |found: &Range<usize>| {
            let inside = found.start >= span.start && found.end <= span.end;
            inside.then(|| found.start - span.start..found.end - span.start)
        };
        let found: Vec<Range<usize>> = verdict.spans.iter().filter_map(own).collect();
        if !item.verdict.is_secret && !found.is_empty() {
            item.verdict = Verdict {
                spans: found,
                ..verdict.clone()
            };
        }
    }
}
