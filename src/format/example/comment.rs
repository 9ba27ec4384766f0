//! Finds the secrets in comments: the values of commented-out assignments, and tokens and passwords
//! in prose.

use std::ops::Range;

use super::super::classify::{Role, classify};
use super::super::places::{Place, assignment};
use super::Care;
use super::decision::may_stay;
use crate::names::is_public_name;

/// The replacement for a token in prose.
const GONE: &str = "…";

/// The parts of a comment to remove, each with its replacement.
pub(super) fn secrets(place: &Place, care: Care) -> Vec<(Range<usize>, String)> {
    let text = place.text.as_str();
    let value = assignment(text).filter(|(name, _)| {
        text[name.end..]
            .trim_start_matches(['"', '\'', ' ', '\t'])
            .starts_with('=')
    });
    let mut spans = classify("", text, Role::Comment).spans;
    spans.extend(key(text));
    spans.extend(random_words(text, care));
    if let Some((name, value)) = &value
        && !is_harmless(&text[name.clone()], text[value.clone()].trim())
    {
        spans.push(value.clone());
    }
    spans.retain(|span| !span.is_empty());
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    let mut apart: Vec<Range<usize>> = Vec::new();
    for span in spans {
        match apart.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            Some(_) | None => apart.push(span),
        }
    }
    let is_whole_value = |span: &Range<usize>| {
        value
            .as_ref()
            .is_some_and(|(_, value)| span.start <= value.start && span.end >= value.end)
    };
    let instead = |span: &Range<usize>| {
        if is_whole_value(span) {
            String::new()
        } else {
            GONE.to_owned()
        }
    };
    apart
        .iter()
        .map(|span| (span.clone(), instead(span)))
        .collect()
}

/// Whether the value of a commented-out assignment may stay. Three or more words without quotes are
/// prose: `PASSWORD=the password of …`.
fn is_harmless(name: &str, value: &str) -> bool {
    let is_quoted = value.starts_with(['"', '\'', '`']);
    let inner = value.trim_matches(['"', '\'', '`']);
    let words = inner.split_whitespace().count();
    let is_word = |word: &str| {
        word.chars()
            .all(|c| c.is_alphabetic() || matches!(c, '.' | ',' | '-' | '\'' | '(' | ')' | ':'))
    };
    if !is_quoted && words >= 3 && inner.split_whitespace().all(is_word) {
        return true;
    }
    let verdict = classify(name, inner, Role::Value);
    !verdict.is_secret && may_stay(name, inner, verdict.kind)
}

/// A private key: from its begin mark to the end of the text.
fn key(text: &str) -> Option<Range<usize>> {
    let start = text.find("-----BEGIN ")?;
    let is_public = text[start..].starts_with("-----BEGIN CERTIFICATE")
        || text[start..].starts_with("-----BEGIN PUBLIC");
    (!is_public).then_some(start..text.len())
}

/// Finds words that look random. For AI models, also words that only might be secrets.
fn random_words(text: &str, care: Care) -> Vec<Range<usize>> {
    let (mut at, mut found) = (0, Vec::new());
    for part in text.split_inclusive(char::is_whitespace) {
        let word = part.trim_end();
        let start = at;
        at += part.len();
        // Of a pair `name=value`, classify the value alone: `secrets` has already used the name.
        let behind = word.trim_end_matches('=').find('=').map_or(0, |at| at + 1);
        let core = word[behind..]
            .trim_matches(|c: char| c.is_ascii_punctuation() && !matches!(c, '/' | '+' | '='));
        let core_start = start + behind + word[behind..].find(core).unwrap_or(0);
        let spans = classify("", core, Role::Value).spans;
        found.extend(
            spans
                .into_iter()
                .map(|span| core_start + span.start..core_start + span.end),
        );
        if care == Care::EachPlaceAlone {
            let parts = [start..start + behind, core_start..core_start + core.len()];
            found.extend(
                parts
                    .into_iter()
                    .filter(|part| may_be_token(&text[part.clone()])),
            );
        }
    }
    found
}

/// Whether a word of a comment could be a secret, judging only by the word.
fn may_be_token(word: &str) -> bool {
    let core = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let has = |fits: fn(char) -> bool| core.chars().any(fits);
    let is_mixed =
        core.len() >= 8 && has(|c| c.is_ascii_digit()) && has(|c| c.is_ascii_alphabetic());
    let is_random = core.len() >= 16 && !core.contains(['/', '.', ':']) && !is_public_name(core);
    let is_address = word.contains("://");
    !is_address && (is_random || is_mixed && !is_public_name(core) && !core.contains('.'))
}
